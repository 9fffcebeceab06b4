"""Items to tensors. Everything about shapes is in the two tables below; the model adds none.

I images, B items, L tokens of the longest text (image tokens included), S segment tokens, T of the longest row with its
segment tokens. `side` is the segmenter's, `width` and `rows * columns` are the vision encoder's patches.

| `ImageBatch` | shape | |
| --- | --- | --- |
| `patches` | (sum of rows * columns, width) | float32, all images after another |
| `grids` | (I, 3) | int64: 1, rows, columns of patches |
| `squares` | (I, 3, side, side) | float32, what the segmenter sees; None without one |

| `ItemBatch` | shape | |
| --- | --- | --- |
| `annotation_ids` | (B, L) | int64, padded on the right |
| `lengths` | (B,) | int64, real tokens of each row of `annotation_ids` |
| `positions` | (B, T) | int64, where each token of the model's input stands |
| `last_index` | (B,) | int64, index in T of the token whose state is the embedding |
| `image_of` | B | which image an item shows; None for text alone |
| `clicks` | B | its prompt; None where no segment tokens are asked for, as for text alone |
| `pool_weights` | B | (S, tokens of its image): the shares that make pooled tokens in the place of segment tokens;
else None |

Rows are padded on the right and attention is causal, so no token ever sees a pad, no mask is needed, and an item's
vector cannot depend on its neighbours. (The release pads on the left, between segment and text tokens.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from tokenizers import Tokenizer
from torch import Tensor

from mmeb_eval.item import Item
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.config import Config
from virtue_ref.model.images import (
    count_patches,
    make_patches,
    make_segmenter_input,
    make_vision_input,
    read_image,
    read_size,
)
from virtue_ref.model.prompts import PointPrompt, make_point_prompt
from virtue_ref.model.roi import make_roi_weights
from virtue_ref.model.tokens import IMAGE_TOKEN

Prefix: TypeAlias = Literal["segments", "roi", "nothing"]
"""What stands before the tokens of an item with an image.

Segment tokens; as many vision tokens, pooled inside the box, or in the whole image where there is none; or nothing. The
last two ask what the first are worth.
"""


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images as the model's two encoders take them; see the module's table."""

    patches: Tensor
    grids: Tensor
    squares: Tensor | None

    def to(self, device: torch.device, dtype: torch.dtype) -> ImageBatch:
        """On a device, pixels in a type."""
        frames = None if self.squares is None else self.squares.to(device, dtype)
        return ImageBatch(self.patches.to(device, dtype), self.grids.to(device), frames)


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """Items as the language model takes them; see the module's table."""

    ids: Tensor
    lengths: Tensor
    positions: Tensor
    last_index: Tensor
    image_index: tuple[int | None, ...]
    prompts: tuple[PointPrompt | None, ...]
    pool_weights: tuple[Tensor | None, ...]

    def to(self, device: torch.device) -> ItemBatch:
        """On a device."""
        return dataclasses.replace(
            self,
            ids=self.ids.to(device),
            lengths=self.lengths.to(device),
            positions=self.positions.to(device),
            last_index=self.last_index.to(device),
            pool_weights=tuple(None if pool is None else pool.to(device) for pool in self.pool_weights),
        )


@dataclass(frozen=True, slots=True)
class PreparedItem:
    """An item that was looked at but not opened: all that batching needs.

    Attributes:
        item: as given.
        index: of the item among those given, for messages.
        point_prompt: its prompt in the segmenter's frame; None without an image, and where no segment tokens are
            wanted.
        prefix: what stands before its own tokens.
        image_size: width and height of its image; None without one.
        image_tokens: how many tokens its image becomes.
        length: tokens of its row in `Batch.annotation_ids`.
    """

    item: Item
    index: int
    point_prompt: PointPrompt | None
    prefix: Prefix
    image_size: tuple[int, int] | None
    image_tokens: int
    length: int


