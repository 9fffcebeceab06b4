"""A JPEG is turned without loss exactly where its sides allow it: turned back, every pixel is as it was."""

from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scar.build import turned_images
from scar.build.jpeg_blocks import turn_jpeg
from scar.build.turned_images import ENCODED, EXACT, encode_upright
from scar.common.orientation import invert_orientation
from tests.scar.common.orientations import TURNED, make_exif
from tests.scar.turned_world import draw_photograph

pytest.importorskip("jpeglib", reason="no wheel for this system")

KINDS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"subsampling": 2, "progressive": True},
    "grey": {"mode": "L"},
    "grey progressive": {"mode": "L", "progressive": True},
    "three tables": {"qtables": [[low + place // 4 for place in range(64)] for low in (3, 9, 20)]},
}
"""Options of Pillow, and the mode of the image."""

COMMANDS = {
    2: ["-flip", "horizontal"],
    3: ["-rotate", "180"],
    4: ["-flip", "vertical"],
    5: ["-transpose"],
    6: ["-rotate", "90"],
    7: ["-transverse"],
    8: ["-rotate", "270"],
}
"""How jpegtran is told to turn an image of an orientation upright."""


def make_jpeg(size: tuple[int, int], *, mode: str = "RGB", **options: Any) -> bytes:
    content = io.BytesIO()
    photograph = draw_photograph(size, 4).convert(mode)
    photograph.save(content, "JPEG", **({"quality": 85} | options))
    return content.getvalue()


def decode(content: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image, np.int16)


def decode_turned(content: bytes, orientation: int) -> NDArray[np.int16]:
    """The pixels of a JPEG with this orientation as displayed, turned by Pillow."""
    with Image.open(io.BytesIO(content)) as image:
        image.getexif()[0x0112] = orientation
        return np.asarray(ImageOps.exif_transpose(image), np.int16)


def turn(content: bytes, orientation: int) -> bytes:
    turned = turn_jpeg(content, orientation)
    assert turned is not None
    return turned


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_displayed_image_and_turned_back_every_pixel_is_as_it_was(kind: str, orientation: int) -> None:
    content = make_jpeg((96, 64), **KINDS[kind])
    turned = turn(content, orientation)
    assert turn(content, orientation) == turned
    difference = np.abs(decode(turned) - decode_turned(content, orientation))
    assert difference.max() <= (1 if "grey" in kind else 4)  # decoders round columns before rows
    if orientation in (2, 3, 4) and kind in ("4:4:4", "grey"):
        assert difference.max() == 0
    np.testing.assert_array_equal(decode(turn(turned, invert_orientation(orientation))), decode(content))


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("kind", "unit"), [("grey", (8, 8)), ("4:4:4", (8, 8)), ("4:2:2", (16, 8)), ("4:2:0", (16, 16))]
)
@pytest.mark.parametrize("beyond", [(0, 0), (3, 0), (0, 5), (3, 5), (8, 0), (0, 8)])
def test_sides_decide(kind: str, unit: tuple[int, int], orientation: int, beyond: tuple[int, int]) -> None:
    width, height = 32 + beyond[0], 32 + beyond[1]
    whole = width % unit[0] == 0, height % unit[1] == 0  # the side that is mirrored, as it is stored, has to be whole
    possible = {2: whole[0], 3: all(whole), 4: whole[1], 5: True, 6: whole[1], 7: all(whole), 8: whole[0]}
    content = make_jpeg((width, height), **KINDS[kind])
    turned = turn_jpeg(content, orientation)
    assert (turned is not None) == possible[orientation]
    if turned is not None:
        assert np.abs(decode(turned) - decode_turned(content, orientation)).max() <= 6


@pytest.mark.skipif(shutil.which("jpegtran") is None, reason="no jpegtran")
@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(96, 64), (90, 64), (96, 60)])
def test_the_pixels_are_those_of_jpegtran(size: tuple[int, int], kind: str, orientation: int, tmp_path: Path) -> None:
    content = make_jpeg(size, **KINDS[kind])
    (tmp_path / "a.jpg").write_bytes(content)
    command = [
        "jpegtran",
        "-perfect",
        *COMMANDS[orientation],
        "-outfile",
        str(tmp_path / "b.jpg"),
        str(tmp_path / "a.jpg"),
    ]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a program of the system
    turned = turn_jpeg(content, orientation)
    assert (turned is not None) == (done.returncode == 0)
    if turned is not None:
        np.testing.assert_array_equal(decode(turned), decode((tmp_path / "b.jpg").read_bytes()))


