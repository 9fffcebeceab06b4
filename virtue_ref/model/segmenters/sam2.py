"""SAM 2 as a segmenter: the order in which its parts run, and the parts from the `sam2` package."""

from __future__ import annotations

import copy
import importlib
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor, nn
from torch.nn import functional

from scar.errors import ConfigError
from scar.sample import Mask
from virtue_ref.model.prompts import PointPrompt

TARGET_PATTERN = re.compile(r"sam2\.modeling(\.[a-z0-9_]+)+\.[A-Z][A-Za-z0-9]*")
STRIDE = 16
"""A cell of a map covers STRIDE x STRIDE pixels."""

PASS_FLOATS = 2**20
"""Most floats in the maps that a CPU decodes in one pass; larger passes overflow its cache and are a quarter slower."""

INSIDE, OUTSIDE = 10.0, -10.0
"""Logits of the pixels inside and outside a mask prompt, the values that SAM 2 itself uses."""


class Sam2Segmenter(nn.Module, ABC):
    """SAM 2's image encoder and the part of its mask decoder that mixes a prompt into the image.

    The mask decoder's two-way transformer has two outputs: tokens, from which SAM makes masks, and an image map, from
    which VIRTUE makes segment tokens. Only the map is used; mask heads and high-resolution levels are not run.

    This class defines the order in which SAM 2's parts run. Its subclasses provide the parts: `StockSam2` from the
    `sam2` package, `virtue_ref.model.segmenters.sam2_transformers.TransformersSam2` from transformers.
    """

    sam: Any  # torch types every attribute of a module as tensor or module; SAM 2 has flags and sizes too

    @property
    @abstractmethod
    def size(self) -> int:
        """Side of the input square in pixels."""

    @property
    def channels(self) -> int:
        """Number of channels of the maps."""
        return int(self.sam.hidden_dim)

    @property
    def grid(self) -> int:
        """Side of the maps in cells."""
        return self.size // STRIDE

    @property
    @abstractmethod
    def compiled_part(self) -> nn.Module:
        """The image encoder's trunk, which takes most of the time."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Encode (I, 3, size, size) squares as (I, channels, grid, grid) maps, which do not depend on a prompt."""

    @abstractmethod
    def embed_points(self, prompts: Sequence[PointPrompt]) -> Tensor:
        """Embed R prompts of P points each as (R, P + 1, channels); the last is the padding point that SAM adds.

        All prompts have the same number of points. P may be 0, beside a mask.
        """

    @abstractmethod
    def get_output_tokens(self) -> Tensor:
        """Return the (O, channels) tokens for object score, IoU and masks; they stand before those of a prompt."""

    @abstractmethod
    def get_no_mask_embedding(self) -> Tensor:
        """Return the (1, channels) embedding that is added to every cell of a map whose prompt has no mask."""

    @abstractmethod
    def embed_masks(self, masks: Sequence[Mask], like: Tensor) -> Tensor:
        """Embed M masks of any size as (M, channels, grid, grid), on the device and in the number format of `like`.

        The result is added to the map of an image.
        """

    @abstractmethod
    def get_image_positions(self) -> Tensor:
        """Return the (1, channels, grid, grid) position encodings of a map's cells."""

    @abstractmethod
    def run_two_way(self, tokens: Tensor, image: Tensor, positions: Tensor) -> Tensor:
        """Run the mask decoder's two-way transformer, which mixes the tokens of R prompts into their maps.

        Args:
            tokens: (R, O + P + 1, channels), the O output tokens and P + 1 prompt tokens of each prompt.
            image: (R, cells, channels), the maps, cells row by row.
            positions: (1, cells, channels), position encodings of the cells.

        Returns:
            (R, cells, channels), the mixed maps.
        """

    @abstractmethod
    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename SAM 2's weights to the keys of this module's ``state_dict``; see `Segmenter.import_weights`."""

    @abstractmethod
    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Rename this module's ``state_dict`` to SAM 2's keys; see `Segmenter.export_weights`."""

    def decode(self, features: Sequence[Tensor], prompts: Sequence[PointPrompt]) -> Tensor:
        """Mix one prompt into each of R maps; returns (R, channels, grid, grid). See `Segmenter.decode`."""
        limit = len(prompts) if features[0].is_cuda else max(1, PASS_FLOATS // features[0].numel())
        by_length = defaultdict(list)
        for row, prompt in enumerate(prompts):
            # Prompts of one length share a pass. Padding shorter ones would change them: padding is attended to.
            by_length[len(prompt.xy)].append(row)
        decoded: dict[int, Tensor] = {}
        for rows in by_length.values():
            for start in range(0, len(rows), limit):
                some = rows[start : start + limit]
                maps = torch.stack([features[row] for row in some])  # (r, channels, grid, grid)
                decoded.update(zip(some, self._decode_pass(maps, [prompts[row] for row in some]), strict=True))
        return torch.stack([decoded[row] for row in range(len(prompts))])

    def _decode_pass(self, maps: Tensor, prompts: Sequence[PointPrompt]) -> Tensor:
        dense = self.get_no_mask_embedding().reshape(1, -1, 1, 1).expand_as(maps)  # (R, channels, grid, grid)
        drawn = [row for row, prompt in enumerate(prompts) if prompt.mask is not None]
        if drawn:
            dense = dense.clone()
            dense[drawn] = self.embed_masks([prompt.mask for prompt in prompts if prompt.mask is not None], maps)
        given = self.embed_points(prompts).to(maps.dtype)  # (R, P + 1, channels)
        tokens = torch.cat([self.get_output_tokens().expand(len(prompts), -1, -1), given], dim=1)  # (R, K, channels)
        positions = self.get_image_positions().to(maps.dtype).flatten(2).transpose(1, 2)  # (1, cells, channels)
        image = (maps + dense).flatten(2).transpose(1, 2)  # (R, cells, channels)
        return self.run_two_way(tokens, image, positions).transpose(1, 2).reshape(maps.shape)


class StockSam2(Sam2Segmenter):
    """SAM 2 from the unmodified `sam2` package, with random weights until they are loaded.

    Args:
        model: SAM 2's config, see `virtue_ref.config.SegmenterConfig`.

    Raises:
        ConfigError: the config does not build a SAM 2, see `build_sam2`.
    """

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self.sam = build_sam2(model)

    @property
    def size(self) -> int:
        return int(self.sam.image_size)

    @property
    def compiled_part(self) -> nn.Module:
        return cast(nn.Module, self.sam.image_encoder.trunk)

    def encode(self, images: Tensor) -> Tensor:
        encoder = self.sam.image_encoder
        levels = encoder.trunk(images)
        used = len(levels) - 1 - encoder.scalp
        projected, _ = _keep_coarse_levels(encoder.neck, used)(levels[used:])
        maps = projected[0].to(images.dtype)  # (I, channels, grid, grid)
        if self.sam.directly_add_no_mem_embed:
            maps = maps + self.sam.no_mem_embed.reshape(1, -1, 1, 1)
        return cast(Tensor, maps)

    def embed_points(self, prompts: Sequence[PointPrompt]) -> Tensor:
        xy, labels = make_point_tensors(prompts, self.sam.no_mem_embed.device)
        tokens, _ = self.sam.sam_prompt_encoder(points=(xy, labels), boxes=None, masks=None)
        return cast(Tensor, tokens)

    def get_output_tokens(self) -> Tensor:
        decoder = self.sam.sam_mask_decoder
        tokens = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        if decoder.pred_obj_scores:
            tokens.insert(0, decoder.obj_score_token.weight)
        return torch.cat(tokens)

    def get_no_mask_embedding(self) -> Tensor:
        return cast(Tensor, self.sam.sam_prompt_encoder.no_mask_embed.weight)

    def embed_masks(self, masks: Sequence[Mask], like: Tensor) -> Tensor:
        prompts = self.sam.sam_prompt_encoder
        return cast(Tensor, prompts.mask_downscaling(make_mask_logits(masks, prompts.mask_input_size).to(like)))

    def get_image_positions(self) -> Tensor:
        return cast(Tensor, self.sam.sam_prompt_encoder.get_dense_pe())

    def run_two_way(self, tokens: Tensor, image: Tensor, positions: Tensor) -> Tensor:
        mixed = tokens
        for layer in self.sam.sam_mask_decoder.transformer.layers:
            mixed, image = layer(queries=mixed, keys=image, query_pe=tokens, key_pe=positions)
        return image

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"sam.{key}": value for key, value in stored.items()}

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {key.removeprefix("sam."): value for key, value in state.items()}


