"""Open pairs depend on no order; what is far, or one thing twice, makes none; a third thing may be between two."""

import numpy as np
import pytest
from hypothesis import given, settings

from scar.evidence.open_pairs import find_open_pairs, is_between
from tests.scar.evidence.drawings import Rectangle, place, reverse, things


@settings(max_examples=40, deadline=None)
@given(things())
def test_open_pairs_are_symmetric_whatever_the_order(some: list[tuple[str, Rectangle]]) -> None:
    picture = place(*some)
    pairs = find_open_pairs(picture.regions, picture)
    assert (pairs == pairs.T).all()
    assert not np.diag(pairs).any()
    turned = reverse(picture)
    assert (find_open_pairs(turned.regions, turned) == pairs[::-1, ::-1]).all()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("cup", (60, 60, 90, 120)), ("cup", (95, 60, 125, 120)), True),
        (("cup", (60, 60, 90, 120)), ("cup", (160, 60, 190, 120)), False),
        (("cup", (60, 60, 90, 120)), ("cup", (64, 60, 94, 124)), False),  # one cup twice
        (("cup", (60, 60, 90, 120)), ("bowl", (61, 60, 91, 120)), False),  # one thing under two names
        (("cup", (60, 60, 90, 120)), ("person", (61, 60, 91, 120)), True),
        (("person", (60, 40, 120, 200)), ("truck", (122, 150, 160, 180)), False),  # far behind
    ],
)
def test_a_pair_is_open_if_it_may_touch(
    first: tuple[str, Rectangle], second: tuple[str, Rectangle], expected: bool
) -> None:
    picture = place(first, second)
    assert bool(find_open_pairs(picture.regions, picture)[0, 1]) == expected


@pytest.mark.parametrize(
    ("third", "expected"),
    [((92, 60, 108, 120), True), ((92, 100, 108, 120), False), ((150, 60, 180, 120), False), ((0, 0, 320, 240), False)],
)
def test_a_third_thing_is_between_two_if_it_fills_their_gap(third: Rectangle, expected: bool) -> None:
    regions = place(("cup", (60, 60, 90, 120)), ("cup", (110, 60, 140, 120)), ("book", third)).regions
    first, second, _ = regions
    assert is_between(regions, first, second) == is_between(regions, second, first) == expected
