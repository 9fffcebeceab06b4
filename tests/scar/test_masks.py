"""Whatever form a mask has in the file, it becomes the pixels that pycocotools sees, or a named refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from scar.errors import BadRecord
from scar.masks import area, check_runs, normalise, runs
from scar.sample import Mask

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
pictures = shapes.flatmap(lambda shape: arrays(bool, shape))


def uncompressed(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    """Runs column by column, the first of pixels outside: five lines, by definition."""
    lengths, inside = [0], False
    for pixel in pixels.flatten(order="F"):
        if pixel != inside:
            lengths, inside = [*lengths, 0], not inside
        lengths[-1] += 1
    return lengths


@given(pictures)
def test_runs_are_those_of_the_pixels(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    mask = Mask.from_array(pixels)
    assert runs(mask.counts).tolist() == uncompressed(pixels)
    assert area(mask.counts) == pixels.sum()
    check_runs(mask)


@given(pictures.filter(lambda pixels: pixels.any()))
def test_both_run_length_forms_give_one_mask(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    height, width = pixels.shape
    expected = Mask.from_array(pixels)
    for counts in (uncompressed(pixels), expected.counts):
        mask = normalise({"size": [height, width], "counts": counts}, width, height, "here")
        assert mask == expected
        assert (mask.to_array() == pixels).all()


def test_long_runs_survive() -> None:
    for counts in ([0, 5_000_000], [4_999_999, 1], [1, 2_000_000, 2_000_000, 1, 999_998]):
        mask = normalise({"size": [1000, 5000], "counts": counts}, 5000, 1000, "here")
        assert mask is not None
        assert runs(mask.counts).tolist() == counts


points = st.lists(st.tuples(st.floats(-30, 70), st.floats(-30, 50)), min_size=3, max_size=8)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(st.lists(points, min_size=1, max_size=3))
def test_polygons_are_united_as_pycocotools_does(polygons: list[list[tuple[float, float]]]) -> None:
    flat = [[value for point in polygon for value in point] for polygon in polygons]
    expected = coco.decode(coco.merge(coco.frPyObjects(flat, 30, 40)))
    if expected.any():
        mask = normalise(flat, 40, 30, "here")
        assert mask is not None
        assert (mask.to_array() == expected).all()
    else:
        with pytest.raises(BadRecord, match="covers no pixel"):
            normalise(flat, 40, 30, "here")


def test_a_polygon_of_two_points_adds_nothing() -> None:
    square = [2, 2, 8, 2, 8, 8, 2, 8]
    assert normalise([square, [1, 1, 9, 9]], 10, 10, "here") == normalise([square], 10, 10, "here")


@pytest.mark.parametrize("nothing", [None, []])
def test_no_mask_is_no_mask(nothing: object) -> None:
    assert normalise(nothing, 10, 10, "here") is None


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ({"size": [10, 11], "counts": [0, 110]}, "mask_size"),
        ({"size": [12, 10], "counts": [0, 120]}, "mask_size"),
        ({"size": ["10", "12"], "counts": [0, 120]}, "mask_size"),
        ({"counts": [0, 120]}, "mask_size"),
        ({"size": [10, 12]}, "bad_mask"),
        ({"size": [10, 12], "counts": [0, 119]}, "bad_mask"),
        ({"size": [10, 12], "counts": [0, 130, -10]}, "bad_mask"),
        ({"size": [10, 12], "counts": [0.5, 119.5]}, "bad_mask"),
        ({"size": [10, 12], "counts": [True, 119]}, "bad_mask"),
        ({"size": [10, 12], "counts": 120}, "bad_mask"),
        ({"size": [10, 12], "counts": ""}, "bad_mask"),
        ({"size": [10, 12], "counts": "0"}, "bad_mask"),
        ({"size": [10, 12], "counts": "zzzz"}, "bad_mask"),
        ({"size": [10, 12], "counts": "oooo"}, "bad_mask"),
        ({"size": [10, 12], "counts": "\u00e9\u0430"}, "bad_mask"),
        ({"size": [10, 12], "counts": "o" * 20 + "0"}, "bad_mask"),
        ({"size": [10, 12], "counts": [120]}, "empty_mask"),
        ([[1, 1, 9, 9]], "empty_mask"),
        ([[]], "empty_mask"),
        ([[1, 1, 9, 1, 9]], "bad_mask"),
        ([1, 1, 9, 1, 9, 9], "bad_mask"),
        ([["1", 1, 9, 1, 9, 9]], "bad_mask"),
        ([[None, 1, 9, 1, 9, 9]], "bad_mask"),
        ([[1, 1, 1e9, 1, 9, 9]], "bad_mask"),
        ([[1, 1, 10**400, 1, 9, 9.5]], "bad_mask"),
        ([[1, 1, float("nan"), 1, 9, 9]], "bad_mask"),
        ([[float("nan"), 1, float("inf"), 1, 9, 9]], "bad_mask"),
        ([[True, 1, 9, 1, 9, 9]], "bad_mask"),
        ("polygon", "bad_mask"),
        (3, "bad_mask"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(segmentation: object, reason: str) -> None:
    with pytest.raises(BadRecord, match=f"^file, annotation 3: .*'{reason}'") as caught:
        normalise(segmentation, 12, 10, "file, annotation 3")
    assert caught.value.reason == reason


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=12))
def test_damaged_text_never_reaches_the_decoder(counts: str) -> None:
    try:
        mask = normalise({"size": [10, 12], "counts": counts}, 12, 10, "here")
    except BadRecord as bad:
        assert bad.reason in ("bad_mask", "empty_mask")
    else:
        assert mask is not None
        assert mask.to_array().sum() == area(counts)