class Collator:
    """Makes requests, pictures and batches after a config.

    Args:
        config: of the model that is to read them.
        tokenizer: that goes with it.
        stray_tokens: take a text with an image's token but without an image, as some training data have it: the token
            is then a word like any other.
    """

    def __init__(self, config: Config, tokenizer: Tokenizer, *, allow_stray_tokens: bool = False) -> None:
        self.config = config
        self._allow_stray_tokens = allow_stray_tokens
        self.tokenizer = tokenizer
        self.image_token: int = config.backbone["image_token_id"]
        self._side = 0 if config.segmenter is None else config.segmenter.size
        self._segment_count = 0 if config.segmenter is None else config.segmenter.tokens

    def prepare_item(self, item: Item, index: int, prefix: Prefix = "segments") -> PreparedItem:
        """Check an item and measure it; reads no more than the header of its image.

        Args:
            item: to be embedded.
            index: its place among the items given.
            prefix: what is to stand before its own tokens.

        Raises:
            ItemError: text and image do not fit together, or the image or its prompt cannot be used; names the index.
        """
        try:
            return self._prepare_item(item, index, prefix)
        except ItemError as error:
            raise ItemError(error.reason, index) from error

    def _prepare_item(self, item: Item, index: int, prefix: Prefix) -> PreparedItem:
        ids = self._tokenise_text(item)
        if item.image is None:
            return PreparedItem(item, index, None, prefix, None, 0, len(ids))
        size = read_size(item.image, self.config.profile)
        rows, columns = count_patches(size, self.config.image)
        image_tokens = rows * columns // self.config.image.merge**2
        clicks = self._make_point_prompt(item, size) if prefix == "segments" else None
        if prefix == "roi" and not isinstance(item.prompt, Box | None):
            raise ItemError("vision features are pooled inside a box and nothing else.")
        if prefix == "nothing" and item.prompt is not None:
            raise ItemError("a prompt, but nothing is to stand for its region.")
        return PreparedItem(item, index, clicks, prefix, size, image_tokens, len(ids) - 1 + image_tokens)

    def count_prefix_tokens(self, prepared: PreparedItem) -> int:
        """Tokens that stand before a request's own."""
        return 0 if prepared.item.image is None or prepared.prefix == "nothing" else self._segment_count

    def open_images(self, images: Sequence[Path]) -> ImageBatch:
        """Open, resize and normalise images."""
        rules, profile = self.config.image, self.config.profile
        patches, grids, frames = [], [], []
        for path in images:
            image = read_image(path, profile)
            vision = make_vision_input(image, rules)  # (3, H, W)
            patches.append(make_patches(vision, rules))
            grids.append((1, vision.shape[1] // rules.patch, vision.shape[2] // rules.patch))
            if self._side:
                frames.append(make_segmenter_input(image, vision, self._side, profile))
        return ImageBatch(torch.cat(patches), torch.tensor(grids), torch.stack(frames) if frames else None)

    def make_batch(self, prepared: Sequence[PreparedItem], image_index: Sequence[int | None]) -> ItemBatch:
        """Rows of one forward pass.

        Args:
            prepared: one a row.
            image_index: which of the images that go with the batch each row shows.
        """
        rows = [self._expand_image_token(request) for request in prepared]
        segments = [self.count_prefix_tokens(request) for request in prepared]
        width = max(len(row) for row in rows)
        total = max(count + len(row) for count, row in zip(segments, rows, strict=True))
        ids = torch.zeros(len(rows), width, dtype=torch.int64)
        positions = torch.zeros(len(rows), total, dtype=torch.int64)
        for index, (count, row) in enumerate(zip(segments, rows, strict=True)):
            ids[index, : len(row)] = torch.tensor(row)
            positions[index] = torch.arange(total)
            if self.config.profile.segment_positions == "zero":
                positions[index, :count] = 0
        lengths = torch.tensor([len(row) for row in rows])
        return ItemBatch(
            ids=ids,
            lengths=lengths,
            positions=positions,
            last_index=torch.tensor(segments) + lengths - 1,
            image_index=tuple(image_index),
            prompts=tuple(request.point_prompt for request in prepared),
            pool_weights=tuple(self._make_pool_weights(request) for request in prepared),
        )

    def _tokenise_text(self, item: Item) -> list[int]:
        """Ids of the text with one image token where an image stands."""
        text = item.text
        if item.image is not None and IMAGE_TOKEN not in text:
            text = f"{IMAGE_TOKEN}\n{text}"  # as in the texts the model was trained with
        ids: list[int] = self.tokenizer.encode(text).ids
        images = ids.count(self.image_token)
        if item.image is None:
            if item.prompt is not None:
                raise ItemError("a prompt without an image to draw it on.")
            if images and not self._allow_stray_tokens:
                raise ItemError(f"the text has {IMAGE_TOKEN} but there is no image.")
            if not ids:
                raise ItemError("neither text nor image.")
            return ids[: self.config.max_length]
        if images != 1:
            raise ItemError(f"one image, but {images} times {IMAGE_TOKEN} in the text.")
        return ids

    def _make_point_prompt(self, item: Item, size: tuple[int, int]) -> PointPrompt | None:
        if self.config.segmenter is None:
            if item.prompt is not None:
                raise ItemError("a prompt, but this model has no segmenter that could take it.")
            return None
        return make_point_prompt(
            item.prompt, size, self._side, self.config.segmenter.points_per_side, self.config.profile
        )

    def _make_pool_weights(self, prepared: PreparedItem) -> Tensor | None:
        """(S, image tokens) shares of a request that asks for pooled tokens."""
        prompt = prepared.item.prompt
        if prepared.prefix != "roi" or prepared.image_size is None or not isinstance(prompt, Box | None):
            return None
        rows, columns = (
            patches // self.config.image.merge for patches in count_patches(prepared.image_size, self.config.image)
        )
        return make_roi_weights(prompt, prepared.image_size, (rows, columns), math.isqrt(self._segment_count))

    def _expand_image_token(self, prepared: PreparedItem) -> list[int]:
        ids = self._tokenise_text(prepared.item)
        if prepared.item.image is None:
            return ids
        where = ids.index(self.image_token)
        return [*ids[:where], *[self.image_token] * prepared.image_tokens, *ids[where + 1 :]]
