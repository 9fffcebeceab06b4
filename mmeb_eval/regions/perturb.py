"""Sloppy prompts: what a hasty hand makes of the box, the click or the mask that a query should have.

Every function takes a `Target` and a source of randomness, and returns a `Prompt`, or None where the target has no such
one. With equal randomness a stronger disturbance is the same one carried further.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mmeb_eval.item import Points, Prompt
from scar.sample import Box, Mask

MAX_PULL = 2.0**20
"""So many times its own size a corner is pulled at most, in search of an overlap."""

OTHER_OBJECT_IOU = 0.5
"""Boxes that overlap less are of two things."""


@dataclass(frozen=True, slots=True)
class Target:
    """The thing that a query is about.

    Attributes:
        size: width and height of its image in pixels.
        box: where it is, inside of the image.
        mask: its pixels; None where the data have none.
        others: the boxes of all queries about its image; its own may be among them.
    """

    size: tuple[int, int]
    box: Box
    mask: Mask | None = None
    others: tuple[Box, ...] = ()


Perturbation: TypeAlias = Callable[[Target, Generator], Prompt | None]
"""A disturbance of one strength."""


def jitter_box(target: Target, rng: Generator, *, iou: float) -> Box:
    """A box with just this overlap: each edge is pulled its own way, as far as it takes, inside of the image.

    Args:
        target: what the box should be around.
        rng: draws the way of each edge.
        iou: intersection over union with the right box, above 0 and below 1.
    """
    box = target.box
    pull = rng.uniform(-1, 1, 4) * (box.width, box.height, box.width, box.height)
    if _pull_edges(target, pull, MAX_PULL).iou(box) >= iou:  # outward on every side, and the image ends too early
        pull = -pull
    near, far = 0.0, 2.0**-20
    while _pull_edges(target, pull, far).iou(box) >= iou:
        far *= 2
    while near < (middle := (near + far) / 2) < far:
        if _pull_edges(target, pull, middle).iou(box) >= iou:
            near = middle
        else:
            far = middle
    return _pull_edges(target, pull, near)


def click_beside(target: Target, rng: Generator, *, off: float) -> Points | None:
    """One click so many pixels beside the box, on a side that has room for it; with 0, a click on the thing itself."""
    along, sides = rng.random(), rng.permutation(4)
    if off == 0:
        return Points((_find_point_on(target),), (1,))
    box, (width, height) = target.box, target.size
    x, y = box.x0 + along * box.width, box.y0 + along * box.height
    places = ((box.x0 - off, y), (box.x1 + off, y), (x, box.y0 - off), (x, box.y1 + off))
    inside = (places[side] for side in sides if 0 <= places[side][0] < width and 0 <= places[side][1] < height)
    place = next(inside, None)
    return None if place is None else Points((place,), (1,))


def paint_part(target: Target, rng: Generator, *, share: float) -> Mask | None:
    """The mask as somebody paints it who stops early: a share of its pixels, those on one side of a straight line."""
    angle = rng.uniform(0, 2 * math.pi)
    if target.mask is None:
        return None
    pixels = target.mask.to_array()
    rows, columns = np.nonzero(pixels)
    count = max(1, round(share * len(rows)))
    kept = np.argpartition(columns * math.cos(angle) + rows * math.sin(angle), count - 1)[:count]
    part = np.zeros_like(pixels)
    part[rows[kept], columns[kept]] = True
    return Mask.from_array(part)


def pick_other_box(target: Target, rng: Generator) -> Box | None:
    """A box around something else: of the image's other things the one that overlaps least.

    Where there is no other, the largest part of the image that lies wholly on one side of the right box; none if the
    right box is the image.
    """
    box, (width, height) = target.box, target.size
    others = [other for other in target.others if other.iou(box) < OTHER_OBJECT_IOU]
    if others:
        return min(others, key=box.iou)
    sides = (
        Box(0, 0, box.x0, height),
        Box(box.x1, 0, width, height),
        Box(0, 0, width, box.y0),
        Box(0, box.y1, width, height),
    )
    largest = max(sides, key=lambda side: side.area)
    return largest if largest.area > 0 else None


def _pull_edges(target: Target, pull: NDArray[np.float64], far: float) -> Box:
    """The target's box with each corner moved, cut off where the image ends; of no area once edges have crossed."""
    (width, height), box = target.size, target.box
    x0, y0, x1, y1 = (edge + far * step for edge, step in zip((box.x0, box.y0, box.x1, box.y1), pull, strict=True))
    return Box(
        min(max(float(x0), 0.0), width),
        min(max(float(y0), 0.0), height),
        min(max(float(x1), 0.0), width),
        min(max(float(y1), 0.0), height),
    )


def _find_point_on(target: Target) -> tuple[float, float]:
    """A point on the thing: the centre of its box, or of the pixel of its mask that is nearest to it."""
    x, y = target.box.center
    if target.mask is None:
        return x, y
    rows, columns = np.nonzero(target.mask.to_array())
    nearest = int(np.argmin((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2))
    return float(columns[nearest]) + 0.5, float(rows[nearest]) + 0.5
