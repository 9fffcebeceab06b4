"""Files that are called images and are none are named for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.common.image_content import describe_content


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html></html>", "a web page"),
        (b"\xef\xbb\xbf \n<HTML lang=en>", "a web page"),
        (b"<Error><Code>AccessDenied</Code></Error>", "a web page or XML"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<svg></svg>", "an SVG drawing"),
        (b'{"error": "quota"}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a pointer of Git LFS"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04abc", "a zip archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "an HEIC photo"),
        (b"", "empty"),
    ],
)
def test_content_is_named(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    found = describe_content(path)
    assert found is not None
    assert found.startswith(what)
    assert ": " in found, "it says what to do"


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0JFIF", b"abc", b"\0" * 600])
def test_what_is_not_known_is_not_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    assert describe_content(path) is None
    assert describe_content(tmp_path / "none.jpg") is None
