"""Arithmetic on runs, against the same on arrays of pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from scar.evidence.mask_runs import MaskRuns
from scar.sample import Box, Mask

Pixels = NDArray[np.bool_]
PIXELS = arrays.arrays(bool, st.tuples(st.just(12), st.just(9)))


def runs_of(pixels: Pixels) -> MaskRuns:
    return MaskRuns.from_mask(Mask.from_array(pixels), Box(0, 0, pixels.shape[1], pixels.shape[0]))


@given(PIXELS, PIXELS)
def test_the_share_within_is_that_of_the_pixels(a: Pixels, b: Pixels) -> None:
    expected = (a & b).sum() / a.sum() if a.any() else 0.0
    assert np.isclose(runs_of(a).share_within(runs_of(b)), expected)
    assert runs_of(a).area == a.sum()


@given(PIXELS)
def test_positions_are_inside_where_the_pixels_are(pixels: Pixels) -> None:
    runs = runs_of(pixels)
    if pixels.any():
        assert runs.contain(np.arange(pixels.size)).tolist() == pixels.T.ravel().tolist()


def test_what_stands_upon_another_has_it_below_every_column_of_its_foot() -> None:
    thing, table = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    thing[10:30, 20:30], table[30:50, 5:70] = True, True
    assert runs_of(thing).share_on(runs_of(table)) == 1
    assert runs_of(table).share_on(runs_of(thing)) == 0
    half = np.zeros_like(table)
    half[30:50, 25:70] = True
    assert runs_of(thing).share_on(runs_of(half)) == 0.5


def test_what_is_beside_another_touches_it_on_one_side() -> None:
    thing, beside, far = (np.zeros((60, 80), bool) for _ in range(3))
    thing[10:30, 20:30], beside[10:30, 30:40], far[10:30, 50:60] = True, True, True
    touching = runs_of(thing).share_touching(runs_of(beside))
    assert 0 < touching < 0.5
    assert runs_of(thing).share_touching(runs_of(far)) == 0


def test_the_lower_edge_of_one_column_is_no_neighbour_of_the_upper_edge_of_the_next() -> None:
    low, high = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    low[50:60, 10:20], high[0:10, 21:30] = True, True
    assert runs_of(low).share_touching(runs_of(high)) == 0
    assert runs_of(low).share_on(runs_of(high)) == 0


def test_a_box_is_covered_as_far_as_its_pixels_are() -> None:
    pixels = np.zeros((60, 80), bool)
    pixels[10:30, 20:40] = True
    assert runs_of(pixels).share_covering(Box(20, 10, 40, 30)) == 1
    assert runs_of(pixels).share_covering(Box(30, 10, 50, 30)) == 0.5
    assert runs_of(pixels).share_covering(Box(40, 30, 80, 60)) == 0


def test_a_bearer_flanks_a_foot_that_is_amid_it_and_not_one_at_its_far_edge() -> None:
    amid, edge, table = (np.zeros((120, 160), bool) for _ in range(3))
    amid[40:80, 60:80], edge[20:60, 60:80], table[60:110, 10:150] = True, True, True
    table &= ~amid
    assert runs_of(amid).is_flanked(runs_of(table))
    assert not runs_of(edge).is_flanked(runs_of(table))
