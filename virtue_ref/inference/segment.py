"""The masks of the things that prompts mean, in the size of their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from mmeb_eval.item import Item
from scar.common.orientation import invert_orientation, turn_array
from scar.errors import ItemError, VirtueError
from virtue_ref.inference.batching import Collator
from virtue_ref.model.images import read_frame
from virtue_ref.model.segmenters.segmenter import PredictedMasks
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


@torch.inference_mode()
def segment_items(model: Virtue, collator: Collator, items: Sequence[Item]) -> list[Segments]:
    """Make the masks of items; an image is encoded once for all items about it.

    Args:
        model: the model; its segmenter sees the pixels that it sees when items are embedded.
        collator: the model's collator.
        items: items with an image and a prompt; texts do not count.

    Returns:
        The masks of each item, in order.

    Raises:
        VirtueError: the model has no segmenter.
        ItemError: an item has no image or no prompt, or either cannot be used; the message names its index.
    """
    if model.segmenter is None:
        raise VirtueError("this model has no segmenter, so that it makes no masks.")
    for index, item in enumerate(items):
        if item.image is None or item.prompt is None:
            lacks = "image" if item.image is None else "prompt: say which thing is meant, such as by a box"
            raise ItemError(f"it has no {lacks}.", index)
    prepared = [collator.prepare_item(item, index) for index, item in enumerate(items)]
    found: dict[int, Segments] = {}
    image, state = None, None
    for each in sorted(prepared, key=lambda each: str(each.item.image)):
        if each.item.image is None or each.point_prompt is None:
            continue
        if state is None or each.item.image != image:
            image = each.item.image
            try:
                squares: Any = collator.open_images([image]).squares
            except ItemError as error:
                raise ItemError(error.reason, each.index) from error
            (state,) = model.segmenter.encode_for_masks(squares.to(model.device, model.dtype))
        (predicted,) = model.segmenter.decode_masks([state], [each.point_prompt])
        turn = invert_orientation(read_frame(each.item.image, model.config.profile).turn)
        found[each.index] = _fit_to_image(predicted, each.image_size, turn)
    return [found[index] for index in range(len(items))]


def _fit_to_image(predicted: PredictedMasks, size: tuple[int, int], turn: int) -> Segments:
    """Stretch masks to the (width, height) of the image that the model sees, and turn them as it is displayed."""
    logits = functional.interpolate(
        predicted.logits[None].float(), size=(size[1], size[0]), mode="bilinear", align_corners=False
    )[0]  # (M, H, W)
    masks = [turn_array(mask, turn) for mask in (logits > 0).cpu().numpy()]
    return Segments(np.stack(masks), predicted.scores.float().cpu().numpy())
