"""Perturbed prompts: inexact versions of the box, click or mask of a query.

Each function takes a `Target` and a random generator. It returns a `Prompt` in pixels of the displayed image, or None
if the target allows none. From generators in the same state, a stronger perturbation moves further in the same
direction.
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
"""Largest move of an edge, in multiples of the box's size."""

OTHER_OBJECT_IOU = 0.5
"""Boxes with a lower IoU belong to different objects."""


@dataclass(frozen=True, slots=True)
class Target:
    """The object that a query is about, in the frame of the displayed image.

    Attributes:
        size: (width, height) of the image in pixels.
        box: box of the object, cut to the image.
        mask: mask of the object; None if the data have none.
        others: boxes of all queries about the image; may include the object's own box.
    """

    size: tuple[int, int]
    box: Box
    mask: Mask | None = None
    others: tuple[Box, ...] = ()


Perturbation: TypeAlias = Callable[[Target, Generator], Prompt | None]
"""A perturbation of a fixed strength: makes the perturbed prompt of a target."""


def jitter_box(target: Target, rng: Generator, *, iou: float) -> Box:
    """A box inside the image whose IoU with the object's box is ``iou``.

    Each edge moves at its own random speed, inward or outward, until that IoU is reached.

    Args:
        target: the object.
        rng: draws direction and speed of each edge.
        iou: intersection over union of the two boxes, above 0 and below 1.
    """
    box = target.box
    pull = rng.uniform(-1, 1, 4) * (box.width, box.height, box.width, box.height)
    if _pull_edges(target, pull, MAX_PULL).iou(box) >= iou:  # all edges move outward, and the image ends too early
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
    """One click, labelled as on the object, ``off`` pixels beside its box, on a random side with room for it.

    If ``off`` is 0, it is on the object: at the pixel of its mask nearest to the centre of its box, or without a mask
    at that centre. None if no side of the box has room.
    """
    along, sides = rng.random(), rng.permutation(4)
    if off == 0:
        return Points((_find_point_on(target),), (1,))
    box, (width, height) = target.box, target.size
    x, y = box.x0 + along * box.width, box.y0 + along * box.height
    clicks = ((box.x0 - off, y), (box.x1 + off, y), (x, box.y0 - off), (x, box.y1 + off))
    inside = (clicks[side] for side in sides if 0 <= clicks[side][0] < width and 0 <= clicks[side][1] < height)
    click = next(inside, None)
    return None if click is None else Points((click,), (1,))


def paint_part(target: Target, rng: Generator, *, share: float) -> Mask | None:
    """Part of the object's mask: those of its pixels that lie on one side of a random line. None without a mask.

    ``share`` is the part's number of pixels over the mask's, above 0 and at most 1; at least one pixel is kept.
    """
    angle = rng.uniform(0, 2 * math.pi)
    if target.mask is None:
        return None
    pixels = target.mask.to_array()
    rows, columns = np.nonzero(pixels)
    count = max(1, round(share * len(rows)))
    first = np.argpartition(columns * math.cos(angle) + rows * math.sin(angle), count - 1)[:count]
    part = np.zeros_like(pixels)
    part[rows[first], columns[first]] = True
    return Mask.from_array(part)


def pick_other_box(target: Target, rng: Generator) -> Box | None:
    """The box of another object in the image: of `Target.others`, the one with the least IoU with the object's box.

    If all of them have an IoU of `OTHER_OBJECT_IOU` or more, it is the largest of the four parts of the image left of,
    right of, above and below the object's box; None if that box fills the image. ``rng`` is not used.
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
    """The target's box with each edge moved by ``far * pull`` and clipped to the image; without area if edges cross."""
    (width, height), box = target.size, target.box
    x0, y0, x1, y1 = (edge + far * step for edge, step in zip((box.x0, box.y0, box.x1, box.y1), pull, strict=True))
    return Box(
        min(max(float(x0), 0.0), width),
        min(max(float(y0), 0.0), height),
        min(max(float(x1), 0.0), width),
        min(max(float(y1), 0.0), height),
    )


def _find_point_on(target: Target) -> tuple[float, float]:
    """A point on the object: the centre of its box, or of the pixel of its mask nearest to that centre."""
    x, y = target.box.center
    if target.mask is None:
        return x, y
    rows, columns = np.nonzero(target.mask.to_array())
    nearest = int(np.argmin((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2))
    return float(columns[nearest]) + 0.5, float(rows[nearest]) + 0.5
