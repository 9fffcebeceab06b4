"""Prompts: where they land in the segmenter's square, and what is no prompt."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmeb_eval.item import Points, Prompt
from scar.errors import ItemError
from scar.sample import Box, Mask
from virtue_ref.config import PROFILES
from virtue_ref.model.prompts import PointPrompt, make_grid_prompt, make_point_prompt

SIDE = 1024
SIZE = (640, 480)
MASK = np.zeros((480, 640), bool)
MASK[10:20, 30:40] = True


def clean(prompt: Prompt | None, size: tuple[int, int] = SIZE) -> PointPrompt:
    return make_point_prompt(prompt, size, SIDE, 3, PROFILES["clean"])


def official(prompt: Prompt | None, size: tuple[int, int] = SIZE) -> PointPrompt:
    return make_point_prompt(prompt, size, SIDE, 3, PROFILES["official"])


@pytest.mark.parametrize("profile", [clean, official])
def test_no_prompt_is_the_grid(profile: type) -> None:
    assert profile(None) == make_grid_prompt(SIDE, 3)
    assert make_grid_prompt(SIDE, 3).labels == (1,) * 9
    assert make_grid_prompt(SIDE, 3).xy[1] == (SIDE / 2, SIDE / 6)


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.tuples(*[st.floats(0, 1)] * 4).filter(
        lambda part: abs(part[0] - part[2]) > 0.01 and abs(part[1] - part[3]) > 0.01
    ),
)
def test_a_box_and_its_way_back(width: int, height: int, part: tuple[float, float, float, float]) -> None:
    (x0, x1), (y0, y1) = sorted(part[::2]), sorted(part[1::2])
    box = Box(x0 * width, y0 * height, x1 * width, y1 * height)
    assume(max(box.x1, box.y1) > 1)  # else it may be fractions of the image
    clicks = clean(box, (width, height))
    assert clicks.labels == (2, 3)
    back = Box(
        *(value / SIDE * side for corner in clicks.xy for value, side in zip(corner, (width, height), strict=True))
    )
    assert box.iou(back) >= 0.99


def test_official_takes_coordinates_as_they_are() -> None:
    assert official(Box(600, 40, 900, 1000)).xy == ((600, 40), (900, 1000))
    assert official(Points(((700, 700),), (1,))).xy == ((700, 700),)


def test_a_box_over_the_edge_is_cut_in_clean() -> None:
    assert clean(Box(-10, -10, 320, 240)).xy == ((0, 0), (512, 512))


def test_points_and_box_together() -> None:
    prompt = Points(((320, 240), (0, 0)), (1, 0), Box(0, 0, 640, 480))
    assert clean(prompt) == PointPrompt(((0, 0), (1024, 1024), (512, 512), (0, 0)), (2, 3, 1, 0))
    assert official(prompt) == PointPrompt(((320, 240), (0, 0)), (1, 0)), "in the release a point wins over a box"


@pytest.mark.parametrize("profile", [clean, official])
def test_a_mask_goes_to_the_mask_input(profile: type) -> None:
    mask = Mask.from_array(MASK)
    assert profile(mask) == PointPrompt((), (), mask)


BAD = [
    (Box(650, 10, 700, 20), r"box \(650, 10, 700, 20\) lies outside the image, which has 640 x 480 pixels"),
    (Box(-20, -20, -1, -1), "lies outside the image"),
    (Box(10, 10, 10, 50), "has no area"),
    (Box(50, 10, 10, 50), r"has no area: x0 < x1 and y0 < y1 .*is it x, y, width, height\? Box.from_xywh"),
    (Box(400, 300, 100, 50), "is it x, y, width, height"),
    (Box(0.1, 0.2, 0.5, 0.75), r"fractions of the image: multiply x by 640 and y by 480"),
    (Box(0, 0, 1, 1), "fractions of the image"),
    (Box(640, 0, 700, 10), "lies outside the image"),
    (Box(-5, -5, 0, 0), "lies outside the image"),
    (
        Points(((0.25, 0.5), (1.0, 0)), (1, 0)),
        r"points .* look like fractions of the image: multiply x by 640 and y by 480",
    ),
    (Points(((30, 40),), (1,), Box(0.1, 0.2, 0.5, 0.75)), "looks like fractions"),
    (Points(((30, 40),), (1,), Box(50, 10, 10, 50)), "has no area"),
    (Points(((30, 40),), (-1,)), "each 0 or 1"),
    (Points(((-1, 40),), (1,)), "lies outside"),
    (Box(math.nan, 0, 10, 10), "has a corner that is not a finite number"),
    (Box(0, 0, math.inf, 10), "has a corner that is not a finite number"),
    (Points((), ()), "the prompt has no points"),
    (Points((), (), Box(0, 0, 10, 10)), "the prompt has no points"),
    (Points(((1, 1),), (1, 0)), r"1 points need as many labels, each 0 or 1, not \(1, 0\)"),
    (Points(((1, 1),), (2,)), "each 0 or 1"),
    (Points(((math.nan, 1),), (1,)), r"point \(nan, 1\) is not a number"),
    (Points(((641, 1),), (1,)), r"point \(641, 1\) lies outside the image"),
    (Points(((1, 1),), (1,), Box(700, 0, 800, 10)), "lies outside the image"),
    (Mask.from_array(np.zeros((480, 640), bool)), "the mask is empty"),
    (Mask.from_array(MASK.T.copy()), "a mask of 480 x 640 pixels on an image of 640 x 480"),
    (Mask((480, 640), "garbage that is no run"), "a mask of 640 x 480 pixels is damaged"),
    ("a word", "a str is no prompt"),
]


@pytest.mark.parametrize(("prompt", "message"), BAD)
def test_what_is_no_prompt(prompt: Prompt, message: str) -> None:
    with pytest.raises(ItemError, match=message):
        clean(prompt)


@pytest.mark.parametrize(("prompt", "message"), [(prompt, text) for prompt, text in BAD if "outside" not in text])
def test_official_refuses_what_cannot_be_meant(prompt: Prompt, message: str) -> None:
    with pytest.raises(ItemError, match=message):
        official(prompt)


def test_small_regions_at_the_corner_can_be_meant() -> None:
    assert clean(Box(0, 0, 1, 1), (1, 1)).xy == ((0, 0), (SIDE, SIDE))
    assert clean(Box(0, 0, 1, 2)).labels == (2, 3)
    assert clean(Points(((0, 0), (1, 1)), (1, 0))).labels == (1, 0)


@pytest.mark.parametrize("prompt", [Box(1100, 0, 1200, 10), Points(((0, 1025),), (1,)), Box(math.nan, 0, 1, 1)])
def test_official_refuses_what_neither_frame_holds(prompt: Prompt) -> None:
    with pytest.raises(ItemError, match=r"outside the image|not a finite number"):
        official(prompt)
    assert official(Box(1100, 0, 1200, 10), (2000, 1000)).xy[0] == (1100, 0)
