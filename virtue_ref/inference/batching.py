"""Items to tensors. Everything about shapes is in the two tables below; the model adds none.

I images, B items, L tokens of the longest text (image tokens included), S segment tokens, T of the longest row with its
segment tokens. `side` is the segmenter's, `width` and `rows * columns` are the vision encoder's patches.

| `Pictures` | shape | |
| --- | --- | --- |
| `patches` | (sum of rows * columns, width) | float32, all images after another |
| `grids` | (I, 3) | int64: 1, rows, columns of patches |
| `frames` | (I, 3, side, side) | float32, what the segmenter sees; None without one |

| `Batch` | shape | |
| --- | --- | --- |
| `ids` | (B, L) | int64, padded on the right |
| `lengths` | (B,) | int64, real tokens of each row of `ids` |
| `positions` | (B, T) | int64, where each token of the model's input stands |
| `last` | (B,) | int64, index in T of the token whose state is the embedding |
| `image_of` | B | which image an item shows; None for text alone |
| `clicks` | B | its prompt; None where no segment tokens are asked for, as for text alone |
| `pools` | B | (S, tokens of its image): the shares that make pooled tokens in the place of segment tokens; else None |

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

from mmeb_eval.embedder import Item
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.config import Config
from virtue_ref.model.images import grid_of, patches_of, read_image, read_size, segmenter_input, vision_input
from virtue_ref.model.prompts import Clicks, clicks_of
from virtue_ref.model.roi import roi_shares
from virtue_ref.model.tokens import IMAGE

Front: TypeAlias = Literal["segments", "roi", "nothing"]
"""What stands before the tokens of an item with an image.

Segment tokens; as many vision tokens, pooled inside the box, or in the whole image where there is none; or nothing. The
last two ask what the first are worth.
"""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images as the model's two encoders take them; see the module's table."""

    patches: Tensor
    grids: Tensor
    frames: Tensor | None

    def to(self, device: torch.device, dtype: torch.dtype) -> Pictures:
        """On a device, pixels in a type."""
        frames = None if self.frames is None else self.frames.to(device, dtype)
        return Pictures(self.patches.to(device, dtype), self.grids.to(device), frames)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items as the language model takes them; see the module's table."""

    ids: Tensor
    lengths: Tensor
    positions: Tensor
    last: Tensor
    image_of: tuple[int | None, ...]
    clicks: tuple[Clicks | None, ...]
    pools: tuple[Tensor | None, ...]

    def to(self, device: torch.device) -> Batch:
        """On a device."""
        return dataclasses.replace(
            self,
            ids=self.ids.to(device),
            lengths=self.lengths.to(device),
            positions=self.positions.to(device),
            last=self.last.to(device),
            pools=tuple(None if pool is None else pool.to(device) for pool in self.pools),
        )


