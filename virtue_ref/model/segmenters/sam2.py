"""SAM 2 as a source of image maps that know a prompt."""

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
PASS_FLOATS = 2**20
"""Size of what a CPU mixes in one pass: more falls out of its cache and takes a quarter longer a region (measured)."""

INSIDE, OUTSIDE = 10.0, -10.0
"""Logits that stand for a drawn mask's pixels; SAM 2 itself writes a given mask so."""


class Sam2Segmenter(nn.Module, ABC):
    """SAM 2's image encoder and the part of its mask decoder that mixes a prompt into the image.

    The mask decoder's two-way transformer has two outputs: tokens, of which SAM makes masks, and the image's side, of
    which VIRTUE makes tokens. Only the second is computed here; mask heads and high-resolution levels stay idle.

    This class says in which order SAM's parts run. Whose parts they are is said below: `StockSam2` has those of the
    `sam2`
    package, `virtue_ref.model.segmenters.sam2_transformers` those of transformers.
    """

    sam: Any  # torch types every attribute of a module as tensor or module; SAM 2 has flags and sizes too

    @property
    @abstractmethod
    def channels(self) -> int:
        """Depth of the maps."""

    @property
    @abstractmethod
    def compiled_part(self) -> nn.Module:
        """What `torch.compile` is worth its time for."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """(I, 3, side, side) squares -> (I, channels, 64, 64) maps that know no prompt yet; 64 is side / 16."""

    @abstractmethod
    def embed_points(self, prompts: Sequence[PointPrompt]) -> Tensor:
        """(R, P + 1, channels): R prompts of P points each, and the padding point that SAM puts behind them."""

    @abstractmethod
    def get_output_tokens(self) -> Tensor:
        """(K, channels): object score, IoU and masks, the tokens that stand before a prompt's."""

    @abstractmethod
    def get_no_mask_embedding(self) -> Tensor:
        """(1, channels): what stands for the mask that nobody drew."""

    @abstractmethod
    def embed_masks(self, masks: Sequence[Mask], like: Tensor) -> Tensor:
        """(M, channels, 64, 64) of masks of any size; device and type are those of `like`."""

    @abstractmethod
    def get_image_positions(self) -> Tensor:
        """(1, channels, 64, 64): where each cell of a map is."""

    @abstractmethod
    def run_two_way(self, tokens: Tensor, image: Tensor, positions: Tensor) -> Tensor:
        """(R, K, channels), (R, 4096, channels), (1, 4096, channels) -> the image's side, (R, 4096, channels)."""

    @abstractmethod
    def rename_weights(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """SAM 2's weights under the names of this module's state."""

    def forward(self, maps: Sequence[Tensor], prompts: Sequence[PointPrompt]) -> Tensor:
        """Mix one prompt into each map.

        Args:
            maps: R times (channels, 64, 64) from `encode`.
            prompts: R prompts.

        Returns:
            (R, channels, 64, 64)
        """
        together = len(prompts) if maps[0].is_cuda else max(1, PASS_FLOATS // maps[0].numel())
        alike = defaultdict(list)
        for row, prompt in enumerate(prompts):
            # Prompts of one length share a pass. Padding shorter ones would change them: padding is attended to.
            alike[len(prompt.xy)].append(row)
        mixed: dict[int, Tensor] = {}
        for rows in alike.values():
            for start in range(0, len(rows), together):
                some = rows[start : start + together]
                out = self._decode_pass(torch.stack([maps[row] for row in some]), [prompts[row] for row in some])
                mixed.update(zip(some, out, strict=True))
        return torch.stack([mixed[row] for row in range(len(prompts))])

    def _decode_pass(self, maps: Tensor, prompts: Sequence[PointPrompt]) -> Tensor:
        dense = self.get_no_mask_embedding().reshape(1, -1, 1, 1).expand_as(maps)  # (R, channels, 64, 64)
        drawn = [row for row, prompt in enumerate(prompts) if prompt.mask is not None]
        if drawn:
            dense = dense.clone()
            dense[drawn] = self.embed_masks([prompt.mask for prompt in prompts if prompt.mask is not None], maps)
        given = self.embed_points(prompts).to(maps.dtype)  # (R, P + 1, channels)
        tokens = torch.cat([self.get_output_tokens().expand(len(prompts), -1, -1), given], dim=1)  # (R, K, channels)
        places = self.get_image_positions().to(maps.dtype).flatten(2).transpose(1, 2)  # (1, 4096, channels)
        image = (maps + dense).flatten(2).transpose(1, 2)  # (R, 4096, channels)
        return self.run_two_way(tokens, image, places).transpose(1, 2).reshape(maps.shape)


class StockSam2(Sam2Segmenter):
    """The segmenter on the stock `sam2` package.

    Args:
        model: SAM 2's config, see `virtue_ref.config.SegmenterConfig`.
    """

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self.sam = build_sam2(model)

    @property
    def channels(self) -> int:
        return int(self.sam.hidden_dim)

    @property
    def compiled_part(self) -> nn.Module:
        return cast(nn.Module, self.sam.image_encoder.trunk)

    def encode(self, images: Tensor) -> Tensor:
        encoder = self.sam.image_encoder
        levels = encoder.trunk(images)
        used = len(levels) - 1 - encoder.scalp
        projected, _ = _keep_coarse_levels(encoder.neck, used)(levels[used:])
        maps = projected[0].to(images.dtype)  # (I, channels, 64, 64)
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

    def rename_weights(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"sam.{key}": value for key, value in weights.items()}


def make_point_tensors(prompts: Sequence[PointPrompt], device: torch.device) -> tuple[Tensor, Tensor]:
    """(R, P, 2) float32 and (R, P) int32 of R prompts with P points each."""
    xy = torch.tensor([prompt.xy for prompt in prompts], device=device, dtype=torch.float32)
    labels = torch.tensor([prompt.labels for prompt in prompts], device=device, dtype=torch.int32)
    return xy.reshape(len(prompts), -1, 2), labels.reshape(len(prompts), -1)


def make_mask_logits(masks: Sequence[Mask], size: tuple[int, int]) -> Tensor:
    """(M, 1, h, w): masks of any size as the prompt encoder's mask input, squeezed like the images."""
    logits = []
    for mask in masks:
        pixels = torch.from_numpy(mask.to_array())[None, None].float()  # (1, 1, H, W)
        inside = functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)
        logits.append(inside * (INSIDE - OUTSIDE) + OUTSIDE)
    return torch.cat(logits)


def build_sam2(model: Mapping[str, Any]) -> nn.Module:
    """SAM 2 from its config, which may come with a stranger's checkpoint: it can name nothing but SAM 2's own modules.

    The memory that tracks things through a video may be left out of the config; it is never run.

    Raises:
        ConfigError: the config names another target, reads files or does not fit SAM 2.
    """
    _check_config(model, "model")
    plain = {"memory_attention": None, "memory_encoder": None, **model, "compile_image_encoder": False}
    try:
        sam = instantiate(plain, _convert_="all")
    except (HydraException, OmegaConfBaseException) as error:  # whatever the constructors raise comes wrapped
        raise ConfigError(f"the segmenter's config does not build a SAM 2: {error}") from error
    if not isinstance(sam, nn.Module) or not hasattr(sam, "sam_mask_decoder"):
        raise ConfigError(f"the segmenter's config builds a {type(sam).__name__}, not a SAM 2.")
    return sam.eval()


def _keep_coarse_levels(neck: Any, first: int) -> nn.Module:
    """The same feature pyramid, weights shared, for the levels from `first` on; the finer ones are not asked for."""
    short = copy.copy(neck)
    short._modules = {**neck._modules, "convs": neck.convs[: len(neck.convs) - first]}  # convs stand coarsest first
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
    """A class of that module itself: `sam2.modeling.x.torch.load` has the right beginning and is none."""
    if isinstance(target, str) and TARGET_PATTERN.fullmatch(target):
        module, _, name = target.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            found = None
        if isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module:
            return
    raise ConfigError(f"the segmenter's config wants {target!r} at {where}: only modules of sam2.modeling are built.")
