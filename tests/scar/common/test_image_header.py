"""Size and orientation of a file are those of Pillow's own upright image; damaged EXIF data turn nothing."""

from __future__ import annotations

import random
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from scar.common.image_hash import hash_image
from scar.common.image_header import read_header
from scar.common.pixels import decode_image, decode_rgb, decode_upright, probe_image
from scar.errors import BadRecord
from tests.scar.common.orientations import ORIENTATIONS, draw_scene, make_exif, make_stored, save_stored

ENDINGS = ("jpg", "png", "webp", "tif", "avif")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_format_stands_upright(tmp_path: Path, ending: str, orientation: int) -> None:
    path = save_stored(draw_scene(), orientation, tmp_path / f"a.{ending}")
    header = read_header(path)
    assert (header.size, header.orientation) == ((60, 40), orientation)
    assert header.stored_size == ((40, 60) if orientation > 4 else (60, 40))
    upright = decode_upright(path)
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image)
    assert (upright.size, upright.tobytes()) == (expected.size, expected.tobytes())
    assert ImageOps.exif_transpose(upright).tobytes() == upright.tobytes()  # nobody turns it a second time


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_behind_the_pixels_of_a_png_counts(tmp_path: Path, orientation: int) -> None:
    path = save_stored(draw_scene(), orientation, tmp_path / "a.png")
    content = path.read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    exif = content[start:end]
    path.write_bytes(content[:start] + content[end:-12] + exif + content[-12:])
    assert read_header(path).orientation == orientation
    assert decode_upright(path).tobytes() == draw_scene().tobytes()


def test_what_image_magick_and_xmp_say_counts(tmp_path: Path) -> None:
    stored, exif = make_stored(draw_scene(), 6), make_exif(6)
    old = PngImagePlugin.PngInfo()
    old.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n", zip=True)
    xmp = PngImagePlugin.PngInfo()
    xmp.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    stored.save(tmp_path / "old.png", pnginfo=old)
    stored.save(tmp_path / "xmp.png", pnginfo=xmp)
    stored.save(tmp_path / "xmp.jpg", xmp=b'<x tiff:Orientation="6"/>')
    for name in ("old.png", "xmp.png", "xmp.jpg"):
        assert read_header(tmp_path / name).orientation == 6
        assert decode_upright(tmp_path / name).size == (60, 40)


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_an_impossible_orientation_turns_nothing(tmp_path: Path, value: int) -> None:
    draw_scene().save(tmp_path / "a.jpg", exif=make_exif(value))
    assert read_header(tmp_path / "a.jpg").orientation == 1


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_damaged_exif_turns_nothing_and_raises_nothing(tmp_path: Path, ending: str) -> None:
    stream = random.Random(0)
    exif = bytearray(make_exif(6) + bytes(40))
    for number in range(60):
        damaged = bytearray(exif)
        for _ in range(stream.randrange(1, 12)):
            damaged[stream.randrange(6, len(damaged))] = stream.randrange(256)
        path = tmp_path / f"{number}.{ending}"
        draw_scene().save(path, exif=bytes(damaged[: stream.randrange(8, len(damaged))]))
        assert read_header(path).orientation in ORIENTATIONS
        decode_rgb(path)


def test_a_long_header_is_walked_through(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    draw_scene().save(path, icc_profile=bytes(200_000), comment=b"x" * 60_000)
    header = read_header(path)
    assert (header.stored_size, header.orientation, header.is_plain) == ((60, 40), 1, True)


def test_a_png_cut_in_its_header_is_read_by_pillow(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(5) + zlib.compress(b""))
    with pytest.raises((OSError, SyntaxError)):
        read_header(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_file_is_a_bad_record_and_nothing_else(tmp_path: Path, ending: str) -> None:
    whole = save_stored(draw_scene(), 6, tmp_path / f"whole.{ending}").read_bytes()
    stream, path = random.Random(1), tmp_path / f"a.{ending}"
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(stream.randrange(1, 8)):
            damaged[stream.randrange(min(len(whole), 400))] = stream.randrange(256)
        path.write_bytes(damaged)
        for read in (probe_image, decode_image, hash_image):
            with suppress(BadRecord):
                read(path, "here")