@dataclass(frozen=True, slots=True)
class Request:
    """An item that was looked at but not opened: all that batching needs.

    Attributes:
        item: as given.
        index: of the item among those given, for messages.
        clicks: its prompt in the segmenter's frame; None without an image, and where no segment tokens are wanted.
        front: what stands before its own tokens.
        size: width and height of its image; None without one.
        image_tokens: how many tokens its image becomes.
        length: tokens of its row in `Batch.ids`.
    """

    item: Item
    index: int
    clicks: Clicks | None
    front: Front
    size: tuple[int, int] | None
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

    def __init__(self, config: Config, tokenizer: Tokenizer, *, stray_tokens: bool = False) -> None:
        self.config = config
        self._stray_tokens = stray_tokens
        self.tokenizer = tokenizer
        self.image_token: int = config.backbone["image_token_id"]
        self._side = 0 if config.segmenter is None else config.segmenter.size
        self._segments = 0 if config.segmenter is None else config.segmenter.tokens

    def request(self, item: Item, index: int, front: Front = "segments") -> Request:
        """Check an item and measure it; reads no more than the header of its image.

        Args:
            item: to be embedded.
            index: its place among the items given.
            front: what is to stand before its own tokens.

        Raises:
            ItemError: text and image do not fit together, or the image or its prompt cannot be used; names the index.
        """
        try:
            return self._request(item, index, front)
        except ItemError as error:
            raise ItemError(error.reason, index) from error

    def _request(self, item: Item, index: int, front: Front) -> Request:
        ids = self._text_ids(item)
        if item.image is None:
            return Request(item, index, None, front, None, 0, len(ids))
        size = read_size(item.image, self.config.profile)
        rows, columns = grid_of(size, self.config.image)
        image_tokens = rows * columns // self.config.image.merge**2
        clicks = self._clicks(item, size) if front == "segments" else None
        if front == "roi" and not isinstance(item.prompt, Box | None):
            raise ItemError("vision features are pooled inside a box and nothing else.")
        if front == "nothing" and item.prompt is not None:
            raise ItemError("a prompt, but nothing is to stand for its region.")
        return Request(item, index, clicks, front, size, image_tokens, len(ids) - 1 + image_tokens)

    def segments(self, request: Request) -> int:
        """Tokens that stand before a request's own."""
        return 0 if request.item.image is None or request.front == "nothing" else self._segments

    def pictures(self, images: Sequence[Path]) -> Pictures:
        """Open, resize and normalise images."""
        rules, profile = self.config.image, self.config.profile
        patches, grids, frames = [], [], []
        for path in images:
            image = read_image(path, profile)
            vision = vision_input(image, rules)  # (3, H, W)
            patches.append(patches_of(vision, rules))
            grids.append((1, vision.shape[1] // rules.patch, vision.shape[2] // rules.patch))
            if self._side:
                frames.append(segmenter_input(image, vision, self._side, profile))
        return Pictures(torch.cat(patches), torch.tensor(grids), torch.stack(frames) if frames else None)

    def batch(self, requests: Sequence[Request], image_of: Sequence[int | None]) -> Batch:
        """Rows of one forward pass.

        Args:
            requests: one a row.
            image_of: which of the images that go with the batch each row shows.
        """
        rows = [self._row(request) for request in requests]
        segments = [self.segments(request) for request in requests]
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
        return Batch(
            ids=ids,
            lengths=lengths,
            positions=positions,
            last=torch.tensor(segments) + lengths - 1,
            image_of=tuple(image_of),
            clicks=tuple(request.clicks for request in requests),
            pools=tuple(self._pool(request) for request in requests),
        )

    def _text_ids(self, item: Item) -> list[int]:
        """Ids of the text with one image token where an image stands."""
        text = item.text
        if item.image is not None and IMAGE not in text:
            text = f"{IMAGE}\n{text}"  # as in the texts the model was trained with
        ids: list[int] = self.tokenizer.encode(text).ids
        images = ids.count(self.image_token)
        if item.image is None:
            if item.prompt is not None:
                raise ItemError("a prompt without an image to draw it on.")
            if images and not self._stray_tokens:
                raise ItemError(f"the text has {IMAGE} but there is no image.")
            if not ids:
                raise ItemError("neither text nor image.")
            return ids[: self.config.max_length]
        if images != 1:
            raise ItemError(f"one image, but {images} times {IMAGE} in the text.")
        return ids

    def _clicks(self, item: Item, size: tuple[int, int]) -> Clicks | None:
        if self.config.segmenter is None:
            if item.prompt is not None:
                raise ItemError("a prompt, but this model has no segmenter that could take it.")
            return None
        return clicks_of(item.prompt, size, self._side, self.config.segmenter.points_per_side, self.config.profile)

    def _pool(self, request: Request) -> Tensor | None:
        """(S, image tokens) shares of a request that asks for pooled tokens."""
        prompt = request.item.prompt
        if request.front != "roi" or request.size is None or not isinstance(prompt, Box | None):
            return None
        rows, columns = (patches // self.config.image.merge for patches in grid_of(request.size, self.config.image))
        return roi_shares(prompt, request.size, (rows, columns), math.isqrt(self._segments))

    def _row(self, request: Request) -> list[int]:
        ids = self._text_ids(request.item)
        if request.item.image is None:
            return ids
        where = ids.index(self.image_token)
        return [*ids[:where], *[self.image_token] * request.image_tokens, *ids[where + 1 :]]
