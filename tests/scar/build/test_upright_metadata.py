"""Metadata of a turned image say that nothing is left to turn, and keep everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scar.build.upright_metadata import set_exif_upright, set_xmp_upright

ORIENTATION, MAKER, WIDTH = 0x0112, 0x010F, 0x0100


def make_exif(order: str, orientation: int) -> bytes:
    """EXIF data as Pillow writes them, in either order of bytes."""
    exif = Image.Exif()
    exif.endian = "<" if order == "II" else ">"
    exif[WIDTH], exif[MAKER], exif[ORIENTATION] = 640, "Toy", orientation
    return exif.tobytes()


def read_exif(content: bytes) -> dict[int, object]:
    exif = Image.Exif()
    exif.load(content)
    return dict(exif)


@pytest.mark.parametrize("prefix", ["Exif", ""])
@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_only_the_orientation_changes(prefix: str, order: str, orientation: int) -> None:
    written = make_exif(order, orientation)
    given_exif = written if prefix else written.removeprefix(b"Exif\0\0")
    assert order.encode() in written[:8]
    upright = set_exif_upright(given_exif)
    assert upright is not None
    assert len(upright) == len(given_exif)
    assert read_exif(upright) == read_exif(given_exif) | {ORIENTATION: 1}


@given(st.binary(max_size=80), st.integers(0, 60))
def test_damaged_exif_raises_nothing(junk: bytes, kept: int) -> None:
    for content in (junk, b"Exif\0\0II*\0" + junk, make_exif("MM", 6)[:kept]):
        upright = set_exif_upright(content)
        assert upright is None or len(upright) == len(content)


@pytest.mark.parametrize("exif", [None, "text", {}, b""])
def test_what_is_no_exif_gives_none(exif: object) -> None:
    assert set_exif_upright(exif) is None


@pytest.mark.parametrize(
    ("xmp", "upright"),
    [
        (b'<x tiff:Orientation="6" tiff:Make="6"/>', b'<x tiff:Orientation="1" tiff:Make="6"/>'),
        (b"<tiff:Orientation>8</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b"<x/>", b"<x/>"),
    ],
)
def test_xmp_is_set_upright_in_both_spellings(xmp: bytes, upright: bytes) -> None:
    assert set_xmp_upright(xmp) == upright
