"""Distances that sizes tell apart, and none where the frame or an unknown size leaves them open."""

import numpy as np
import pytest
from hypothesis import given, settings

from scar.evidence.depth import find_depth_gaps, is_other_depth
from scar.language.lexicon import read_things
from scar.language.word_tables import read_word_table
from tests.scar.evidence.drawings import Rectangle, place, things


@settings(max_examples=40, deadline=None)
@given(things())
def test_gaps_are_those_of_each_pair_and_symmetric(some: list[tuple[str, Rectangle]]) -> None:
    picture = place(*some)
    gaps = find_depth_gaps(picture.regions, picture)
    assert not np.diag(gaps).any()
    for i, region in enumerate(picture.regions):
        for j, other in enumerate(picture.regions):
            assert gaps[i, j] == gaps[j, i] == is_other_depth(region, other, picture)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("person", (60, 40, 120, 200)), ("truck", (122, 150, 160, 180)), True),
        (("person", (60, 40, 120, 200)), ("truck", (122, 20, 310, 200)), False),
        (("person", (60, 40, 120, 200)), ("truck", (290, 150, 320, 180)), False),  # cut off: how large is it?
        (("person", (60, 40, 120, 200)), ("widget", (122, 190, 130, 198)), False),  # of unknown size
        (("cup", (60, 40, 120, 130)), ("person", (130, 40, 150, 80)), True),
    ],
)
def test_what_looks_small_and_is_large_is_far(
    first: tuple[str, Rectangle], second: tuple[str, Rectangle], expected: bool
) -> None:
    picture = place(first, second)
    assert is_other_depth(picture.regions[0], picture.regions[1], picture) == expected


def test_each_row_of_sizes_names_known_things_and_a_range() -> None:
    rows = read_word_table("sizes")["size"]
    names = [name for row in rows for name in row["things"]]
    kinds = {f"kind:{thing.kind}" for thing in read_things().values()}
    assert len(names) == len(set(names))
    assert set(names) <= {*read_things(), *kinds, "man", "woman", "boy", "girl", "child", "goat", "plate"}
    assert all(0 < row["least"] < row["most"] for row in rows)