def test_metadata_stay_but_for_the_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    profile, xmp = random.Random(1).randbytes(150_000), b'<x tiff:Orientation="6" dc:title="t"/>'
    content = make_jpeg((64, 32), exif=exif, icc_profile=profile, xmp=xmp, comment=b"said", dpi=(72, 144))
    content = content[:2] + b"\xff\xed\x00\x06abcd" + content[2:]  # a segment that Pillow does not know
    turned = turn(content, 6)
    assert b"\xff\xed\x00\x06abcd" in turned
    with Image.open(io.BytesIO(turned)) as image:
        assert image.size == (32, 64)
        assert image.info["icc_profile"] == profile
        assert image.info["xmp"] == b'<x tiff:Orientation="1" dc:title="t"/>'
        assert (image.info["comment"], image.info["dpi"]) == (b"said", (144, 72))
        assert (image.getexif()[0x0112], image.getexif()[0x010F]) == (1, "Maker")


def test_the_first_of_several_frames_is_kept() -> None:
    several = io.BytesIO()
    first, second = draw_photograph((64, 32), 1), draw_photograph((64, 32), 2)
    first.save(several, "MPO", save_all=True, append_images=[second], quality=85)
    with Image.open(io.BytesIO(turn(several.getvalue(), 3))) as image:
        assert image.format == "JPEG"
        assert np.abs(np.asarray(image, np.int16) - decode_turned(several.getvalue(), 3)).max() <= 4


@pytest.mark.parametrize("options", [{"mode": "CMYK"}, {"keep_rgb": True}], ids=str)
def test_other_colours_are_not_turned(options: dict[str, Any]) -> None:
    assert turn_jpeg(make_jpeg((64, 32), **options), 6) is None


def test_what_is_no_whole_jpeg_is_not_turned_and_raises_nothing() -> None:
    content = make_jpeg((64, 32))
    start = content.index(b"\xff\xc0")
    twelve_bits = content[: start + 4] + b"\x0c" + content[start + 5 :]
    no_height = content[: start + 5] + struct.pack(">H", 0) + content[start + 7 :]
    for damaged in (b"", content[:1], b"GIF89a", content[:300], content[: start + 6], twelve_bits, no_height):
        assert turn_jpeg(damaged, 6) is None
    chance = random.Random(2)
    for _ in range(100):
        flipped = bytearray(content)
        flipped[chance.randrange(2, 700)] = chance.randrange(256)
        turn_jpeg(bytes(flipped), chance.randrange(2, 9))


def test_threads_turn_images_as_one_does() -> None:
    contents = [make_jpeg((64, 32 + 16 * number), comment=str(number)) for number in range(8)]
    expected = [turn(content, 6) for content in contents]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda content: turn(content, 6), contents)) == expected


def test_the_kind_says_whether_it_was_without_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(size: tuple[int, int]) -> tuple[bytes, str]:
        (tmp_path / "a.jpg").write_bytes(make_jpeg(size, subsampling=2, exif=make_exif(6)))
        return encode_upright(tmp_path / "a.jpg")

    content, kind = encode((64, 32))
    (tmp_path / "a.jpg").write_bytes(make_jpeg((64, 32), subsampling=2, exif=make_exif(6)))
    assert (content, kind) == (turn((tmp_path / "a.jpg").read_bytes(), 6), EXACT)
    assert encode((64, 30))[1] == ENCODED
    wrong = make_jpeg((32, 64))
    monkeypatch.setattr(turned_images, "turn_jpeg", lambda *_: wrong)  # a library that errs
    content, kind = encode((64, 32))
    assert (kind, content != wrong) == (ENCODED, True)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "jpeglib", None)
    assert encode((64, 32))[1] == ENCODED


def test_a_large_profile_does_not_stop_an_image_that_is_encoded_again(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (83, 117, 3), np.uint8)
    profile = bytes(70_000)
    Image.fromarray(noise).save(tmp_path / "a.jpg", quality=100, exif=make_exif(6), icc_profile=profile)
    content, kind = encode_upright(tmp_path / "a.jpg")
    assert kind == ENCODED
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["icc_profile"] == profile
