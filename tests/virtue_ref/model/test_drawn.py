"""Outlines become the pixels that they run around, strokes become points on them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from mmeb_eval.item import XY, Lasso, Points, Polygon, Scribble
from scar.common.orientation import turn_array, turn_point
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.model.drawn import (
    SCRIBBLE_POINTS,
    fill_outline,
    find_crossing,
    find_outline_box,
    sample_scribble,
)

SIZE = (40, 30)
CENTRES = np.stack(np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5), axis=-1).reshape(-1, 2)

eighths = st.integers(-64, 400)
corner = st.tuples(eighths, eighths).map(lambda pair: (pair[0] / 8 + 0.0317, pair[1] / 8 + 0.0713))  # off the centres


@st.composite
def star_shapes(draw: st.DrawFn) -> XY:
    """A polygon around (20, 15) whose corners are sorted by their angle, so that it does not cross itself."""
    radii = draw(st.lists(st.floats(3, 30), min_size=3, max_size=12))
    turns = np.arange(len(radii)) / len(radii) * 2 * math.pi
    return tuple((20.03 + r * math.cos(t), 15.07 + r * math.sin(t)) for r, t in zip(radii, turns, strict=True))


def count_turns(xy: XY) -> NDArray[np.intp]:
    """How often a closed line runs around each pixel's centre, by adding up angles: (H, W)."""
    corners = np.array(xy)[None] - CENTRES[:, None]
    angles = np.arctan2(corners[..., 1], corners[..., 0])
    steps = np.diff(np.concatenate([angles, angles[:, :1]], axis=1), axis=1)
    whole = ((steps + math.pi) % (2 * math.pi) - math.pi).sum(axis=1) / (2 * math.pi)
    turns: NDArray[np.intp] = np.rint(whole).astype(np.intp).reshape(30, 40)
    return turns


@given(star_shapes())
def test_a_polygon_has_the_pixels_that_matplotlib_finds(xy: XY) -> None:
    inside = Outline(np.array([*xy, xy[0]]), closed=True).contains_points(CENTRES).reshape(30, 40)
    if not inside.any():
        return
    assert np.array_equal(fill_outline(Polygon(xy), SIZE), inside)
    assert np.array_equal(fill_outline(Lasso(xy), SIZE), inside)


@given(st.lists(corner, min_size=3, max_size=12, unique=True))
def test_a_lasso_has_what_it_runs_around(xy: list[tuple[float, float]]) -> None:
    assume(max(map(max, xy)) > 1)  # else it may be fractions of the image
    inside = count_turns(tuple(xy)) != 0
    if not inside.any():
        with pytest.raises(ItemError, match=r"no pixel's centre|outside the image"):
            fill_outline(Lasso(tuple(xy)), SIZE)
        return
    filled = fill_outline(Lasso(tuple(xy)), SIZE)
    assert np.array_equal(filled, inside)
    assert np.array_equal(filled, fill_outline(Lasso(tuple(reversed(xy))), SIZE))
    assert np.array_equal(filled, fill_outline(Lasso((*xy[2:], *xy[:2])), SIZE))
    rows, columns = np.nonzero(filled)
    box = find_outline_box(Lasso(tuple(xy)), SIZE)
    assert box.x0 <= columns.min() + 0.5
    assert box.x1 >= columns.max() + 0.5
    assert box.y0 <= rows.min() + 0.5
    assert box.y1 >= rows.max() + 0.5


@given(star_shapes(), st.sampled_from(range(1, 9)))
def test_an_outline_turns_with_its_image(xy: XY, orientation: int) -> None:
    try:
        filled = fill_outline(Polygon(xy), SIZE)
    except ItemError:
        return
    turned = tuple(turn_point(x, y, SIZE, orientation) for x, y in xy)
    expected = turn_array(filled, orientation)
    assert np.array_equal(fill_outline(Polygon(turned), (expected.shape[1], expected.shape[0])), expected)


def test_a_line_around_twice_leaves_no_hole() -> None:
    turns = np.linspace(0, 4 * math.pi, 80)
    spiral = tuple((20 + (6 + t) * 0.8 * math.cos(t), 15 + (6 + t) * 0.8 * math.sin(t)) for t in turns)
    filled = fill_outline(Lasso(spiral), SIZE)
    assert filled[15, 20]
    assert find_crossing(spiral) is not None
    with pytest.raises(ItemError, match=r"polygon of 80 points crosses itself: the sides .* give it as a lasso"):
        fill_outline(Polygon(spiral), SIZE)


@given(st.lists(corner, min_size=3, max_size=10, unique=True))
def test_crossings_are_those_that_brute_force_finds(xy: list[tuple[float, float]]) -> None:
    """Where two sides meet, solved with fractions of their lengths."""

    def meet(first: int, second: int) -> bool:
        (ax, ay), (bx, by) = xy[first], xy[(first + 1) % len(xy)]
        (cx, cy), (dx, dy) = xy[second], xy[(second + 1) % len(xy)]
        matrix = np.array([[bx - ax, cx - dx], [by - ay, cy - dy]])
        if abs(np.linalg.det(matrix)) < 1e-9:
            return False
        along, across = np.linalg.solve(matrix, [cx - ax, cy - ay])
        return bool(1e-9 < along < 1 - 1e-9 and 1e-9 < across < 1 - 1e-9)

    pairs = [(i, j) for i in range(len(xy)) for j in range(i + 1, len(xy)) if meet(i, j)]
    assert find_crossing(tuple(xy)) == (pairs[0] if pairs else None)


