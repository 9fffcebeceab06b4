"""Images in memory: what people hold becomes an image file with the same pixels, or is refused in one line."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scar.common.image_bytes import ImageBytes
from scar.common.image_header import read_header
from scar.common.image_values import encode_picture, make_image_file
from scar.common.pixels import decode_rgb
from scar.errors import ItemError

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def save(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_every_form_has_the_same_pixels(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(RGB).save(file)
    forms: list[Any] = [file, str(file), file.read_bytes(), bytearray(file.read_bytes()), Image.open(file), RGB]
    forms += [np.asfortranarray(RGB), ([RGB * 0, RGB], 1), (np.stack([RGB, RGB * 0]), 0), RGB[::-1][::-1]]
    for form in forms:
        made = make_image_file(form)
        np.testing.assert_array_equal(np.asarray(decode_rgb(made)), RGB)
        assert read_header(made).size == (30, 20)


def test_equal_contents_are_equal() -> None:
    one, other = make_image_file(RGB), make_image_file(Image.fromarray(RGB))
    assert one == other
    assert hash(one) == hash(other)
    assert one != make_image_file(255 - RGB)
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one  # noqa: S301, TID251 - our own bytes
    assert str(one) == f"image in memory {one.sha256[:12]}"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_looks_as_its_file_does(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(RGB).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    image.save(tmp_path / "a.tiff")
    np.testing.assert_array_equal(np.asarray(decode_rgb(encode_picture(image))), decode_rgb(tmp_path / "a.tiff"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_bytes_and_pictures_alike(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = save(Image.fromarray(RGB), "PNG", exif=exif)
    from_bytes = ImageBytes(content)
    from_picture = encode_picture(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(np.asarray(decode_rgb(from_bytes)), np.asarray(decode_rgb(from_picture)))
    assert read_header(from_bytes).size == read_header(from_picture).size


def test_arrays_of_grey_and_more_bits() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for form in (grey, grey[..., None], grey.astype(np.uint16) * 257):
        np.testing.assert_array_equal(np.asarray(decode_rgb(make_image_file(form)))[..., 0], grey)
    assert np.asarray(decode_rgb(make_image_file(grey > 99))).max() == 255


BAD: list[tuple[Any, str]] = [
    (RGB / 255, "does not say its range; scale it to 0 to 255"),
    (np.full((4, 4, 3), np.nan), "holds NaN or infinity"),
    (RGB.astype(np.int64), "pixels are uint8"),
    (RGB.astype(np.uint16), "pixels are uint8"),
    (RGB.transpose(2, 0, 1), r"channels stand first: transpose \(1, 2, 0\)"),
    (RGB[None], "is no image"),
    (RGB[0, 0], "is no image"),
    (RGB[:0], "is no image"),
    (np.array([["a", "b"]]), "pixels are uint8"),
    (np.array([[None, 1]]), "pixels are uint8"),
    (([RGB], 1), "frame 1 of 1"),
    (([RGB], -1), "frame -1 of 1"),
    ((5, 0), "frame 0 of a int"),
    (Image.fromarray(np.full((4, 4), np.nan, np.float32)), "the image cannot be used"),
]


@pytest.mark.parametrize(("value", "told"), BAD)
def test_what_is_no_image_is_refused(value: Any, told: str) -> None:
    with pytest.raises(ItemError, match=told) as caught:
        make_image_file(value)
    assert "\n" not in str(caught.value)


def test_damaged_bytes_are_refused_when_they_are_decoded() -> None:
    content = save(Image.fromarray(RGB), "JPEG")
    for bad in (content[: len(content) // 2], b"", b"no image"):
        with pytest.raises((OSError, ValueError)):
            decode_rgb(ImageBytes(bad))


def test_who_needs_a_file_gets_one_as_long_as_the_image_lives() -> None:
    made = make_image_file(RGB)
    path = Path(os.fspath(made))
    with Image.open(made) as opened:
        np.testing.assert_array_equal(np.asarray(opened), RGB)
    assert os.fspath(made) == str(path)
    del made
    gc.collect()
    assert not path.exists()
    with pytest.raises(ValueError, match="for reading only"):
        make_image_file(RGB).open("wb")
