"""What is drawn by hand as what a segmenter takes: outlines become masks, strokes become points.

All coordinates are in pixels of one image and count pixel edges: 0, 0 is its top left corner.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.item import XY, Lasso, Points, Polygon, Scribble
from scar.errors import ItemError
from scar.sample import Box

SCRIBBLE_POINTS = 8
"""Points that are taken from the strokes on a thing, and as many from those beside it: SAM 2 was trained with up to
eight clicks. More strokes give more points, one each."""

DECIMALS = 3
"""Decimals of a stroke's points in pixels, so that a stroke drawn backwards gives the same ones."""


def fill_outline(outline: Polygon | Lasso, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Find the pixels whose centre an outline runs around, by the non-zero winding rule.

    Args:
        outline: a polygon or lasso; what lies outside the image does not count.
        size: (width, height) of the image in pixels.

    Returns:
        (H, W) booleans.

    Raises:
        ItemError: see `check_outline`; or no pixel's centre lies inside.
    """
    check_outline(outline, size)
    width, height = size
    corners = np.array(outline.xy, np.float64)
    turns = np.zeros((height, width + 1), np.int32)  # how the winding number changes, along each row of pixels
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        first, last = (min(max(math.ceil(y - 0.5), 0), height) for y in sorted((y0, y1)))
        rows = np.arange(first, last)  # whose centres the side passes
        crossings = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.intp)  # the first centre right of the side
        np.add.at(turns, (rows, columns), 1 if y1 > y0 else -1)
    inside: NDArray[np.bool_] = turns[:, :width].cumsum(axis=1) != 0
    if not inside.any():
        raise ItemError(f"{_name(outline)} surrounds no pixel's centre: draw it larger, or give a point.")
    return inside


def find_outline_box(outline: Polygon | Lasso, size: tuple[int, int]) -> Box:
    """The smallest box around the part of an outline that lies in an image of (width, height) pixels."""
    across, down = zip(*outline.xy, strict=True)
    return Box(min(across), min(down), max(across), max(down)).intersection(Box(0, 0, *size))


def check_outline(outline: Polygon | Lasso, size: tuple[int, int]) -> None:
    """Check that an outline surrounds something; `size` is (width, height) of the image in pixels.

    Raises:
        ItemError: it has fewer than three different points, a coordinate is not finite, all look like fractions of the
            image, or all lie outside of it; or two sides of a polygon cross.
    """
    name = _name(outline)
    if len(set(outline.xy)) < 3:
        raise ItemError(f"{name} needs at least three different points.")
    _check_numbers(outline.xy, size, name)
    across, down = zip(*outline.xy, strict=True)
    if min(across) >= size[0] or min(down) >= size[1] or max(across) <= 0 or max(down) <= 0:
        raise ItemError(f"{name} lies outside the image, which has {size[0]} x {size[1]} pixels.")
    if isinstance(outline, Polygon) and (crossing := find_crossing(outline.xy)) is not None:
        first, second = crossing
        raise ItemError(
            f"{name} crosses itself: the sides from points {first + 1} and {second + 1}; "
            "put its corners in order, or give it as a lasso, which may cross itself."
        )


def find_crossing(xy: XY) -> tuple[int, int] | None:
    """Find two sides of a closed line that cross, as indices of their first points; None if none do.

    Sides that only touch, or lie on each other, do not cross.
    """
    starts = np.array(xy, np.float64)
    ends = np.roll(starts, -1, axis=0)
    for index in range(len(xy) - 2):
        start, end, others, ways = starts[index], ends[index], starts[index + 1 :], ends[index + 1 :]
        apart = _side_of(start, end, others) * _side_of(start, end, ways) < 0
        across = _side_of(others, ways, start) * _side_of(others, ways, end) < 0
        if (crossing := np.flatnonzero(apart & across)).size:
            return index, index + 1 + int(crossing[0])
    return None


def sample_scribble(scribble: Scribble, size: tuple[int, int]) -> Points:
    """Take points from the strokes of a scribble, evenly along them.

    The points depend neither on the order of the strokes nor on the way in which one is drawn.

    Args:
        scribble: the strokes.
        size: (width, height) of the image in pixels.

    Returns:
        Up to `SCRIBBLE_POINTS` points on the thing and as many beside it, at least one for each stroke; sorted.

    Raises:
        ItemError: no stroke is on the thing, a stroke is empty, or a point is not finite or not on the image.
    """
    check_scribble(scribble, size)
    on, beside = (_sample_strokes(strokes) for strokes in (scribble.strokes, scribble.beside))
    return Points((*on, *beside), (1,) * len(on) + (0,) * len(beside))


def check_scribble(scribble: Scribble, size: tuple[int, int]) -> None:
    """Check a scribble on an image of (width, height) pixels.

    Raises:
        ItemError: see `sample_scribble`.
    """
    if not scribble.strokes:
        raise ItemError("the scribble has no stroke on the thing: give at least one.")
    for stroke in (*scribble.strokes, *scribble.beside):
        if not stroke:
            raise ItemError("the scribble has an empty stroke: give its points, or leave it out.")
    xy = tuple(pair for stroke in (*scribble.strokes, *scribble.beside) for pair in stroke)
    _check_numbers(xy, size, "the scribble")
    for x, y in xy:
        if not (0 <= x <= size[0] and 0 <= y <= size[1]):
            told = f"point ({x:g}, {y:g}) of the scribble lies outside the image"
            raise ItemError(f"{told}, which has {size[0]} x {size[1]} pixels.")


def _sample_strokes(strokes: tuple[XY, ...]) -> XY:
    lengths = [_measure(stroke)[-1] for stroke in strokes]
    counts = [1] * len(strokes)
    for _ in range(SCRIBBLE_POINTS - len(strokes) if strokes else 0):
        counts[max(range(len(strokes)), key=lambda index: lengths[index] / counts[index])] += 1
    taken = {point for stroke, count in zip(strokes, counts, strict=True) for point in _sample_stroke(stroke, count)}
    return tuple(sorted(taken))


def _sample_stroke(stroke: XY, count: int) -> list[tuple[float, float]]:
    """The middles of `count` equal parts of a stroke."""
    along, (x, y) = _measure(stroke), np.array(stroke, np.float64).T
    middles = (np.arange(count) + 0.5) / count * along[-1]
    points = zip(np.interp(middles, along, x), np.interp(middles, along, y), strict=True)
    return [(round(float(px), DECIMALS), round(float(py), DECIMALS)) for px, py in points]


def _measure(stroke: XY) -> NDArray[np.float64]:
    """The way along a stroke to each of its points, in pixels."""
    steps = np.linalg.norm(np.diff(np.array(stroke, np.float64), axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _check_numbers(xy: XY, size: tuple[int, int], name: str) -> None:
    for x, y in xy:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ItemError(f"point ({x}, {y}) of {name} is not finite: give pixels of the image.")
    values = [value for pair in xy for value in pair]
    if size != (1, 1) and all(abs(value) <= 1 for value in values) and any(value != int(value) for value in values):
        raise ItemError(f"{name} looks like fractions of the image: multiply x by {size[0]} and y by {size[1]}.")


def _side_of(start: NDArray[np.float64], end: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """On which side of a line a point lies: above 0 on one, below 0 on the other, 0 on the line."""
    way, off = end - start, point - start
    signs: NDArray[np.float64] = np.sign(way[..., 0] * off[..., 1] - way[..., 1] * off[..., 0])
    return signs


def _name(outline: Polygon | Lasso) -> str:
    return f"the {type(outline).__name__.lower()} of {len(outline.xy)} points"
