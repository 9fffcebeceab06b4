"""Pixels of every depth become 8 bits by one rule, or the file is refused in one line."""

from __future__ import annotations

import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from scar.common.pixels import UnclearPixels, decode_image, decode_rgb, probe_image
from scar.errors import BadRecord
from tests.scar.common.orientations import draw_scene, make_exif

GREY = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8) * 2
"""(40, 60) grey levels up to 196."""


def save(path: Path, values: np.ndarray, **options: Any) -> Path:
    Image.fromarray(values).save(path, **options)
    return path


def red_of(path: Path) -> np.ndarray:
    pixels = np.asarray(decode_rgb(path))
    assert (pixels[..., 0] == pixels[..., 1]).all()
    return pixels[..., 0]


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("factor", [256, 257])
def test_sixteen_bits_look_like_their_eight_bit_twin(tmp_path: Path, name: str, factor: int) -> None:
    path = save(tmp_path / name, GREY.astype(np.uint16) * factor)
    np.testing.assert_array_equal(red_of(path), GREY)
    assert probe_image(path, "here") == decode_image(path, "here") == (60, 40)


def test_sixteen_bits_of_a_pgm_and_of_big_endian_tiff(tmp_path: Path) -> None:
    deep = (GREY.astype(np.uint16) * 257).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 60 40 65535\n" + deep.tobytes())
    np.testing.assert_array_equal(red_of(tmp_path / "a.pgm"), GREY)
    Image.frombytes("I;16B", (60, 40), deep.tobytes()).save(tmp_path / "b.tif")
    np.testing.assert_array_equal(red_of(tmp_path / "b.tif"), GREY)


def test_floats_of_nought_to_one_look_like_their_eight_bit_twin(tmp_path: Path) -> None:
    np.testing.assert_array_equal(red_of(save(tmp_path / "a.tif", (GREY / 255).astype(np.float32))), GREY)


def test_a_stated_range_counts(tmp_path: Path) -> None:
    twelve_bits = GREY.astype(np.uint16) * 16
    np.testing.assert_array_equal(red_of(save(tmp_path / "a.tif", twelve_bits, tiffinfo={281: 4095})), GREY)
    floats = GREY.astype(np.float32)
    stated = save(tmp_path / "b.tif", floats, tiffinfo={340: 0.0, 341: 255.0})
    np.testing.assert_array_equal(red_of(stated), GREY)


def test_white_is_zero_is_inverted(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 257
    for name, values in (("a.tif", 65535 - deep), ("b.tif", (1 - GREY / 255).astype(np.float32))):
        path = save(tmp_path / name, values)
        content = path.read_bytes()
        entry = content.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # PhotometricInterpretation = 1
        path.write_bytes(content[: entry + 8] + b"\0\0" + content[entry + 10 :])
        with Image.open(path) as image:
            assert isinstance(image, TiffImagePlugin.TiffImageFile)
            assert image.tag_v2[262] == 0
        np.testing.assert_allclose(red_of(path).astype(int), GREY, atol=1)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (GREY.astype(np.uint16) * 16, "whole-number pixels of 0 to 3,136 of 65,535, nearly black"),
        (GREY.astype(np.float32) * 4 - 3, "float pixels of -3 to 781: only 0 to 1 have a known brightness"),
        (np.where(GREY, np.float32(0.5), np.float32(np.nan)), "float pixels of 0.5 to 0.5 and 1 NaN or infinite ones"),
        (np.full((4, 4), np.inf, np.float32), "float pixels and 16 NaN or infinite ones"),
        (GREY.astype(np.int32) * 1000, "whole-number pixels of 0 to 196,000, whose brightness is not known"),
    ],
)
def test_what_no_rule_covers_is_refused(tmp_path: Path, values: np.ndarray, problem: str) -> None:
    path = save(tmp_path / ("a.tif" if values.dtype != np.uint16 else "a.png"), values)
    with pytest.raises(UnclearPixels, match=problem):
        decode_rgb(path)
    for check in (probe_image, decode_image):
        with pytest.raises(BadRecord, match=problem) as caught:
            check(path, "here")
        assert caught.value.reason == "image_pixels"


