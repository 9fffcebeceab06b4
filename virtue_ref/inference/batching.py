"""Turn items into batches: check and tokenise each item once, then sort items so that similar lengths share a pass.

`virtue_ref.model.batch` lists the shapes of the tensors that a `Collator` makes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from mmeb_eval.item import Item
from scar.common.image_bytes import ImageFile
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.model.batch import ImageBatch, ItemBatch
from virtue_ref.model.frames import turn_item
from virtue_ref.model.images import make_segmenter_input, read_frame, read_image
from virtue_ref.model.prompts import PointPrompt, check_prompt, make_point_prompt
from virtue_ref.model.roi import make_roi_weights
from virtue_ref.model.segmenters.segmenter import IMAGENET
from virtue_ref.model.tokens import IMAGE_TOKEN
from virtue_ref.model.virtue import Virtue

Prefix: TypeAlias = Literal["segments", "roi", "nothing"]
"""What stands before the text of an item with an image, in the language model's input. A text alone has no prefix.

"segments": segment tokens; none if the model has no segmenter. "roi": as many image tokens, pooled inside the item's
box, or over the whole image if the item has no box. "nothing": no tokens. The last two measure what segment tokens are
worth.
"""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedItem:
    """A checked and tokenised item with everything that batching needs; its image is not decoded yet.

    The model's input for the item is: the prefix, then the text, in which the image's token is repeated once for each
    token of the image.

    Attributes:
        item: the item, with prompt and text in the frame that the model sees; see `virtue_ref.model.frames`.
        index: index of the item in the caller's list, for error messages.
        prefix: kind of the prefix.
        prefix_length: number of tokens of the prefix; 0 without an image.
        ids: (l,) int32 token ids of the text; the image's token is there once.
        image_start: index in `ids` of the image's token; None without an image.
        image_grid: (rows, columns) of the image's tokens; (0, 0) without an image.
        image_size: (width, height) in pixels of the image that the model sees; (0, 0) without an image.
        point_prompt: the prompt for the segmenter; None if the prefix has no segment tokens.
    """

    item: Item
    index: int
    prefix: Prefix
    prefix_length: int
    ids: NDArray[np.int32]
    image_start: int | None = None
    image_grid: tuple[int, int] = (0, 0)
    image_size: tuple[int, int] = (0, 0)
    point_prompt: PointPrompt | None = None

    @property
    def length(self) -> int:
        """Number of tokens of text and image together, without the prefix."""
        return len(self.ids) if self.image_start is None else len(self.ids) - 1 + math.prod(self.image_grid)


class Collator:
    """Turns items and images into the tensors that a model takes; all tensors are on the CPU.

    Args:
        model: the model. Its config, backbone and segmenter define the tensors; its weights are not used.
        tokenizer: tokenizer of the model.
        allow_stray_tokens: whether to accept a text that has the image token although the item has no image, which
            occurs in training data; the token is then treated as a word.
    """

    def __init__(self, model: Virtue, tokenizer: Tokenizer, *, allow_stray_tokens: bool = False) -> None:
        self.config = model.config
        self.tokenizer = tokenizer
        self._allow_stray_tokens = allow_stray_tokens
        self._backbone = model.backbone
        self._segment_count = model.segment_count
        self._side = 0 if model.segmenter is None else model.segmenter.size
        self._normalisation = IMAGENET if model.segmenter is None else model.segmenter.normalisation

    def prepare_item(self, item: Item, index: int, prefix: Prefix = "segments") -> PreparedItem:
        """Check and tokenise an item; only the header of its image is read.

        If the item has an image and its text lacks the image token, the token is put before the text. A text without an
        image is cut after the config's `max_length` tokens.

        Args:
            item: the item to embed, its prompt in pixels of the displayed image.
            index: index of the item in the caller's list, for error messages.
            prefix: kind of the prefix.

        Raises:
            ItemError: text and image do not fit together, or the image or its prompt cannot be used; the message names
                the index.
        """
        try:
            return self._prepare_item(item, index, prefix)
        except ItemError as error:
            raise ItemError(error.reason, index) from error

    def open_images(self, images: Sequence[ImageFile]) -> ImageBatch:
        """Decode, resize and normalise I images, at least one, for `Virtue.encode_images`.

        Raises:
            ItemError: an image is missing or cannot be decoded; the message names the file and no index.
        """
        profile = self.config.profile
        prepared, squares = [], []
        for path in images:
            image = read_image(path, profile)
            prepared.append(self._backbone.prepare(image))
            if self._side:
                pixels = prepared[-1].pixels
                squares.append(make_segmenter_input(image, pixels, self._side, profile, self._normalisation))
        return ImageBatch(
            patches=torch.cat([each.patches for each in prepared]),
            grids=torch.tensor([each.grid for each in prepared]),
            squares=torch.stack(squares) if squares else None,
        )

    def make_batch(self, prepared: Sequence[PreparedItem], images: Sequence[ImageFile]) -> ItemBatch:
        """Make the batch of one forward pass.

        Args:
            prepared: the items, one for each row; at least one.
            images: the distinct images of these items, in the order of the features given to `Virtue.forward`: the
                batch refers to an image by its index here.
        """
        index_of = {image: index for index, image in enumerate(images)}
        lengths = torch.tensor([each.length for each in prepared])
        prefixes = torch.tensor([each.prefix_length for each in prepared])
        total = int((prefixes + lengths).max())
        ids = torch.zeros(len(prepared), int(lengths.max()), dtype=torch.int64)
        positions = torch.arange(total).repeat(len(prepared), 1)
        for row, each in enumerate(prepared):
            ids[row, : each.length] = torch.from_numpy(_expand_image_token(each))
            if self.config.profile.segment_positions == "zero":
                positions[row, : each.prefix_length] = 0
        return ItemBatch(
            ids=ids,
            lengths=lengths,
            positions=positions,
            last_index=prefixes + lengths - 1,
            image_index=tuple(None if each.item.image is None else index_of[each.item.image] for each in prepared),
            image_start=tuple(each.image_start for each in prepared),
            prompts=tuple(each.point_prompt for each in prepared),
            pool_weights=tuple(self._make_pool_weights(each) for each in prepared),
        )

    def _prepare_item(self, item: Item, index: int, prefix: Prefix) -> PreparedItem:
        if item.image is None:
            return PreparedItem(item, index, prefix, 0, np.array(self._tokenise_text(item), np.int32))
        frame = read_frame(item.image, self.config.profile)
        item, size = turn_item(item, frame), frame.size
        ids = self._tokenise_text(item)
        rows, columns = self._backbone.count_image_tokens(size)
        prompt = self._make_point_prompt(item, size) if prefix == "segments" else None
        if prefix == "roi" and item.prompt is not None:
            if not isinstance(item.prompt, Box):
                raise ItemError("image tokens can be pooled only inside a box, but the prompt is not a box.")
            check_prompt(item.prompt, size, size)
        if prefix == "nothing" and item.prompt is not None:
            raise ItemError("the item has a prompt, but segment tokens are switched off.")
        return PreparedItem(
            item=item,
            index=index,
            prefix=prefix,
            prefix_length=0 if prefix == "nothing" else self._segment_count,
            ids=np.array(ids, np.int32),
            image_start=ids.index(self._backbone.image_token),
            image_grid=(rows, columns),
            image_size=size,
            point_prompt=prompt,
        )

    def _tokenise_text(self, item: Item) -> list[int]:
        """Token ids of the text, with one token for the image; a text alone is cut at the config's `max_length`."""
        text = item.text
        if item.image is not None and IMAGE_TOKEN not in text:
            text = f"{IMAGE_TOKEN}\n{text}"  # as in the texts the model was trained with
        try:
            ids: list[int] = self.tokenizer.encode(text).ids
        except TypeError as error:
            raise ItemError(f"its text holds half a character (a lone surrogate): {text[:60]!r}.") from error
        images = ids.count(self._backbone.image_token)
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
        points_per_side = self.config.segmenter.points_per_side
        return make_point_prompt(item.prompt, size, self._side, points_per_side, self.config.profile)

    def _make_pool_weights(self, prepared: PreparedItem) -> Tensor | None:
        """(S, number of image tokens) pooling weights of an item with the prefix "roi"; None for other items."""
        box = prepared.item.prompt
        if prepared.prefix != "roi" or prepared.item.image is None or not isinstance(box, Box | None):
            return None
        return make_roi_weights(box, prepared.image_size, prepared.image_grid, math.isqrt(self._segment_count))


