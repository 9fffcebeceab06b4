"""Whatever form a mask has in the file, it becomes the pixels that pycocotools sees, or a named refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from scar.annotations.masks import find_outline, find_run_starts, group_runs, parse_mask
from scar.errors import BadRecord
from scar.run_lengths import decode_full_runs, decode_runs
from scar.sample import Box, Mask

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
    assert decode_runs(mask.counts).tolist() == uncompressed(pixels)
    assert decode_full_runs(mask.counts, mask.size)[1::2].sum() == pixels.sum()


@given(pictures.filter(lambda pixels: pixels.any()))
def test_both_run_length_forms_give_one_mask(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    height, width = pixels.shape
    expected = Mask.from_array(pixels)
    for counts in (uncompressed(pixels), expected.counts):
        mask = parse_mask({"size": [height, width], "counts": counts}, width, height, "here")
        assert mask == expected
        assert (mask.to_array() == pixels).all()


def test_long_runs_survive() -> None:
    for counts in ([0, 5_000_000], [4_999_999, 1], [1, 2_000_000, 2_000_000, 1, 999_998]):
        mask = parse_mask({"size": [1000, 5000], "counts": counts}, 5000, 1000, "here")
        assert mask is not None
        assert decode_runs(mask.counts).tolist() == counts


points = st.lists(st.tuples(st.floats(-30, 70), st.floats(-30, 50)), min_size=3, max_size=8)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(st.lists(points, min_size=1, max_size=3))
def test_polygons_are_united_as_pycocotools_does(polygons: list[list[tuple[float, float]]]) -> None:
    flat = [[value for point in polygon for value in point] for polygon in polygons]
    expected = coco.decode(coco.merge(coco.frPyObjects(flat, 30, 40)))
    if expected.any():
        mask = parse_mask(flat, 40, 30, "here")
        assert mask is not None
        assert (mask.to_array() == expected).all()
    else:
        with pytest.raises(BadRecord, match="covers no pixel"):
            parse_mask(flat, 40, 30, "here")


def compressed(lengths: list[int]) -> str:
    """Runs that fill 40 x 30 pixels, empty ones among them, as pycocotools writes them."""
    runs = [length for length in lengths if 0 <= length <= 130]
    counts: bytes = coco.frPyObjects({"size": [30, 40], "counts": [*runs, 1200 - sum(runs)]}, 30, 40)["counts"]
    return counts.decode()


numbers = st.one_of(
    st.integers(-100, 160),
    st.floats(-100, 160),
    st.sampled_from([0, -0.0, 40, 30, 0.5, 39.5, 1e-320, float("nan"), float("inf"), 1e300, 2**70]),
)
rings = st.lists(numbers, max_size=14)
lengths = st.lists(st.integers(0, 200) | st.just(0) | st.integers(-3, 1300), max_size=9)
segmentations = st.one_of(
    st.lists(rings | st.just([]), max_size=3),
    st.fixed_dictionaries(
        {
            "size": st.just([30, 40]) | st.lists(st.integers(-1, 41), max_size=3),
            "counts": lengths
            | lengths.map(lambda runs: [*runs, 1200 - sum(runs)])
            | st.text(st.characters(min_codepoint=45, max_codepoint=113), max_size=10)
            | lengths.map(compressed)
            | pictures.map(lambda pixels: Mask.from_array(pixels).counts),
        }
    ),
    st.none() | st.integers() | st.text(max_size=3) | st.dictionaries(st.text(max_size=2), st.none(), max_size=2),
)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(max_examples=400)
@given(segmentations)
def test_whatever_an_annotation_says_becomes_one_rle_or_a_named_refusal(segmentation: Any) -> None:
    try:
        mask = parse_mask(segmentation, 40, 30, "here")
    except BadRecord as bad:
        assert bad.reason in ("bad_mask", "empty_mask", "mask_size")
        return
    if mask is None:
        assert segmentation in (None, [], {}) or segmentation.strip() in ("", "[]", "{}")
        return
    assert mask.size == (30, 40)
    pixels = mask.to_array()
    assert 0 < pixels.sum() == decode_full_runs(mask.counts, mask.size)[1::2].sum()
    assert decode_runs(mask.counts).tolist() == uncompressed(pixels)
    if isinstance(segmentation, list):
        enclosing = [ring for ring in segmentation if len(ring) >= 6]
        assert (pixels == coco.decode(coco.merge(coco.frPyObjects(enclosing, 30, 40)))).all()
    elif isinstance(segmentation["counts"], list):
        assert uncompressed(pixels) == _joined(segmentation["counts"])
    else:
        assert (pixels == coco.decode({"size": [30, 40], "counts": segmentation["counts"].encode()})).all()


def _joined(lengths: list[int]) -> list[int]:
    """Runs without empty ones between others: the same pixels."""
    pixels = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return uncompressed(pixels)


@given(pictures.filter(lambda pixels: pixels.any()))
def test_a_crowds_rle_survives_the_way_into_a_polygon_file_and_back(
    pixels: np.ndarray[Any, np.dtype[np.bool_]],
) -> None:
    height, width = pixels.shape
    crowd = {"size": [height, width], "counts": uncompressed(pixels)}
    again = parse_mask(crowd, width, height, "here")
    assert again is not None
    assert parse_mask({"size": list(again.size), "counts": again.counts}, width, height, "here") == again


@given(shapes.flatmap(lambda shape: arrays(np.int32, shape, elements=st.integers(0, 4))))
def test_labels_become_their_masks_and_boxes(labels: np.ndarray[Any, np.dtype[np.int32]]) -> None:
    height, width = labels.shape
    columns = labels.ravel(order="F")
    starts = find_run_starts(columns)
    found = group_runs(starts, columns[starts], width, height)
    assert list(found) == [value for value in np.unique(labels).tolist() if value]
    for value, (xywh, make_mask) in found.items():
        mask = make_mask()
        assert mask == Mask.from_array(labels == value)
        expected = coco.toBbox({"size": list(mask.size), "counts": mask.counts.encode()})
        assert xywh == tuple(expected.tolist())


def test_a_polygon_of_two_points_adds_nothing() -> None:
    square = [2, 2, 8, 2, 8, 8, 2, 8]
    assert parse_mask([square, [1, 1, 9, 9]], 10, 10, "here") == parse_mask([square], 10, 10, "here")


def test_a_size_of_width_and_height_is_said_to_be_one() -> None:
    with pytest.raises(BadRecord, match=r"RLE size \[12, 10\] is not .* \[10, 12\], but its width and height"):
        parse_mask({"size": [12, 10], "counts": [0, 120]}, 12, 10, "here")


@given(st.lists(arrays(bool, (9, 14)), min_size=1, max_size=4))
def test_a_list_of_runs_is_united_as_polygons_are(parts: list[np.ndarray[Any, np.dtype[np.bool_]]]) -> None:
    forms = (uncompressed, lambda pixels: Mask.from_array(pixels).counts)
    rles = [{"size": [9, 14], "counts": forms[place % 2](pixels)} for place, pixels in enumerate(parts)]
    if all(pixels.any() for pixels in parts):
        expected = Mask.from_array(np.logical_or.reduce(parts))
        assert parse_mask(rles, 14, 9, "here") == expected
        x, y, width, height = coco.toBbox({"size": [9, 14], "counts": expected.counts.encode()})
        assert find_outline(rles, 14, 9) == Box(x, y, x + width, y + height)
    else:
        with pytest.raises(BadRecord, match="covers no pixel"):
            parse_mask(rles, 14, 9, "here")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_list_of_runs_is_turned_as_one(orientation: int) -> None:
    rles = [{"size": [9, 14], "counts": [start, 3, 123 - start]} for start in (2, 50)]
    turned = [parse_mask(rle, 14, 9, "here", orientation) for rle in rles]
    both = parse_mask(rles, 14, 9, "here", orientation)
    assert both is not None
    assert (both.to_array() == np.logical_or.reduce([mask.to_array() for mask in turned if mask])).all()


@given(pictures.filter(lambda pixels: pixels.any()))
def test_text_that_shows_bytes_is_read_as_they_are(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    height, width = pixels.shape
    expected = Mask.from_array(pixels)
    for shown in (str(expected.counts.encode()), f'b"{expected.counts}"'.replace("\\", "\\\\")):
        assert parse_mask({"size": [height, width], "counts": shown}, width, height, "here") == expected


@pytest.mark.parametrize("nothing", [None, []])
def test_no_mask_is_no_mask(nothing: object) -> None:
    assert parse_mask(nothing, 10, 10, "here") is None


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ({"size": [10, 11], "counts": [0, 110]}, "mask_size"),
        ({"size": [12, 10], "counts": [0, 120]}, "mask_size"),
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
        ({"size": [10, 12], "counts": "b'"}, "bad_mask"),
        ({"size": [10, 12], "counts": "b''"}, "bad_mask"),
        ({"size": [10, 12], "counts": "b'h3' or 1"}, "bad_mask"),
        ({"size": [10, 12], "counts": "b'" + "\\xff" + "'"}, "bad_mask"),
        ({"size": [10, 12], "counts": "b'" + "\0" + "'"}, "bad_mask"),
        ([{"size": [10, 12], "counts": [0, 120]}, {"size": [12, 10], "counts": [0, 120]}], "mask_size"),
        ([{"size": [10, 12], "counts": [0, 120]}, [1, 1, 9, 1, 9, 9]], "bad_mask"),
        ({"size": [10, 12], "counts": [120]}, "empty_mask"),
        ([[1, 1, 9, 9]], "empty_mask"),
        ([[]], "empty_mask"),
        ([[1, 1, 9, 1, 9]], "bad_mask"),
        ([1, 1, 9, 1, 9], "bad_mask"),
        ([["one", 1, 9, 1, 9, 9]], "bad_mask"),
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
        parse_mask(segmentation, 12, 10, "file, annotation 3")
    assert caught.value.reason == reason


@given(st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=12))
def test_damaged_text_never_reaches_the_decoder(counts: str) -> None:
    try:
        mask = parse_mask({"size": [10, 12], "counts": counts}, 12, 10, "here")
    except BadRecord as bad:
        assert bad.reason in ("bad_mask", "empty_mask")
    else:
        assert mask is not None
        assert mask.to_array().sum() == decode_runs(counts)[1::2].sum()