def write_deep_png(path: Path, values: np.ndarray) -> Path:
    """A PNG with 16 bits a channel: RGB for (H, W, 3), RGBA for (H, W, 4) and grey with alpha for (H, W, 2) values."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_deep_colours_follow_the_rule_of_deep_greys(tmp_path: Path, channels: int) -> None:
    deep = np.stack([GREY] * channels, axis=-1).astype(np.uint16) * 257
    if channels != 3:
        deep[..., -1] = 65535
    np.testing.assert_array_equal(red_of(write_deep_png(tmp_path / "a.png", deep)), GREY)
    twelve_bits = deep >> 4
    if channels != 3:
        twelve_bits[..., -1] = 65535
    path = write_deep_png(tmp_path / "b.png", twelve_bits)
    with pytest.raises(UnclearPixels, match="16-bit colours whose top 8 bits are 0 to 12 of 255, nearly black"):
        decode_rgb(path)
    with pytest.raises(BadRecord, match="nearly black"):
        probe_image(path, "here")
    assert not red_of(write_deep_png(tmp_path / "c.png", np.zeros_like(deep))).any()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_other_modes_are_pillow_s(tmp_path: Path, mode: str) -> None:
    image = draw_scene().convert(mode)
    image.save(tmp_path / "a.tif")
    assert decode_rgb(tmp_path / "a.tif").tobytes() == image.convert("RGB").tobytes()


def test_alpha_is_dropped(tmp_path: Path) -> None:
    clear = draw_scene()
    clear.putalpha(0)
    clear.save(tmp_path / "a.png")
    assert decode_rgb(tmp_path / "a.png").tobytes() == draw_scene().tobytes()
    Image.new("P", (8, 6)).save(tmp_path / "b.png", transparency=0)
    assert decode_rgb(tmp_path / "b.png").size == (8, 6)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "I;16"])
def test_an_uncompressed_tiff_is_turned_and_not_misread(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(GREY.astype(np.uint16) * 257) if mode == "I;16" else draw_scene().convert(mode)
    stored = image.transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "a.tif", tiffinfo={274: 6})
    expected = Image.fromarray(GREY) if mode == "I;16" else image
    assert decode_rgb(tmp_path / "a.tif").tobytes() == expected.convert("RGB").tobytes()


def test_a_deep_image_stands_upright_too(tmp_path: Path) -> None:
    deep = GREY.astype(np.uint16) * 257
    path = save(tmp_path / "a.png", np.rot90(deep), exif=make_exif(6))  # stored turned to the left
    np.testing.assert_array_equal(red_of(path), GREY)
    assert probe_image(path, "here") == (60, 40)
    tiff = save(tmp_path / "a.tif", np.rot90(deep), tiffinfo={274: 6})
    np.testing.assert_array_equal(red_of(tiff), GREY)


def test_twelve_packed_bits_of_a_tiff_keep_their_top_eight(tmp_path: Path) -> None:
    values = np.arange(32) * 130
    bits = "".join(f"{value:012b}" for value in values)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    tags = {256: 8, 257: 4, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: len(data)}
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<L", 8 + len(data)) + data + directory)
    np.testing.assert_array_equal(red_of(tmp_path / "a.tif").ravel(), values >> 4)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.ppm", "a.tif"])
def test_a_truncated_image_is_refused_even_if_pillow_is_told_to_load_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    whole = save(tmp_path / name, noise)
    half = tmp_path / f"half-{name}"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    before = decode_rgb(whole).tobytes()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for read in (probe_image, decode_image):
        with pytest.raises(BadRecord, match="image_broken"):
            read(half, "here")
    assert decode_rgb(whole).tobytes() == before
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True, "it is the user's"


def test_threads_refuse_truncated_images_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    content = save(tmp_path / "a.jpg", noise).read_bytes()
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    start = threading.Barrier(4)

    def count_refused(_: int) -> int:
        start.wait()
        refused = 0
        for _ in range(50):
            try:
                decode_rgb(tmp_path / "half.jpg")
            except OSError:
                refused += 1
        return refused

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count_refused, range(4))) == [50] * 4
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