def sort_items(prepared: Sequence[PreparedItem]) -> list[int]:
    """Return the indices of items, sorted by the number of image tokens, then by image, then by length, each ascending.

    Neighbours of similar length need little padding; items with the same image use its features while they are cached.
    """

    def sort_key(index: int) -> tuple[int, str, int]:
        each = prepared[index]
        return math.prod(each.image_grid), str(each.item.image or ""), each.length

    return sorted(range(len(prepared)), key=sort_key)


def iter_batches(prepared: Sequence[PreparedItem], batch_tokens: int) -> Iterator[list[int]]:
    """Yield for each forward pass the indices of its items in `prepared`; the passes follow the order of `sort_items`.

    A pass of several items has at most `batch_tokens` tokens, prefixes and padding included; a longer item passes
    alone.
    """
    batch: list[int] = []
    longest = 0
    for index in sort_items(prepared):
        length = prepared[index].prefix_length + prepared[index].length
        longest = max(longest, length)
        if batch and longest * (len(batch) + 1) > batch_tokens:
            yield batch
            batch, longest = [], length
        batch.append(index)
    if batch:
        yield batch


def list_images(prepared: Iterable[PreparedItem]) -> list[ImageFile]:
    """Return the distinct images of items, in order of first use."""
    return list(dict.fromkeys(each.item.image for each in prepared if each.item.image is not None))


def _expand_image_token(prepared: PreparedItem) -> NDArray[np.int32]:
    """(l,) token ids in which the image token is repeated once for each token of the image."""
    repeats = np.ones(len(prepared.ids), np.intp)
    if prepared.image_start is not None:
        repeats[prepared.image_start] = math.prod(prepared.image_grid)
    return np.repeat(prepared.ids, repeats)
