"""The tables of all pairs of boxes say what the functions for two boxes say."""

from hypothesis import given
from hypothesis import strategies as st

from scar.evidence.box_pairs import FAR, BoxPairs
from scar.evidence.geometry import find_directions, is_apart, is_out_of_direction
from scar.language.relation_phrase import DIRECTIONS
from scar.sample import Box

SIDES = st.one_of(st.integers(0, 30), st.floats(0, 640))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y, width, height = (draw(SIDES) for _ in range(4))
    return Box.from_xywh(x, y, width, height)


@given(st.lists(boxes(), max_size=6))
def test_tables_say_what_the_functions_say(several: list[Box]) -> None:
    pairs = BoxPairs(several)
    for i, box in enumerate(several):
        for j, other in enumerate(several):
            held = {direction for direction in DIRECTIONS if pairs.directions[direction][i][j]}
            denied = {direction for direction in DIRECTIONS if pairs.out_of_direction[direction][i][j]}
            assert held == set(find_directions(box, other))
            assert denied == {each for each in DIRECTIONS if is_out_of_direction(each, box, other)}
            assert pairs.far_apart[i][j] == is_apart(box, other, FAR)
