"""An image is inside its folder, whole and of bearable size, or the record says why not."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from scar.common.images import DEFAULT_MAX_PIXELS, PIXELS_VARIABLE, limit_pixels, locate_image, max_pixels
from scar.common.pixels import decode_image
from scar.errors import BadRecord, InputError


def png(path: Path, size: tuple[int, int] = (8, 6)) -> Path:
    Image.new("RGB", size, (200, 10, 10)).save(path)
    return path


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def test_finds_files_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    png(tmp_path / "a" / "b.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a" / "b.png")
    assert locate_image(tmp_path, "a/b.png", "here") == tmp_path / "a" / "b.png"
    assert locate_image(tmp_path, "link.png", "here") == tmp_path / "link.png"


@pytest.mark.parametrize("file", ["../x.png", "a/../../x.png", "a/../inside.png", "{outside}", "{inside}"])
@pytest.mark.parametrize("resolve_links", [False, True])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, file: str, resolve_links: bool) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    outside, inside = png(tmp_path / "x.png"), png(root / "inside.png")
    with pytest.raises(BadRecord, match="leaves the image folder") as caught:
        locate_image(root, file.format(outside=outside, inside=inside), "here", resolve_links=resolve_links)
    assert caught.value.reason == "image_path"


def test_the_file_that_an_absolute_path_means_is_proposed(tmp_path: Path) -> None:
    png(tmp_path / "x.png")
    with pytest.raises(
        BadRecord, match=r"image path '/other/machine/x.png' leaves the image folder, but 'x.png' is there"
    ):
        locate_image(tmp_path, "/other/machine/x.png", "here")


@pytest.mark.parametrize("linked", ["file", "folder", "root", "chain"])
def test_links_of_the_user_are_followed_wherever_they_lead(tmp_path: Path, linked: str) -> None:
    root, blob = tmp_path / "root", tmp_path / "blob"
    png(tmp_path / "blob.png").rename(blob)
    if linked == "root":
        png(tmp_path / "x.png")
        root.symlink_to(tmp_path)
    else:
        root.mkdir()
    if linked == "file":
        (root / "x.png").symlink_to(Path("..") / "blob")
    if linked == "chain":
        (tmp_path / "hop").symlink_to(blob)
        (root / "x.png").symlink_to(tmp_path / "hop")
    file = "x.png"
    if linked == "folder":
        (tmp_path / "disk").mkdir()
        png(tmp_path / "disk" / "x.png")
        (root / "a").symlink_to(tmp_path / "disk")
        file = "a/x.png"
    path = locate_image(root, file, "here")
    assert path == root / file
    assert decode_image(path, "here") == (8, 6)
    if linked != "root":
        with pytest.raises(BadRecord, match="leaves the image folder through a link") as caught:
            locate_image(root, file, "here", resolve_links=True)
        assert caught.value.reason == "image_path"


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("absent.png", "does not exist"),
        ("", "is a folder"),
        ("a", "is a folder"),
        ("n" * 300, "does not exist"),
        ("x\0y", "does not exist"),
        ("loop", r"does not exist \(it is a link to '.*/loop'\)"),
        ("loop/x.png", "does not exist"),
        ("dangling.png", r"does not exist \(it is a link to '.*/elsewhere.png'\)"),
        ("to_folder", "is a folder"),
        ("to_device", "is no regular file"),
    ],
)
def test_what_is_no_file_is_missing(tmp_path: Path, file: str, problem: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "to_folder").symlink_to(tmp_path / "a")
    (tmp_path / "to_device").symlink_to("/dev/null")
    with pytest.raises(BadRecord, match=problem) as caught:
        locate_image(tmp_path, file, "here")
    assert caught.value.reason == "image_missing"


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.bmp", "x.gif", "x.tiff", "x.ppm", "x.avif"])
def test_decodes_the_common_formats(tmp_path: Path, name: str) -> None:
    assert decode_image(png(tmp_path / name), "here") == (8, 6)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.avif"])
def test_every_cut_is_noticed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.effect_noise((64, 48), 80).convert("RGB").save(path)
    whole = path.read_bytes()
    for kept in (0, 1, 10, len(whole) // 3, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:kept])
        with pytest.raises(BadRecord, match=r"here: .*(not an image|does not decode)") as caught:
            decode_image(path, "here")
        assert caught.value.reason == "image_broken"


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n"])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(BadRecord, match="is not an image"):
        decode_image(path, "here")


@pytest.mark.parametrize(("width", "height"), [(DEFAULT_MAX_PIXELS, 2), (10_000, 9_000), (60_000, 60_000)])
def test_a_bomb_is_not_decoded(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(BadRecord, match="more than the 89,478,485 pixels") as caught:
        decode_image(path, "here")
    assert caught.value.reason == "image_bomb"


def test_the_limit_can_be_raised_and_lowered(tmp_path: Path) -> None:
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")
    script = "import sys, pathlib\nfrom scar.common.pixels import decode_image\n"
    script += "from scar.errors import ScarError\ntry: print(decode_image(pathlib.Path(sys.argv[1]), 'here'))\n"
    script += "except ScarError as error: print(error)"

    def decode(limit: str) -> str:
        command = [sys.executable, "-c", script, str(tmp_path / "large.png")]
        return subprocess.run(command, env=os.environ | {PIXELS_VARIABLE: limit}, capture_output=True, text=True).stdout  # noqa: S603

    assert decode("100000000") == "(10000, 9000)\n"
    assert "more than the 5,000 pixels (--max-pixels of `scar build`, or SCAR_MAX_PIXELS, raises the limit)" in decode(
        "5000"
    )


def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("many", "-1", "0", "1e9"):
        monkeypatch.setenv(PIXELS_VARIABLE, text)
        max_pixels.cache_clear()
        with pytest.raises(InputError, match=f"SCAR_MAX_PIXELS is '{text}', not a whole number above 0"):
            max_pixels()


def test_a_limit_holds_inside_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIXELS_VARIABLE, "77")
    max_pixels.cache_clear()
    with limit_pixels(200):
        assert max_pixels() == 200
        assert os.environ[PIXELS_VARIABLE] == "200", "processes that are started inherit it"
    assert max_pixels() == 77
    monkeypatch.delenv(PIXELS_VARIABLE)
    max_pixels.cache_clear()
    with pytest.raises(ZeroDivisionError), limit_pixels(200):
        1 / 0  # noqa: B018 - also after an error
    assert max_pixels() == DEFAULT_MAX_PIXELS
    assert PIXELS_VARIABLE not in os.environ
