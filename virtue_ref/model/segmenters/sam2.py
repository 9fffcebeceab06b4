"""SAM 2 from the unmodified `sam2` package."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor, nn

from scar.errors import ConfigError
from scar.sample import Mask
from virtue_ref.model.prompts import PointPrompt
from virtue_ref.model.segmenters.hiera_positions import remember_positions
from virtue_ref.model.segmenters.sam import SamSegmenter, make_mask_logits, make_point_tensors
from virtue_ref.model.segmenters.segmenter import MaskState

TARGET_PATTERN = re.compile(r"sam2\.modeling(\.[a-z0-9_]+)+\.[A-Z][A-Za-z0-9]*")
STRIDE = 16
"""A cell of a map covers STRIDE x STRIDE pixels."""


class StockSam2(SamSegmenter):
    """SAM 2 from the unmodified `sam2` package, with random weights until they are loaded.

    Args:
        model: SAM 2's config, see `virtue_ref.config.SegmenterConfig`.

    Raises:
        ConfigError: the config does not build a SAM 2, see `build_sam2`.
    """

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self.sam = build_sam2(model)
        remember_positions(self.sam.image_encoder.trunk)

    @property
    def size(self) -> int:
        return int(self.sam.image_size)

    @property
    def channels(self) -> int:
        return int(self.sam.hidden_dim)

    @property
    def grid(self) -> int:
        return self.size // STRIDE

    @property
    def compiled_part(self) -> nn.Module:
        return cast(nn.Module, self.sam.image_encoder.trunk)

    def encode(self, images: Tensor) -> Tensor:
        encoder = self.sam.image_encoder
        levels = encoder.trunk(images)
        used = len(levels) - 1 - encoder.scalp
        projected, _ = _keep_coarse_levels(encoder.neck, used)(levels[used:])
        maps = projected[0].to(images.dtype)  # (I, channels, grid, grid)
        return self._add_no_memory(maps)

    def encode_for_masks(self, images: Tensor) -> list[MaskState]:
        *finer, coarse = self.sam.forward_image(images)["backbone_fpn"]  # the finer two with the decoder's projection
        maps, used = self._add_no_memory(coarse), finer[-2:] if self.sam.use_high_res_features_in_sam else []
        return [MaskState(map_, levels) for map_, *levels in zip(maps, *used, strict=True)]

    def _add_no_memory(self, maps: Tensor) -> Tensor:
        is_added = self.sam.directly_add_no_mem_embed
        return maps + self.sam.no_mem_embed.reshape(1, -1, 1, 1) if is_added else maps

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

    def run_mask_decoder(self, state: MaskState, points: Tensor, dense: Tensor, many: bool) -> tuple[Tensor, Tensor]:
        logits, scores, _, _ = self.sam.sam_mask_decoder(
            image_embeddings=state.map[None],
            image_pe=self.get_image_positions().to(points.dtype),
            sparse_prompt_embeddings=points,
            dense_prompt_embeddings=dense,
            multimask_output=many,
            repeat_image=False,
            high_res_features=[level[None] for level in state.finer] or None,
        )
        return logits[0], scores[0]

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"sam.{key}": value for key, value in stored.items()}

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {key.removeprefix("sam."): value for key, value in state.items()}


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
