"""Qwen3-VL from transformers, whose language model takes features of an image in its first layers too (DeepStack).

Wired, unverified on weights. Source: Qwen3-VL, arXiv 2511.21631; DeepStack, arXiv 2406.04334.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel

from virtue_ref.model.backbones.backbone import ImageFeatures, PlacedImage
from virtue_ref.model.backbones.qwen_vl import QwenVl


class Qwen3Vl(QwenVl):
    """Qwen3-VL; see `QwenVl`.

    Image tokens have positions in two dimensions, as in transformers: this family was never trained otherwise.
    `ImageFeatures.extra` begins with these, (3, N) int64 from the image's first token on; then come the (N, hidden)
    features for each of the language model's first layers.
    """

    kind = Qwen3VLModel

    def encode_images(self, patches: Tensor, grids: Tensor) -> list[ImageFeatures]:
        out = self.visual(patches.type(self.visual.dtype), grid_thw=grids)
        levels = [self.split_by_image(each, grids) for each in (out.pooler_output, *out.deepstack_features)]
        sides = (grids[:, 1:] // self._rules.merge).tolist()
        return [
            ImageFeatures(tokens, (make_offsets(rows, columns, tokens.device), *deeper))
            for (rows, columns), tokens, *deeper in zip(sides, *levels, strict=True)
        ]

    def forward(self, embeddings: Tensor, positions: Tensor, images: Sequence[PlacedImage]) -> Tensor:
        given: dict[str, Any] = {}
        if images:
            is_image = torch.zeros_like(positions, dtype=torch.bool)  # (B, T)
            for image in images:
                is_image[image.row, image.start : image.start + len(image.features.tokens)] = True
            levels = zip(*(image.features.extra[1:] for image in images), strict=True)
            given = {"visual_pos_masks": is_image, "deepstack_visual_embeds": [torch.cat(level) for level in levels]}
        out = self.language_model(
            inputs_embeds=embeddings, position_ids=place_images(positions, images), use_cache=False, **given
        )
        return cast(Tensor, out.last_hidden_state)


def make_offsets(rows: int, columns: int, device: torch.device | None = None) -> Tensor:
    """Make the (3, rows * columns) int64 positions of an image's tokens, from 0: frame, row and column of each.

    >>> make_offsets(2, 3).tolist()
    [[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]
    """
    row, column = torch.arange(rows, device=device), torch.arange(columns, device=device)
    return torch.stack(
        [torch.zeros_like(row).repeat_interleave(columns), row.repeat_interleave(columns), column.repeat(rows)]
    )


def place_images(positions: Tensor, images: Sequence[PlacedImage]) -> Tensor:
    """Give image tokens positions in two dimensions; the tokens after an image count on from its longer side.

    Args:
        positions: (B, T) int64, position of each token, of which an image's follow each other.
        images: the images, at most one a row.

    Returns:
        (3, B, T) int64: frame, row and column; these are equal for the tokens of a text.
    """
    placed = positions.expand(3, -1, -1).clone()
    for image in images:
        offsets = image.features.extra[0]  # (3, N)
        count = offsets.shape[1]
        end = image.start + count
        placed[:, image.row, image.start : end] = positions[image.row, image.start] + offsets
        placed[:, image.row, end:] += offsets.max() + 1 - count
    return placed