def make_point_tensors(prompts: Sequence[PointPrompt], device: torch.device) -> tuple[Tensor, Tensor]:
    """Make the tensors of R prompts with P points each: coordinates (R, P, 2) float32 and labels (R, P) int32."""
    xy = torch.tensor([prompt.xy for prompt in prompts], device=device, dtype=torch.float32)
    labels = torch.tensor([prompt.labels for prompt in prompts], device=device, dtype=torch.int32)
    return xy.reshape(len(prompts), -1, 2), labels.reshape(len(prompts), -1)


def make_mask_logits(masks: Sequence[Mask], size: tuple[int, int]) -> Tensor:
    """Make the prompt encoder's mask input from M masks of any size; the aspect ratio is not kept.

    Args:
        masks: the masks.
        size: (height, width) of the mask input.

    Returns:
        (M, 1, height, width) float32 logits, `INSIDE` the thing and `OUTSIDE` of it, between the two at its edge.
    """
    logits = []
    for mask in masks:
        pixels = torch.from_numpy(mask.to_array())[None, None].float()  # (1, 1, H, W)
        inside = functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
        logits.append(inside * (INSIDE - OUTSIDE) + OUTSIDE)
    return torch.cat(logits)


def build_sam2(model: Mapping[str, Any]) -> nn.Module:
    """Build SAM 2 from its config, with random weights and in evaluation mode.

    The config may come with a checkpoint from a stranger, so only SAM 2's own modules are allowed in it. It may leave
    out the memory that tracks things through a video, which is never run.

    Raises:
        ConfigError: the config names a class outside SAM 2's modules, reads files, or does not build a SAM 2.
    """
    _check_config(model, "model")
    settings = {"memory_attention": None, "memory_encoder": None, **model, "compile_image_encoder": False}
    try:
        sam = instantiate(settings, _convert_="all")
    except (HydraException, OmegaConfBaseException) as error:  # whatever the constructors raise comes wrapped
        raise ConfigError(f"the segmenter's config does not build a SAM 2: {error}") from error
    if not isinstance(sam, nn.Module) or not hasattr(sam, "sam_mask_decoder"):
        raise ConfigError(f"the segmenter's config builds a {type(sam).__name__}, not a SAM 2.")
    return sam.eval()


