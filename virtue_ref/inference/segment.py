"""The masks of the things that prompts mean, in the size of their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mmeb_eval.item import Item
from scar.common.image_bytes import ImageFile
from scar.common.orientation import invert_orientation, turn_array
from scar.errors import ItemError, VirtueError
from virtue_ref.inference.batching import Collator, PreparedItem
from virtue_ref.inference.image_cache import make_content_key
from virtue_ref.model.images import read_frame
from virtue_ref.model.prompts import PointPrompt
from virtue_ref.model.segmenters.segmenter import MaskState, PredictedMasks, Segmenter
from virtue_ref.model.virtue import Virtue


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The masks of the thing that a prompt means, the best first.

    Attributes:
        masks: (M, H, W) booleans in the size of the displayed image: several for a single click, which may mean a part
            or the whole; else one. A mask may be empty.
        scores: (M,) float32, the segmenter's estimate of each mask's intersection over union with the thing.
    """

    masks: NDArray[np.bool_]
    scores: NDArray[np.float32]


class MaskMaker:
    """Makes masks with a model's segmenter. It keeps the image that it saw last, so that further clicks on it are fast.

    Args:
        model: the model; its segmenter sees the pixels that it sees when items are embedded.
        collator: the model's collator.
    """

    def __init__(self, model: Virtue, collator: Collator) -> None:
        self._model = model
        self._collator = collator
        self._seen: tuple[str, MaskState] | None = None

    @torch.inference_mode()
    def make_masks(self, items: Sequence[Item]) -> list[Segments]:
        """Make the masks of items; an image is encoded once for all items about it.

        Args:
            items: items with an image and a prompt; texts do not count.

        Returns:
            The masks of each item, in order.

        Raises:
            VirtueError: the model has no segmenter.
            ItemError: an item has no image or no prompt, or either cannot be used; the message names its index.
        """
        segmenter = self._model.segmenter
        if segmenter is None:
            raise VirtueError("this model has no segmenter, so it makes no masks.")
        prepared = [self._prepare_item(item, index) for index, item in enumerate(items)]
        found: dict[int, Segments] = {}
        for each in sorted(prepared, key=lambda each: str(each.item.image)):
            try:
                found[each.index] = self._segment(each, segmenter)
            except ItemError as error:
                raise ItemError(error.reason, each.index) from error
        return [found[index] for index in range(len(items))]

    def _prepare_item(self, item: Item, index: int) -> PreparedItem:
        if item.image is None:
            raise ItemError("an item without an image has no mask.", index)
        if item.prompt is None:
            raise ItemError("an item without a prompt has no mask: say which thing is meant, such as by a box.", index)
        return self._collator.prepare_item(item, index)

    def _segment(self, prepared: PreparedItem, segmenter: Segmenter) -> Segments:
        image, prompt = cast(ImageFile, prepared.item.image), cast(PointPrompt, prepared.point_prompt)
        (predicted,) = segmenter.decode_masks([self._encode(image, segmenter)], [prompt])
        frame = read_frame(image, self._model.config.profile)
        return _fit_to_image(predicted, frame.size, invert_orientation(frame.turn))

    def _encode(self, image: ImageFile, segmenter: Segmenter) -> MaskState:
        key = make_content_key(image)
        if self._seen is None or self._seen[0] != key:
            squares = cast(Tensor, self._collator.open_images([image]).squares)
            (state,) = segmenter.encode_for_masks(squares.to(self._model.device, self._model.dtype))
            self._seen = key, state
        return self._seen[1]


def _fit_to_image(predicted: PredictedMasks, size: tuple[int, int], turn: int) -> Segments:
    """Stretch masks to the (width, height) of the image that the model sees, and turn them as it is displayed."""
    masks = []
    for logits in predicted.logits.float():  # one at a time: logits take four times the memory of a mask
        stretched = functional.interpolate(logits[None, None], size=size[::-1], mode="bilinear", align_corners=False)
        masks.append(turn_array((stretched[0, 0] > 0).cpu().numpy(), turn))
    return Segments(np.stack(masks), predicted.scores.float().cpu().numpy())
