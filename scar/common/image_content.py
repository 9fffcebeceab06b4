"""What a file is that is called an image and is none: downloads that failed, and formats that are not decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_HEAD_BYTES = 512

_CONTENTS: Sequence[tuple[bytes, str]] = (
    (b"<svg", "an SVG drawing: convert it to PNG"),
    (b"<!doctype html", "a web page: download the image again"),
    (b"<html", "a web page: download the image again"),
    (b"<", "a web page or XML: download the image again"),
    (b"{", "JSON, maybe an error of a download: download the image again"),
    (b"version https://git-lfs", "a pointer of Git LFS: `git lfs pull` gets the image"),
    (b"%pdf", "a PDF: convert its pages to PNG"),
    (b"pk\x03\x04", "a zip archive: unpack it"),
    (b"\x1f\x8b", "compressed by gzip: gunzip it"),
)
"""Beginnings of files in lower case, with what the file is and what to do; the first that fits holds."""

_HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1")


def describe_content(path: Path) -> str | None:
    """What a file is that cannot be decoded as an image, with what to do; None if it is not known."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if not head:
        return "empty: download it again"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "an HEIC photo: convert it to JPEG"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<?xml") and b"<svg" in text:
        text = b"<svg"
    return next((what for start, what in _CONTENTS if text.startswith(start)), None)
