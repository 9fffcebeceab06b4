"""Turn prompts and texts from the displayed frame, which users draw in, into the frame that the model sees.

A model with the profile `clean` sees an image as it is displayed. The official program sees it as it is stored, so its
weights know boxes, and numbers in texts, in pixels of the stored image.
"""

from __future__ import annotations

import dataclasses
import re

from mmeb_eval.item import XY, Item, Lasso, Points, Polygon, Prompt, Scribble
from mmeb_eval.templates.fused import REGION_WORDS
from scar.common.orientation import UPRIGHT, turn_box, turn_mask, turn_point
from scar.sample import Box, Mask
from virtue_ref.model.images import ImageFrame
from virtue_ref.model.prompts import check_prompt

NUMBER = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
REGION_PATTERN = re.compile(
    rf"({re.escape(REGION_WORDS)}|Referring object point: )([\[(])({NUMBER}(?:, ?{NUMBER})*)(?=[\])])"
)
"""Four numbers that name a box in a text, or two that name a point, as the official programs write them."""

DECIMALS = 6
"""Decimals of turned numbers in a text; without a limit, 480 - 446.73 would be written 33.26999999999998."""


def turn_item(item: Item, frame: ImageFrame) -> Item:
    """Return an item with its prompt, and the numbers of the region in its text, in the frame that the model sees.

    If that is the displayed frame, the item itself is returned and its prompt is not checked.

    Args:
        item: an item with an image; its prompt is in pixels of the displayed image.
        frame: the frame in which the model sees that image.

    Raises:
        ItemError: the prompt has to be turned and does not lie on the image; see `check_prompt`.
    """
    if frame.turn == UPRIGHT:
        return item
    if item.prompt is not None:
        check_prompt(item.prompt, frame.displayed_size, frame.displayed_size)
    return dataclasses.replace(item, text=_turn_text(item.text, frame), prompt=_turn_prompt(item.prompt, frame))


def _turn_prompt(prompt: Prompt | None, frame: ImageFrame) -> Prompt | None:
    size, turn = frame.displayed_size, frame.turn

    def turn_points(xy: XY) -> XY:
        return tuple(turn_point(x, y, size, turn) for x, y in xy)

    match prompt:
        case Box():
            return turn_box(prompt, size, turn)
        case Points():
            box = None if prompt.box is None else turn_box(prompt.box, size, turn)
            return Points(turn_points(prompt.xy), prompt.labels, box)
        case Polygon(xy):
            return Polygon(turn_points(xy))
        case Lasso(xy):
            return Lasso(turn_points(xy))
        case Scribble(strokes, beside):
            return Scribble(tuple(map(turn_points, strokes)), tuple(map(turn_points, beside)))
        case Mask():
            return turn_mask(prompt, turn)
    return None


def _turn_text(text: str, frame: ImageFrame) -> str:
    def turn_numbers(found: re.Match[str]) -> str:
        words, bracket, numbers = found.groups()
        values = [float(each) if set(each) & set(".eE") else int(each) for each in re.split(", ?", numbers)]
        if words == REGION_WORDS and len(values) == 4:
            box = turn_box(Box(*values), frame.displayed_size, frame.turn)
            values = [box.x0, box.y0, box.x1, box.y1]
        elif words != REGION_WORDS and len(values) == 2:
            values = [*turn_point(values[0], values[1], frame.displayed_size, frame.turn)]
        return f"{words}{bracket}{', '.join(repr(round(value, DECIMALS)) for value in values)}"

    return REGION_PATTERN.sub(turn_numbers, text)
