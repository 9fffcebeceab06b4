"""Images that untrusted files name: find them in their folder; decode them if they are whole and not too large."""

from __future__ import annotations

import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from scar.common.files import is_inside
from scar.errors import BadRecord

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 89_478_485
"""Limit of an image's size (Pillow's own). A larger one is refused: decoded to RGB, it would take more than 256 MB."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""Formats that are decoded. All others are refused, since Pillow starts external programs for some of them."""

BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)
"""What Pillow raises on damaged files."""

_ENDINGS = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG")

_HEAD = 1 << 14
_TAIL = 12
"""Bytes that `probe_image` reads at the beginning and at the end of a file."""


def locate_image(root: Path, file: str, where: str) -> Path:
    """Find the image ``file`` below ``root``; return its path.

    Args:
        root: the image folder.
        file: relative path with forward slashes, as an annotation file gives it.
        where: the annotation file and the record that name the image, for the error message.

    Raises:
        BadRecord: the path leaves the folder, by ``..``, as an absolute path or through a link (``image_path``),
            there is no such file (``image_missing``), or its folder may not be read (``image_closed``).
    """
    path = root / file
    inside, kind = True, 0
    try:
        inside = ".." not in Path(file).parts and (path == root or _is_folder_inside(path.parent, root))
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            inside = inside and is_inside(path, root)
            kind = path.stat().st_mode
    except PermissionError:
        raise _make_no_permission(path, where) from None
    except (ValueError, RuntimeError, OSError):  # a zero byte, a loop of links, a name that is too long
        pass
    if not inside:
        raise BadRecord(where, f"image path {file!r} leaves the image folder", "image_path")
    if not stat.S_ISREG(kind):
        raise BadRecord(where, f"image {str(path)!r} does not exist{_suggest_path(root, file)}", "image_missing")
    return path


def _suggest_path(root: Path, file: str) -> str:
    """Hint for a message: a file that exists and has nearly the same path. Empty if there is none.

    Tried are forward slashes, one folder more, the file name alone, and other endings.
    """
    slashed = file.replace("\\", "/")
    stem = slashed.rpartition(".")[0] or slashed
    inside = (f"{folder}/{slashed}" for folder in _list_folders(root))
    for other in (slashed, *inside, slashed.rpartition("/")[2], *(stem + ending for ending in _ENDINGS)):
        try:
            if other != file and (root / other).is_file():
                return (
                    f", but {other!r} does: give the images folder that file names are relative to, or mend the names"
                )
        except (ValueError, OSError):
            return ""
    return ""


@lru_cache(maxsize=16)
def _list_folders(root: Path) -> tuple[str, ...]:
    """Names of the first 100 folders in an image folder."""
    try:
        with os.scandir(root) as entries:
            return tuple(islice(sorted(entry.name for entry in entries if entry.is_dir()), 100))
    except OSError:
        return ()


def _make_no_permission(path: Path, where: str) -> BadRecord:
    return BadRecord(where, f"image {str(path)!r} may not be read: no permission", "image_closed")


@lru_cache(maxsize=1024)
def _is_folder_inside(folder: Path, root: Path) -> bool:
    """`is_inside`, computed once for all images of a folder."""
    return is_inside(folder, root)


@contextmanager
def open_image(path: Path) -> Iterator[Image]:
    """Open an image without decoding its pixels.

    Raises:
        Image.DecompressionBombError: the image has more than `MAX_PIXELS`.
        *BROKEN: the file is missing, damaged or no image in one of `FORMATS`; the error is Pillow's own.
    """
    from PIL import Image

    # the size is checked below, odd metadata does no harm, and `catch_warnings` is not for threads
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except Image.DecompressionBombError:
        raise Image.DecompressionBombError(f"more than the {MAX_PIXELS:,} pixels that are decoded") from None


def probe_image(path: Path, where: str) -> tuple[int, int]:
    """Width and height of an image in pixels; an undamaged JPEG or PNG is not decoded.

    The size is read from the first bytes of the file; the last bytes show whether it is truncated. If these bytes do
    not suffice, or the image has another format, it is decoded.

    Args:
        path: the image file.
        where: the annotation file and the record that name the image, for the error message.

    Raises:
        BadRecord: as in `decode_image`, except that damage in the middle of a JPEG or PNG is not noticed.
    """
    try:
        file = path.open("rb")
    except PermissionError:
        raise _make_no_permission(path, where) from None
    with file:
        head = file.read(_HEAD)
        file.seek(-min(_TAIL, file.seek(0, os.SEEK_END)), os.SEEK_END)
        tail = file.read()
    size = _parse_png_size(head, tail) or _parse_jpeg_size(head, tail)
    return size if size and size[0] * size[1] <= MAX_PIXELS else decode_image(path, where)


def decode_image(path: Path, where: str) -> tuple[int, int]:
    """Decode an image; return its width and height in pixels.

    Raises:
        BadRecord: the image has more than `MAX_PIXELS` (``image_bomb``), may not be read (``image_closed``), or is
            truncated, damaged or no image (``image_broken``).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with open_image(path) as image:
            image.load()
            return image.size
    except Image.DecompressionBombError as error:
        raise BadRecord(where, f"image {path} has {error}", "image_bomb") from None
    except PermissionError:
        raise _make_no_permission(path, where) from None
    except UnidentifiedImageError:
        raise BadRecord(where, f"{path} is not an image in {', '.join(FORMATS)}", "image_broken") from None
    except BROKEN as error:
        raise BadRecord(where, f"image {path} does not decode: {error}", "image_broken") from None


def _parse_png_size(head: bytes, tail: bytes) -> tuple[int, int] | None:
    """Width and height from the first and last bytes of a PNG; None if they are not those of a complete PNG."""
    if head[:16] != b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" or tail[-8:-4] != b"IEND" or len(head) < 33:
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _parse_jpeg_size(head: bytes, tail: bytes) -> tuple[int, int] | None:
    """Width and height from the first and last bytes of a JPEG; None if it is incomplete or ``head`` has no size."""
    if head[:2] != b"\xff\xd8" or tail[-2:] != b"\xff\xd9":
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            height, width = struct.unpack_from(">HH", head, at + 5)
            return (width, height) if width and height else None
        at += 2 + int(struct.unpack_from(">H", head, at + 2)[0])
    return None