def _keep_coarse_levels(neck: Any, first: int) -> nn.Module:
    """A copy of the feature pyramid with the levels from `first` on, without the finer ones; weights are shared."""
    short = copy.copy(neck)
    short._modules = {**neck._modules, "convs": neck.convs[: len(neck.convs) - first]}  # the coarsest comes first
    short.fpn_top_down_levels = [level - first for level in neck.fpn_top_down_levels if level >= first]
    return cast(nn.Module, short)


def _check_config(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "_target_":
                _check_target(inner, where)
            elif str(key).startswith("_") or key == "weights_path":
                raise ConfigError(f"the segmenter's config has {key!r} at {where}: refused, it could load other code.")
            else:
                _check_config(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_config(inner, f"{where}[{index}]")
    elif isinstance(value, str) and "${" in value:
        raise ConfigError(f"the segmenter's config interpolates {value!r} at {where}: refused.")


def _check_target(target: Any, where: str) -> None:
    """Check that a target is a class defined in a module of SAM 2; `sam2.modeling.x.torch.load` is refused."""
    if isinstance(target, str) and TARGET_PATTERN.fullmatch(target):
        module, _, name = target.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            found = None
        if isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module:
            return
    raise ConfigError(f"the segmenter's config wants {target!r} at {where}: only modules of sam2.modeling are built.")
