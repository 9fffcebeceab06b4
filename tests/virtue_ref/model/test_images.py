"""Image files: modes, orientation, odd files, and the segmenter's square."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scar.errors import ItemError
from virtue_ref.config import PROFILES, ImageRules
from virtue_ref.model.backbones.qwen2_vl import make_pixels
from virtue_ref.model.images import make_segmenter_input, read_image, read_size

OFFICIAL, CLEAN = PROFILES["official"], PROFILES["clean"]


RULES = ImageRules()


Draw = Callable[..., Path]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("size", [(20, 30), (90, 60)])
def test_every_mode_of_eight_bits_becomes_rgb(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    path = tmp_path / ("image.jpg" if mode in ("CMYK", "YCbCr") else "image.png" if mode != "PA" else "image.tif")
    Image.new("RGB", size, (200, 30, 90)).convert("RGBA").convert("RGB").convert(mode if mode != "PA" else "P").save(
        path
    )
    assert make_pixels(read_image(path, OFFICIAL), RULES).shape[0] == 3


def test_alpha_is_dropped_not_composited(tmp_path: Path) -> None:
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (60, 60), (200, 30, 90, 0)).save(clear)
    solid = tmp_path / "solid.png"
    Image.new("RGB", (60, 60), (200, 30, 90)).save(solid)
    dropped, plain = (make_pixels(read_image(path, OFFICIAL), RULES) for path in (clear, solid))
    np.testing.assert_array_equal(dropped, plain)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    image = Image.new("RGB", (60, 60), (200, 30, 90)).quantize(4)
    image.save(tmp_path / "clear.png", transparency=bytes([0, 128, 255, 255]))
    assert make_pixels(read_image(tmp_path / "clear.png", OFFICIAL), RULES).shape == (3, 56, 56)


def test_a_turned_photograph_stands_upright_in_clean_only(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_size(tmp_path / "turned.jpg", CLEAN) == read_image(tmp_path / "turned.jpg", CLEAN).size == (100, 300)
    assert (
        read_size(tmp_path / "turned.jpg", OFFICIAL) == read_image(tmp_path / "turned.jpg", OFFICIAL).size == (300, 100)
    )


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40), 40000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ItemError, match=r"deep\.png: pixels of more than 8 bits \(mode I;16\)"):
        read_image(tmp_path / "deep.png", CLEAN)


def test_files_that_are_no_images(tmp_path: Path, picture: Draw) -> None:
    with pytest.raises(ItemError, match=r"nowhere\.png: no such image"):
        read_size(tmp_path / "nowhere.png", CLEAN)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ItemError, match=r"text\.png: not an image that can be opened"):
        read_size(tmp_path / "text.png", CLEAN)
    whole = picture(200, 200).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match=r"half\.png: the image cannot be decoded"):
        read_image(tmp_path / "half.png", CLEAN)


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Draw) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ItemError, match=r"not an image that can be opened.*more than the 89,478,485 pixels"):
        read_size(picture(100, 100), CLEAN)


def test_clean_segmenter_input_is_the_picture_normalised_once(picture: Draw) -> None:
    image = read_image(picture(64, 64), CLEAN)
    frame = make_segmenter_input(image, make_pixels(image, RULES), 64, CLEAN)
    expected = (np.asarray(image) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(frame.permute(1, 2, 0), expected, rtol=0, atol=1e-5)


def test_official_segmenter_input_is_normalised_twice(picture: Draw) -> None:
    image = read_image(picture(56, 56), OFFICIAL)
    vision = make_pixels(image, RULES)
    frame = make_segmenter_input(image, vision, 56, OFFICIAL)
    expected = (vision.transpose(1, 2, 0) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(frame.permute(1, 2, 0), expected, rtol=0, atol=1e-5)
