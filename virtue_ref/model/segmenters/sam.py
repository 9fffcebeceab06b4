"""The order in which the parts of a SAM run: SAM 2, SAM 3, EdgeTAM and SAM-HQ differ in the parts alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scar.sample import Mask
from virtue_ref.model.prompts import FIRST_CORNER, POSITIVE, PointPrompt
from virtue_ref.model.segmenters.segmenter import IMAGENET, MaskState, Normalisation, PredictedMasks

PASS_FLOATS = 2**20
"""Most floats in the maps that a CPU decodes in one pass; larger passes overflow its cache and are a quarter slower."""

INSIDE, OUTSIDE = 10.0, -10.0
"""Logits of the pixels inside and outside a mask prompt, the values that SAM 2 itself uses."""


class SamSegmenter(nn.Module, ABC):
    """A SAM's image encoder and mask decoder.

    The mask decoder's two-way transformer has two outputs: tokens, from which SAM makes masks, and an image map, from
    which VIRTUE makes segment tokens. `encode` and `decode` make the map alone: mask heads and high-resolution levels
    are not run. `encode_for_masks` and `decode_masks` make the masks.

    This class defines the order in which the parts run. Its subclasses provide the parts:
    `virtue_ref.model.segmenters.sam2.StockSam2` from the `sam2` package,
    `virtue_ref.model.segmenters.sam_transformers.TransformersSam` from transformers.
    """

    sam: Any  # torch types every attribute of a module as tensor or module; a SAM has flags and sizes too
    normalisation: Normalisation = IMAGENET

    @property
    @abstractmethod
    def size(self) -> int:
        """Side of the input square in pixels."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of channels of the maps."""

    @property
    @abstractmethod
    def grid(self) -> int:
        """Side of the maps in cells."""

    @property
    @abstractmethod
    def compiled_part(self) -> nn.Module:
        """The image encoder's trunk, which takes most of the time."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Encode (I, 3, size, size) squares as (I, channels, grid, grid) maps, which do not depend on a prompt."""

    @abstractmethod
    def encode_for_masks(self, images: Tensor) -> list[MaskState]:
        """Encode I squares for `decode_masks`; see `Segmenter.encode_for_masks`."""

    @abstractmethod
    def embed_points(self, prompts: Sequence[PointPrompt]) -> Tensor:
        """Embed R prompts as (R, K, channels); K counts the padding point, where this SAM adds one.

        All prompts have the same number of points, and all or none have a box. They may have no points, beside a mask.
        """

    @abstractmethod
    def get_output_tokens(self) -> Tensor:
        """Return the (O, channels) tokens for scores and masks; they stand before those of a prompt."""

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
            tokens: (R, O + K, channels), the O output tokens and K prompt tokens of each prompt.
            image: (R, cells, channels), the maps, cells row by row.
            positions: (1, cells, channels), position encodings of the cells.

        Returns:
            (R, cells, channels), the mixed maps.
        """

    @abstractmethod
    def run_mask_decoder(self, state: MaskState, points: Tensor, dense: Tensor, many: bool) -> tuple[Tensor, Tensor]:
        """Run the whole mask decoder on one image and one prompt.

        Args:
            state: the image, from `encode_for_masks`.
            points: (1, K, channels), from `embed_points`.
            dense: (1, channels, grid, grid), the embedding of the prompt's mask, or of there being none.
            many: whether to make the masks of an ambiguous prompt, such as a shirt and its wearer, or one mask.

        Returns:
            (M, height, width) logits of masks, and (M,) scores: SAM's estimate of each mask's intersection over union.
        """

    @abstractmethod
    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename a checkpoint's weights to the keys of this module's ``state_dict``; see `Segmenter.import_weights`."""

    @abstractmethod
    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Rename this module's ``state_dict`` to a checkpoint's keys; see `Segmenter.export_weights`."""

    def decode(self, features: Sequence[Tensor], prompts: Sequence[PointPrompt]) -> Tensor:
        """Mix one prompt into each of R maps; returns (R, channels, grid, grid). See `Segmenter.decode`."""
        limit = len(prompts) if features[0].is_cuda else max(1, PASS_FLOATS // features[0].numel())
        decoded: dict[int, Tensor] = {}
        for rows in _group_by_tokens(prompts):
            for start in range(0, len(rows), limit):
                some = rows[start : start + limit]
                maps = torch.stack([features[row] for row in some])  # (r, channels, grid, grid)
                decoded.update(zip(some, self._decode_pass(maps, [prompts[row] for row in some]), strict=True))
        return torch.stack([decoded[row] for row in range(len(prompts))])

    def decode_masks(self, states: Sequence[MaskState], prompts: Sequence[PointPrompt]) -> list[PredictedMasks]:
        """Make the masks of one prompt on each of R images; see `Segmenter.decode_masks`."""
        predicted = []
        for state, prompt in zip(states, prompts, strict=True):
            map_ = state.map[None]
            points = self.embed_points([prompt]).to(map_.dtype)
            is_click = prompt.labels == (POSITIVE,) and prompt.mask is None  # a single one may mean a part or the whole
            logits, scores = self.run_mask_decoder(state, points, self._embed_dense([prompt], map_), is_click)
            order = scores.argsort(descending=True, stable=True)
            predicted.append(PredictedMasks(logits[order], scores[order]))
        return predicted

    def _decode_pass(self, maps: Tensor, prompts: Sequence[PointPrompt]) -> Tensor:
        given = self.embed_points(prompts).to(maps.dtype)  # (R, K, channels)
        tokens = torch.cat([self.get_output_tokens().expand(len(prompts), -1, -1), given], dim=1)  # (R, O + K, ...)
        positions = self.get_image_positions().to(maps.dtype).flatten(2).transpose(1, 2)  # (1, cells, channels)
        image = (maps + self._embed_dense(prompts, maps)).flatten(2).transpose(1, 2)  # (R, cells, channels)
        return self.run_two_way(tokens, image, positions).transpose(1, 2).reshape(maps.shape)

    def _embed_dense(self, prompts: Sequence[PointPrompt], maps: Tensor) -> Tensor:
        """Embed the masks of R prompts, or that there are none, as (R, channels, grid, grid)."""
        dense = self.get_no_mask_embedding().reshape(1, -1, 1, 1).expand_as(maps)
        drawn = [row for row, prompt in enumerate(prompts) if prompt.mask is not None]
        if drawn:
            dense = dense.clone()
            dense[drawn] = self.embed_masks([prompt.mask for prompt in prompts if prompt.mask is not None], maps)
        return dense


def _group_by_tokens(prompts: Sequence[PointPrompt]) -> Iterator[list[int]]:
    """Group the rows whose prompts share a pass: padding shorter prompts would change them, for it is attended to."""
    groups = defaultdict(list)
    for row, prompt in enumerate(prompts):
        groups[len(prompt.xy), FIRST_CORNER in prompt.labels].append(row)
    yield from groups.values()


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
