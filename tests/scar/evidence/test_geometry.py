"""Evidence of boxes: no relation is both claimed and denied, whatever the boxes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.evidence.geometry import (
    find_denied_positions,
    find_directions,
    find_positions,
    is_apart,
    is_out_of_direction,
    measure_gaps,
)
from scar.language.relation_phrase import DIRECTIONS, OPPOSITES
from scar.sample import Box, Picture

PICTURE = Picture(1, "a.jpg", 640, 480, ())


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y = draw(st.integers(0, 620)), draw(st.integers(0, 460))
    return Box(x, y, x + draw(st.integers(4, 640 - x)), y + draw(st.integers(4, 480 - y)))


@given(boxes(), boxes(), st.sampled_from(DIRECTIONS))
def test_no_direction_both_holds_and_fails(box: Box, other: Box, direction: str) -> None:
    assert not ((direction in find_directions(box, other)) and is_out_of_direction(direction, box, other))


@given(boxes(), boxes(), st.sampled_from(DIRECTIONS))
def test_the_other_thing_stands_the_other_way(box: Box, other: Box, direction: str) -> None:
    assert (direction in find_directions(box, other)) == (OPPOSITES[direction] in find_directions(other, box))
    assert is_out_of_direction(direction, box, other) == is_out_of_direction(OPPOSITES[direction], other, box)
    if direction in find_directions(box, other):
        assert is_out_of_direction(OPPOSITES[direction], box, other)


@given(boxes(), boxes())
def test_a_mirror_swaps_left_and_right_alone(box: Box, other: Box) -> None:
    a, b = (Box(640 - each.x1, each.y0, 640 - each.x0, each.y1) for each in (box, other))
    assert ("to the left of" in find_directions(box, other)) == ("to the right of" in find_directions(a, b))
    assert is_out_of_direction("to the left of", box, other) == is_out_of_direction("to the right of", a, b)
    assert ("above" in find_directions(box, other)) == ("above" in find_directions(a, b))
    assert ("on the left of" in find_positions(box, PICTURE)) == ("on the right of" in find_positions(a, PICTURE))
    assert ("at the top of" in find_positions(box, PICTURE)) == ("at the top of" in find_positions(a, PICTURE))


@given(boxes())
def test_no_position_is_both_held_and_denied(box: Box) -> None:
    assert find_denied_positions(box, PICTURE).isdisjoint(find_positions(box, PICTURE))


@pytest.mark.parametrize(
    ("box", "other", "held", "denied"),
    [
        (Box(0, 100, 50, 200), Box(100, 100, 150, 200), {"to the left of"}, {"to the right of", "above", "below"}),
        (Box(100, 0, 200, 50), Box(100, 100, 200, 150), {"above"}, {"below", "to the left of", "to the right of"}),
        # Up and to the left: readers may say either, so neither is claimed; only the opposites are denied.
        (Box(0, 0, 50, 50), Box(100, 100, 150, 150), set(), {"to the right of", "below"}),
        # One in the other, centres together: nothing is claimed or denied.
        (Box(0, 0, 100, 100), Box(40, 40, 60, 60), set(), set()),
    ],
)
def test_directions(box: Box, other: Box, held: set[str], denied: set[str]) -> None:
    assert {direction for direction in DIRECTIONS if (direction in find_directions(box, other))} == held
    assert {direction for direction in DIRECTIONS if is_out_of_direction(direction, box, other)} == denied


@pytest.mark.parametrize(
    ("box", "position"),
    [
        (Box(10, 200, 100, 300), "on the left of"),
        (Box(540, 200, 630, 300), "on the right of"),
        (Box(280, 10, 360, 100), "at the top of"),
        (Box(280, 380, 360, 470), "at the bottom of"),
        (Box(280, 200, 360, 280), "in the middle of"),
        (Box(10, 10, 630, 470), "filling most of"),
    ],
)
def test_positions(box: Box, position: str) -> None:
    assert find_positions(box, PICTURE) == (position,)
    assert len(find_denied_positions(box, PICTURE)) >= 4


@given(boxes(), boxes())
def test_negative_gaps_are_the_sides_of_what_boxes_share(box: Box, other: Box) -> None:
    gap_x, gap_y = measure_gaps(box, other)
    assert box.intersection_area(other) == max(-gap_x, 0) * max(-gap_y, 0)
    assert measure_gaps(other, box) == (gap_x, gap_y)


@given(boxes(), boxes())
def test_apart_is_mutual_and_never_of_boxes_that_touch(box: Box, other: Box) -> None:
    assert is_apart(box, other) == is_apart(other, box)
    assert not (is_apart(box, other) and box.intersection_area(other))
    assert is_apart(box, other) or not is_apart(box, other, 1.5), "a larger gap is needed"


@pytest.mark.parametrize(
    ("other", "far"),
    [
        (Box(210, 100, 310, 200), False),
        (Box(260, 100, 360, 200), False),  # a gap, but not room for one of them
        (Box(310, 100, 410, 200), True),
        (Box(100, 320, 200, 420), True),
        (Box(120, 120, 180, 180), False),
    ],
)
def test_apart(other: Box, far: bool) -> None:
    assert is_apart(Box(100, 100, 200, 200), other) == far
