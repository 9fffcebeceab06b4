"""The model's input: images and items as tensors. Two tables list all shapes.

I images, B items, L tokens of the longest text (image tokens included), S segment tokens, T tokens of the longest row
with its prefix (segment tokens, or pooled image tokens in their place). `side` is the side of the segmenter's square
in pixels. An image has `rows * columns` patches of `width` numbers each for the vision encoder.

| `ImageBatch` | shape | |
| --- | --- | --- |
| `patches` | (sum of rows * columns, width) | float32, one image after another |
| `grids` | (I, 3) | int64: frames, rows, columns of patches |
| `squares` | (I, 3, side, side) | float32, the segmenter's input; None if the model has no segmenter |

| `ItemBatch` | shape | |
| --- | --- | --- |
| `ids` | (B, L) | int64, without the prefix, padded on the right |
| `lengths` | (B,) | int64, tokens of each row of `ids` without padding |
| `positions` | (B, T) | int64, position of each token of the model's input, prefix included |
| `last_index` | (B,) | int64, index in T of the token whose state is the embedding |
| `image_index` | B | index, in the list of features beside the batch, of the item's image; None for a text alone |
| `image_start` | B | index in L of the image's first token; None for a text alone |
| `prompts` | B | prompt for the segmenter; None where the row begins with no segment tokens |
| `pool_weights` | B | (S, number of its image's tokens) if pooled image tokens replace segment tokens; else None |

Rows are padded on the right and attention is causal, so no token ever sees a pad, no mask is needed, and an item's
vector cannot depend on its neighbours. (The release pads on the left, between segment and text tokens.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from virtue_ref.model.prompts import PointPrompt


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """I images as `Virtue.encode_images` takes them; see the module's table."""

    patches: Tensor
    grids: Tensor
    squares: Tensor | None

    def to(self, device: torch.device, dtype: torch.dtype) -> ImageBatch:
        """A copy on a device, with `patches` and `squares` in the given number format."""
        squares = None if self.squares is None else self.squares.to(device, dtype)
        return ImageBatch(self.patches.to(device, dtype), self.grids.to(device), squares)


def join_images(batches: Sequence[ImageBatch]) -> ImageBatch:
    """Join batches of images, at least one, all with squares or all without."""
    squares = [each.squares for each in batches if each.squares is not None]
    return ImageBatch(
        patches=torch.cat([each.patches for each in batches]),
        grids=torch.cat([each.grids for each in batches]),
        squares=torch.cat(squares) if squares else None,
    )


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """B items as `Virtue.forward` takes them; see the module's table."""

    ids: Tensor
    lengths: Tensor
    positions: Tensor
    last_index: Tensor
    image_index: tuple[int | None, ...]
    image_start: tuple[int | None, ...]
    prompts: tuple[PointPrompt | None, ...]
    pool_weights: tuple[Tensor | None, ...]

    def to(self, device: torch.device) -> ItemBatch:
        """A copy on a device."""
        return dataclasses.replace(
            self,
            ids=self.ids.to(device),
            lengths=self.lengths.to(device),
            positions=self.positions.to(device),
            last_index=self.last_index.to(device),
            pool_weights=tuple(None if weights is None else weights.to(device) for weights in self.pool_weights),
        )
