"""Pixels for Qwen's vision encoders by the rules of the release, against transformers' PIL processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from scar.errors import ConfigError
from virtue_ref.config import PROFILES, ImageRules
from virtue_ref.model.backbones.qwen_images import count_patches, make_patches, make_pixels, smart_resize
from virtue_ref.model.images import read_frame, read_image

OFFICIAL, CLEAN = PROFILES["official"], PROFILES["clean"]


RULES = ImageRules()


Draw = Callable[..., Path]


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (98, 70, (112, 56)),  # 3.5 and 2.5 tokens: halves go to the even count
        (240, 320, (252, 308)),
        (1344, 1344, (980, 980)),
        (128, 128, (140, 140)),
        (672, 672, (672, 672)),
        (28, 28, (56, 56)),  # grown to the least area
        (20, 500, (504, 504)),  # a side below a token: a square of the longer side
        (28, 28 * 201, (980, 980)),  # too thin
    ],
)
def test_fit_follows_the_release(height: int, width: int, expected: tuple[int, int]) -> None:
    assert smart_resize(height, width, RULES) == expected


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_fitted_sides_are_whole_tokens_within_the_area(height: int, width: int) -> None:
    fitted = smart_resize(height, width, RULES)
    assert all(side % 28 == 0 for side in fitted)
    assert RULES.min_pixels <= fitted[0] * fitted[1] <= RULES.max_pixels


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(4, 1280))
def test_thin_images_keep_a_token_on_each_side(height: int, width: int, tokens: int) -> None:
    fitted = smart_resize(height, width, ImageRules(max_pixels=tokens * 28 * 28))
    assert min(fitted) >= 28
    assert fitted[0] * fitted[1] <= tokens * 28 * 28


def test_a_thin_image_fills_the_area() -> None:
    assert smart_resize(639, 31, ImageRules(max_pixels=20 * 28 * 28)) == (20 * 28, 28)
    assert smart_resize(30, 1950, ImageRules(max_pixels=50_176)) == (28, 64 * 28)


def test_areas_that_hold_no_image_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_pixels 500: one token of an image has 784 pixels"):
        ImageRules(min_pixels=1, max_pixels=500)
    with pytest.raises(ConfigError, match="min_pixels 9000 is more than max_pixels 8000"):
        ImageRules(min_pixels=9000, max_pixels=8000)


@pytest.mark.parametrize("size", [(97, 141), (320, 240), (1500, 380), (640, 427), (29, 56)])
def test_patches_are_those_of_the_pil_processor_bit_for_bit(picture: Draw, size: tuple[int, int]) -> None:
    image = read_image(picture(*size), OFFICIAL)
    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": RULES.min_pixels, "longest_edge": RULES.max_pixels})
    theirs = processor(image, return_tensors="pt")
    ours = make_pixels(image, RULES)
    assert torch.equal(make_patches(ours, RULES), theirs["pixel_values"])
    assert [(1, *count_patches(size, RULES))] == [tuple(grid) for grid in theirs["image_grid_thw"].tolist()]


@pytest.mark.parametrize("size", [(1, 1), (27, 300), (20000, 20), (56, 56), (5000, 30)])
@pytest.mark.parametrize("resolution", [None, "low"])
def test_the_grid_is_known_from_the_header(picture: Draw, size: tuple[int, int], resolution: str | None) -> None:
    rules = ImageRules(resolution=resolution)
    path = picture(*size)
    pixels = make_pixels(read_image(path, CLEAN), rules)
    assert (pixels.shape[1] // 14, pixels.shape[2] // 14) == count_patches(read_frame(path, CLEAN).size, rules)
