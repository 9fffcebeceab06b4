"""Boxes, points and masks in the forms that people hand over become one form, or there is one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco

from mmeb_eval.item import Points
from scar.errors import ItemError
from scar.sample import Box, Mask
from tests.scar.common.orientations import make_exif
from virtue_ref.inference.prompt_values import read_box, read_mask, read_points, read_prompt

SIZE = (90, 70)
PIXELS = np.zeros((70, 90), bool)
PIXELS[10:40, 20:60] = True
MASK = Mask.from_array(PIXELS)


def find_size() -> tuple[int, int]:
    return SIZE


@pytest.mark.parametrize(
    "value",
    [
        [1, 2, 30, 40],
        (1, 2, 30, 40),
        np.array([1, 2, 30, 40]),
        np.array([1, 2, 30, 40], np.float32),
        torch.tensor([1, 2, 30, 40]),
        torch.tensor([1.0, 2, 30, 40], requires_grad=True),
        tuple(np.array([1, 2, 30, 40])),
        Box(1, 2, 30, 40),
        Box(*np.array([1, 2, 30, 40], np.float32)),
        Box(*torch.tensor([1, 2, 30, 40])),
    ],
)
def test_four_numbers_are_a_box(value: Any) -> None:
    for box in (read_box(value), read_prompt(value, find_size)):
        assert box == Box(1, 2, 30, 40)
        assert {type(corner) for corner in (box.x0, box.y0, box.x1, box.y1)} <= {int, float}


@pytest.mark.parametrize(
    "value",
    [
        *([1, 2, 30], [1, 2, 30, 40, 50], [], ["1", "2", "30", "40"], [1, 2, 30, None], [True, 2, 30, 40], 5, "1234"),
        *([1, 2, 30, 10**400], {"x": 1, "y": 2, "width": 3, "height": 4}, np.zeros((1, 4)), [[1, 2], [30, 40]]),
        *([1, 2, 30, 4j], Box("1", 2, 30, 40), Box(1, 2, 30, None), b"1234"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_box(value: Any) -> None:
    with pytest.raises(ItemError, match="is not four numbers x0, y0, x1, y1") as caught:
        read_box(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [np.array, torch.tensor, list, tuple])
def test_points_of_any_kind(kind: Callable[..., Any]) -> None:
    expected = Points(((1, 2), (30, 40)), (1, 0), Box(0, 1, 50, 60))
    points = read_points(kind([[1, 2], [30, 40]]), kind([1, 0]), kind([0, 1, 50, 60]))
    assert points == expected
    assert hash(points) == hash(expected)
    assert read_prompt(Points(kind([[1, 2], [30, 40]]), kind([1.0, 0.0]), expected.box), find_size) == expected
    assert read_points(kind([[1, 2], [30, 40]]), kind([True, False])).labels == (1, 0)
    assert read_points(kind([[1, 2], [30, 40]])).labels == (1, 1)


@pytest.mark.parametrize(
    ("xy", "labels", "message"),
    [
        ([1, 2], [1], r"points \[1, 2\] are not a list of \[x, y\] pairs"),
        ([[1, 2, 3]], [1], "not a list of"),
        ([["1", 2]], [1], "not a list of"),
        ([[1, 2]], [0.7], "labels .* are not a list of 0"),
        ([[1, 2]], [2], "labels .* are not a list of 0"),
        ([[1, 2]], [-1], "labels .* are not a list of 0"),
        ([[1, 2]], ["1"], "labels .* are not a list of 0"),
        ([[1, 2]], [math.nan], "labels .* are not a list of 0"),
        ([[1, 2]], 1, "labels 1 are not a list"),
        ([[1, 2]], [1, 1], "1 points need as many labels"),
        ([[1, 2], [3, 4]], [1], "2 points need as many labels"),
    ],
)
def test_what_are_no_points(xy: Any, labels: Any, message: str) -> None:
    with pytest.raises(ItemError, match=message):
        read_points(xy, labels)


def test_every_form_of_a_mask() -> None:
    runs = [0]
    for pixel, before in zip(PIXELS.flatten("F"), [False, *PIXELS.flatten("F")], strict=False):
        runs = [*runs, 0] if pixel != before else runs
        runs[-1] += 1
    compressed = coco.encode(np.asfortranarray(PIXELS.astype(np.uint8)))
    polygon = [20, 10, 60, 10, 60, 40, 20, 40]
    forms: list[Any] = [
        MASK,
        {"size": [70, 90], "counts": runs},
        {"size": (70, 90), "counts": np.array(runs)},
        {"size": [70, 90], "counts": MASK.counts},
        compressed,
        [polygon],
        (tuple(polygon),),
        [np.array(polygon)],
        [[20, 10, 40, 10, 40, 40, 20, 40], [40, 10, 60, 10, 60, 40, 40, 40]],
    ]
    for form in forms:
        assert read_mask(form, find_size) == read_prompt(form, find_size) == MASK
    for array in (PIXELS, PIXELS.astype(np.uint8) * 255, torch.from_numpy(PIXELS), Image.fromarray(PIXELS)):
        assert read_mask(array, find_size) == MASK


def test_rows_of_an_array_as_lists_are_no_polygons() -> None:
    for rows in (PIXELS.tolist(), (PIXELS * 255).tolist(), tuple(PIXELS.astype(int))):
        assert read_mask(rows, find_size) == MASK
    with pytest.raises(ItemError, match="a mask of floats: give `threshold`"):
        read_mask((PIXELS * 0.7).tolist(), find_size)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"size": [70, 90], "counts": "0"}, "the mask cannot be used: .*fill 0 of 6300"),
        ({"size": [70, 90], "counts": MASK.counts[:5]}, "the mask cannot be used"),
        ({"size": [70, 90], "counts": [6301]}, "runs fill 6301 of 6300"),
        ({"size": [90, 70], "counts": MASK.counts}, "is not the image's height and width"),
        ({"counts": MASK.counts}, "is not the image's height and width"),
        ({"size": [70, 90], "counts": [6300]}, "covers no pixel"),
        ([], "the mask is empty"),
        ([[1, 2, 3, 4]], "covers no pixel"),
        ([["a"] * 6], "the mask cannot be used"),
        (np.full((70, 90), 0.5), "a mask of floats: give `threshold`"),
        (np.zeros((70, 90, 3)), "not one of shape"),
        (5, "not one of shape"),
    ],
)
def test_what_is_no_mask(value: Any, message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        read_mask(value, find_size)
    assert "\n" not in str(caught.value)
    assert "skip-bad" not in str(caught.value)


def test_an_array_of_two_dimensions_is_no_prompt() -> None:
    with pytest.raises(ItemError, match=r"an array of two dimensions: give Mask\.from_array"):
        read_prompt(PIXELS, find_size)


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("value", [1, 5, 255])
def test_a_file_of_a_mask_is_black_outside(tmp_path: Path, mode: str, value: int) -> None:
    pixels = PIXELS.astype(np.uint8) * value
    if mode == "1":
        image = Image.fromarray(PIXELS)
    elif mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16))
    elif mode == "P":
        image = Image.fromarray(pixels)
        image.putpalette(bytes(3 * 256))  # an instance map: the index counts, not its colour
    elif mode in ("RGB", "RGBA"):
        image = Image.fromarray(np.stack([0 * pixels, 0 * pixels, pixels, 0 * pixels + 255][: len(mode)], axis=-1))
    else:
        image = (
            Image.merge("LA", (Image.fromarray(pixels), Image.new("L", SIZE, 255)))
            if mode == "LA"
            else Image.fromarray(pixels)
        )
    assert image.mode == mode
    image.save(tmp_path / "mask.png")
    assert read_mask("mask.png", find_size, tmp_path) == read_mask(tmp_path / "mask.png", find_size) == MASK


def test_a_mask_on_a_transparent_ground(tmp_path: Path) -> None:
    image = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (20, 10, 60, 40))
    image.save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", find_size) == MASK


def test_a_file_of_a_mask_is_as_displayed(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).rotate(90, expand=True).save(tmp_path / "turned.png", exif=make_exif(6))
    assert read_mask(tmp_path / "turned.png", find_size) == MASK


def test_files_that_are_no_masks(tmp_path: Path) -> None:
    Image.fromarray(PIXELS.astype(np.uint8) * 255).save(tmp_path / "mask.jpg")
    with pytest.raises(ItemError, match=r"mask\.jpg: JPEG does not keep black pixels black; save it as PNG"):
        read_mask("mask.jpg", find_size, tmp_path)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ItemError, match=r"text\.png: not an image that can be opened"):
        read_mask("text.png", find_size, tmp_path)
    with pytest.raises(ItemError, match=r"nowhere\.png: no such file"):
        read_mask("nowhere.png", find_size, tmp_path)
    Image.fromarray(PIXELS.astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(ItemError, match="a mask of floats"):
        read_mask("float.tif", find_size, tmp_path)
