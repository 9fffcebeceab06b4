"""Boxes that cannot be meant are told, all others are not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmeb_eval.regions.box_problems import find_box_problem
from scar.sample import Box


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        (Box(0.1, 0.2, 0.5, 0.75), "fractions of the image: multiply x by 640 and y by 480"),
        (Box(0, 0, 1, 1), "fractions"),
        (Box(400, 300, 100, 50), "is it x, y, width, height"),
        (Box(10, 10, 10, 50), "no area"),
        (
            Box(640, 0, 700, 10),
            "outside the image, which has 640 x 480 pixels as it is displayed: is it of another size",
        ),
        (Box(-9, -9, 0, 0), "outside"),
        (Box(0, 0, math.nan, 9), "not a finite number: give"),
        (Box(0, 0, math.inf, 9), "not a finite number: give"),
    ],
)
def test_a_problem_is_told(box: Box, problem: str) -> None:
    told = find_box_problem(box, (640, 480))
    assert told is not None
    assert problem in told


def test_a_larger_frame_holds_more_boxes() -> None:
    assert find_box_problem(Box(700, 500, 900, 1000), (640, 480), (1024, 1024)) is None


@given(st.floats(0, 630), st.floats(0, 470), st.floats(2, 2000), st.floats(2, 2000))
def test_a_box_with_a_part_inside_can_be_meant(x: float, y: float, width: float, height: float) -> None:
    assert find_box_problem(Box.from_xywh(x, y, width, height), (640, 480)) is None
