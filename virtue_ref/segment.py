"""SAM 2 as a source of prompt-conditioned image maps, from the stock `sam2` package."""

from __future__ import annotations

import copy
import importlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor, nn
from torch.nn import functional

from scar.sample import Mask
from virtue_ref.errors import ConfigError
from virtue_ref.prompts import Clicks

TARGET = re.compile(r"sam2\.modeling(\.[a-z0-9_]+)+\.[A-Z][A-Za-z0-9]*")
CACHED_FLOATS = 2**20
"""Size of what a CPU mixes in one pass: more falls out of its cache and takes a quarter longer a region (measured)."""

INSIDE, OUTSIDE = 10.0, -10.0
"""Logits that stand for a drawn mask's pixels; SAM 2 itself writes a given mask so."""


class Segmenter(nn.Module):
    """SAM 2's image encoder and the part of its mask decoder that mixes a prompt into the image.

    The mask decoder's two-way transformer has two outputs: tokens, of which SAM makes masks, and the image's side, of
    which VIRTUE makes tokens. Only the second is computed here; mask heads and high-resolution levels stay idle.

    Args:
        model: SAM 2's config, see `virtue_ref.config.SegmenterConfig`.
    """

    sam: Any  # torch types every attribute of a module as tensor or module; SAM 2 has flags and sizes too

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self.sam = build(model)

    @property
    def channels(self) -> int:
        """Depth of the maps."""
        return int(self.sam.hidden_dim)

    def encode(self, frames: Tensor) -> Tensor:
        """(I, 3, side, side) squares -> (I, channels, 64, 64) maps that know no prompt yet; 64 is side / 16."""
        encoder = self.sam.image_encoder
        levels = encoder.trunk(frames)
        used = len(levels) - 1 - encoder.scalp
        projected, _ = _coarse_levels(encoder.neck, used)(levels[used:])
        maps = projected[0].to(frames.dtype)  # (I, channels, 64, 64)
        if self.sam.directly_add_no_mem_embed:
            maps = maps + self.sam.no_mem_embed.reshape(1, -1, 1, 1)
        return cast(Tensor, maps)

    def forward(self, maps: Sequence[Tensor], clicks: Sequence[Clicks]) -> Tensor:
        """Mix one prompt into each map.

        Args:
            maps: R times (channels, 64, 64) from `encode`.
            clicks: R prompts.

        Returns:
            (R, channels, 64, 64)
        """
        together = len(clicks) if maps[0].is_cuda else max(1, CACHED_FLOATS // maps[0].numel())
        alike = defaultdict(list)
        for row, prompt in enumerate(clicks):
            # Prompts of one length share a pass. Padding shorter ones would change them: padding is attended to.
            alike[len(prompt.xy)].append(row)
        mixed: dict[int, Tensor] = {}
        for rows in alike.values():
            for start in range(0, len(rows), together):
                some = rows[start : start + together]
                out = self._mix(torch.stack([maps[row] for row in some]), [clicks[row] for row in some])
                mixed.update(zip(some, out, strict=True))
        return torch.stack([mixed[row] for row in range(len(clicks))])

    def prompt_tokens(self, clicks: Sequence[Clicks]) -> Tensor:
        """(R, P + 1, channels): R prompts of P points each, and the padding point that SAM puts behind them."""
        prompts = self.sam.sam_prompt_encoder
        device = self.sam.no_mem_embed.device
        xy = torch.tensor([prompt.xy for prompt in clicks], device=device).reshape(len(clicks), -1, 2)
        labels = torch.tensor([prompt.labels for prompt in clicks], device=device, dtype=torch.int32)
        tokens, _ = prompts(points=(xy, labels.reshape(len(clicks), -1)), boxes=None, masks=None)
        return cast(Tensor, tokens)

    def _mix(self, maps: Tensor, clicks: Sequence[Clicks]) -> Tensor:
        prompts, decoder = self.sam.sam_prompt_encoder, self.sam.sam_mask_decoder
        regions, channels, height, width = maps.shape
        dense = prompts.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(maps)  # (R, channels, 64, 64)
        drawn = [row for row, prompt in enumerate(clicks) if prompt.mask is not None]
        if drawn:
            logits = torch.stack([_logits(prompt.mask, prompts.mask_input_size) for prompt in clicks if prompt.mask])
            dense = dense.clone()
            dense[drawn] = prompts.mask_downscaling(logits.to(maps))
        fixed = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        if decoder.pred_obj_scores:
            fixed.insert(0, decoder.obj_score_token.weight)
        given = self.prompt_tokens(clicks).to(maps.dtype)
        tokens = torch.cat([torch.cat(fixed).expand(regions, -1, -1), given], dim=1)  # (R, K, channels)
        places = prompts.get_dense_pe().to(maps.dtype).flatten(2).transpose(1, 2)  # (1, 4096, channels)
        image = (maps + dense).flatten(2).transpose(1, 2)  # (R, 4096, channels)
        mixed = tokens
        for layer in decoder.transformer.layers:
            mixed, image = layer(queries=mixed, keys=image, query_pe=tokens, key_pe=places)
        return cast(Tensor, image.transpose(1, 2).reshape(regions, channels, height, width))


def build(model: Mapping[str, Any]) -> nn.Module:
    """SAM 2 from its config, which may come with a stranger's checkpoint: it can name nothing but SAM 2's own modules.

    The memory that tracks things through a video may be left out of the config; it is never run.

    Raises:
        ConfigError: the config names another target, reads files or does not fit SAM 2.
    """
    _check(model, "model")
    plain = {"memory_attention": None, "memory_encoder": None, **model, "compile_image_encoder": False}
    try:
        sam = instantiate(plain, _convert_="all")
    except (HydraException, OmegaConfBaseException) as error:  # whatever the constructors raise comes wrapped
        raise ConfigError(f"the segmenter's config does not build a SAM 2: {error}") from error
    if not isinstance(sam, nn.Module) or not hasattr(sam, "sam_mask_decoder"):
        raise ConfigError(f"the segmenter's config builds a {type(sam).__name__}, not a SAM 2.")
    return sam.eval()


def _coarse_levels(neck: Any, first: int) -> nn.Module:
    """The same feature pyramid, weights shared, for the levels from `first` on; the finer ones are not asked for."""
    short = copy.copy(neck)
    short._modules = {**neck._modules, "convs": neck.convs[: len(neck.convs) - first]}  # convs stand coarsest first
    short.fpn_top_down_levels = [level - first for level in neck.fpn_top_down_levels if level >= first]
    return cast(nn.Module, short)


def _check(value: Any, place: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "_target_":
                _check_target(inner, place)
            elif str(key).startswith("_") or key == "weights_path":
                raise ConfigError(f"the segmenter's config has {key!r} at {place}: refused, it could load other code.")
            else:
                _check(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check(inner, f"{place}[{index}]")
    elif isinstance(value, str) and "${" in value:
        raise ConfigError(f"the segmenter's config interpolates {value!r} at {place}: refused.")


def _check_target(target: Any, place: str) -> None:
    """A class of that module itself: `sam2.modeling.x.torch.load` has the right beginning and is none."""
    if isinstance(target, str) and TARGET.fullmatch(target):
        module, _, name = target.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            found = None
        if isinstance(found, type) and issubclass(found, nn.Module) and found.__module__ == module:
            return
    raise ConfigError(f"the segmenter's config wants {target!r} at {place}: only modules of sam2.modeling are built.")


def _logits(mask: Mask, size: tuple[int, int]) -> Tensor:
    """(1, h, w): the mask as the prompt encoder's mask input, squeezed like the image."""
    pixels = torch.from_numpy(mask.to_array())[None, None].float()  # (1, 1, H, W)
    inside = functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)[0]
    return inside * (INSIDE - OUTSIDE) + OUTSIDE