strokes = st.lists(
    st.lists(st.tuples(st.floats(0, 40), st.floats(1.5, 30)), min_size=1, max_size=6).map(tuple), min_size=1, max_size=4
).map(tuple)


def find_distance(point: tuple[float, float], stroke: XY) -> float:
    """Distance in pixels between a point and a stroke."""
    distances = [math.dist(point, stroke[0])]
    for start, end in pairwise(np.array(stroke)):
        way = end - start
        share = np.clip((point - start) @ way / max(way @ way, 1e-12), 0, 1)
        distances.append(float(np.linalg.norm(point - (start + share * way))))
    return min(distances)


@given(strokes, strokes)
def test_points_lie_on_their_strokes_and_every_stroke_has_one(on: tuple[XY, ...], beside: tuple[XY, ...]) -> None:
    points = sample_scribble(Scribble(on, beside), SIZE)
    for label, drawn in ((1, on), (0, beside)):
        xy = [pair for pair, each in zip(points.xy, points.labels, strict=True) if each == label]
        assert len(xy) <= max(SCRIBBLE_POINTS, len(drawn))
        assert all(min(find_distance(pair, stroke) for stroke in drawn) < 2e-3 for pair in xy)
        assert all(min(find_distance(pair, stroke) for pair in xy) < 2e-3 for stroke in drawn)


def test_points_are_spread_along_the_stroke_however_it_is_drawn() -> None:
    line: XY = ((0, 10), (3, 10), (16, 10))
    expected = Points(tuple((1.0 + 2 * step, 10.0) for step in range(8)), (1,) * 8)
    other: XY = ((30, 2), (30, 6))
    assert sample_scribble(Scribble((line,)), SIZE) == expected
    assert sample_scribble(Scribble((line[::-1],)), SIZE) == expected
    assert sample_scribble(Scribble((line, other)), SIZE) == sample_scribble(Scribble((other, line[::-1])), SIZE)
    assert sample_scribble(Scribble((((3, 4),),)), SIZE) == Points(((3, 4),), (1,))


NAN = float("nan")


@pytest.mark.parametrize(
    ("outline", "message"),
    [
        (Polygon(()), "the polygon of 0 points needs at least three different points"),
        (Polygon(((1, 2), (30, 20))), "three different points"),
        (Lasso(((1, 2), (30, 20), (1, 2))), "the lasso of 3 points needs at least three"),
        (Lasso(((1, 2), (30, NAN), (4, 5))), r"point \(30, nan\) of the lasso of 3 points is not finite"),
        (Polygon(((1, 2), (30, math.inf), (4, 5))), "is not finite"),
        (Polygon(((50, 2), (90, 5), (60, 20))), "lies outside the image, which has 40 x 30 pixels"),
        (Lasso(((-9, -9), (-1, -5), (-3, -2))), "lies outside the image"),
        (Polygon(((0.1, 0.2), (0.5, 0.2), (0.3, 0.9))), "looks like fractions of the image: multiply x by 40"),
        (Polygon(((5, 5), (30, 25), (30, 5), (5, 25))), "crosses itself: the sides from points 1 and 3"),
        (Polygon(((1, 1), (20, 1), (30, 1))), "surrounds no pixel's centre"),
        (Lasso(((1.1, 1.1), (1.3, 1.1), (1.2, 1.3))), "surrounds no pixel's centre"),
    ],
)
def test_what_is_no_outline(outline: Polygon | Lasso, message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        fill_outline(outline, SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scribble", "message"),
    [
        (Scribble(()), "no stroke on the thing"),
        (Scribble((), (((1, 2),),)), "no stroke on the thing"),
        (Scribble(((),)), "an empty stroke"),
        (Scribble((((1, 2),),), ((),)), "an empty stroke"),
        (Scribble((((1, NAN),),)), r"point \(1, nan\) of the scribble is not finite"),
        (Scribble((((1, 2), (41, 2)),)), r"point \(41, 2\) of the scribble lies outside the image, which has 40 x 30"),
        (Scribble((((1, 2),),), (((1, -2),),)), "lies outside the image"),
        (Scribble((((0.1, 0.2), (0.9, 0.5)),)), "the scribble looks like fractions"),
    ],
)
def test_what_is_no_scribble(scribble: Scribble, message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        sample_scribble(scribble, SIZE)
    assert "\n" not in str(caught.value)


def test_the_part_of_an_outline_in_the_image_counts() -> None:
    outline = Polygon(((-10, -10), (20, -10), (20, 10), (-10, 10)))
    filled = fill_outline(outline, SIZE)
    assert filled.sum() == 200
    assert filled[:10, :20].all()
    assert find_outline_box(outline, SIZE) == Box(0, 0, 20, 10)
