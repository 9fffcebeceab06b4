"""Images that untrusted files name: find them in their folder; open them if they are not too large."""

from __future__ import annotations

import os
import stat
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from scar.common.files import describe_missing, is_inside
from scar.errors import BadRecord, InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from scar.common.image_bytes import ImageFile

PIXELS_VARIABLE = "SCAR_MAX_PIXELS"
"""Environment variable that raises or lowers `max_pixels`, for all three packages and their workers."""

DEFAULT_MAX_PIXELS = 89_478_485
"""Pillow's own limit; an image of this size takes 256 MB, decoded to RGB."""


@cache
def max_pixels() -> int:
    """Largest number of pixels of an image: `DEFAULT_MAX_PIXELS`, unless `PIXELS_VARIABLE` says another.

    Raises:
        InputError: the variable is no whole number above 0.
    """
    text = os.environ.get(PIXELS_VARIABLE) or str(DEFAULT_MAX_PIXELS)
    if not text.isdecimal() or not int(text):
        raise InputError(
            f"{PIXELS_VARIABLE} is {text!r}, not a whole number above 0; unset it for {DEFAULT_MAX_PIXELS}."
        )
    return int(text)


@contextmanager
def limit_pixels(count: int) -> Iterator[None]:
    """Inside, `max_pixels` is another one, here and in processes that are started inside."""
    before = os.environ.get(PIXELS_VARIABLE)
    os.environ[PIXELS_VARIABLE] = str(count)
    max_pixels.cache_clear()
    try:
        yield
    finally:
        del os.environ[PIXELS_VARIABLE]
        os.environ.update({} if before is None else {PIXELS_VARIABLE: before})
        max_pixels.cache_clear()


def describe_pixel_limit() -> str:
    """The limit in words, for messages."""
    return f"{max_pixels():,} pixels (--max-pixels of `scar build`, or {PIXELS_VARIABLE}, raises the limit)"


FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF")
"""Formats that are decoded. All others are refused, since Pillow starts external programs for some of them."""

BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, RuntimeError, struct.error)
"""What Pillow raises on damaged files."""

_ENDINGS = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG")


def locate_image(root: Path, file: str, where: str, *, resolve_links: bool = False) -> Path:
    """Find the image ``file`` below ``root``; return its path.

    Args:
        root: the image folder.
        file: relative path with forward slashes, as an annotation file gives it.
        where: the annotation file and the record that name the image, for the error message.
        resolve_links: whether a link that leads out of the folder is refused, see `scar.common.files.is_inside`. By
            default, the user's own links are followed wherever they lead.

    Raises:
        BadRecord: the path is absolute or leaves the folder (``image_path``), there is no such file
            (``image_missing``), or its folder may not be read (``image_closed``).
    """
    path = root / file
    if Path(file).is_absolute() or not is_inside(path, root, resolve_links=False):
        hint = _suggest_path(root, file, verb="is there")
        raise BadRecord(where, f"image path {file!r} leaves the image folder{hint}", "image_path")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileNotFoundError
        if resolve_links and not is_inside(path, root, resolve_links=True):
            raise BadRecord(where, f"image path {file!r} leaves the image folder through a link", "image_path")
    except PermissionError:
        raise make_no_permission(path, where) from None
    except (ValueError, RuntimeError, OSError):  # a zero byte, a loop of links, a name that is too long
        problem = f"image {str(path)!r} {describe_missing(path)}{_suggest_path(root, file)}"
        raise BadRecord(where, problem, "image_missing") from None
    return path


def _suggest_path(root: Path, file: str, verb: str = "does") -> str:
    """Hint for a message ("..., but x does: ..."): a file that exists and has nearly the same path; empty if none does.

    Tried are forward slashes, one folder more, the file name alone, and other endings.
    """
    slashed = file.replace("\\", "/")
    stem = slashed.rpartition(".")[0] or slashed
    inside = (f"{folder}/{slashed}" for folder in _list_folders(root))
    for other in (slashed, *inside, slashed.rpartition("/")[2], *(stem + ending for ending in _ENDINGS)):
        try:
            path = root / other
            if other != file and is_inside(path, root, resolve_links=False) and path.is_file():
                return (
                    f", but {other!r} {verb}: give the images folder that file names are relative to, or mend the names"
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


def make_no_permission(path: Path, where: str) -> BadRecord:
    """The error for an image that may not be read (reason ``image_closed``); ``where`` as in `locate_image`."""
    return BadRecord(where, f"image {str(path)!r} may not be read: no permission", "image_closed")


@contextmanager
def open_image(path: ImageFile) -> Iterator[Image]:
    """Open an image without decoding its pixels; decode them inside the ``with``, where truncated ones are refused.

    Raises:
        Image.DecompressionBombError: the image has more pixels than `max_pixels`.
        *BROKEN: the file is missing, damaged or no image in one of `FORMATS`; the error is Pillow's own.
    """
    from PIL import Image

    silence_pillow()
    if max_pixels() > DEFAULT_MAX_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels()
    try:
        opened = path if isinstance(path, Path) else path.open()
        with refuse_truncated(), Image.open(opened, formats=FORMATS) as image:
            check_pixel_count(image.size)
            if image.format == "TIFF":
                image.filename = ""  # so that Pillow maps no file: it would misread a TIFF that is turned sideways
            yield image
    except Image.DecompressionBombError:
        raise _make_bomb_error() from None


class _TruncationFlag:
    """Pillow's ``LOAD_TRUNCATED_IMAGES``, which all threads share: taken away while any of them decodes here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoding = 0
        self._was_set = False

    def take_away(self) -> None:
        from PIL import ImageFile

        with self._lock:
            self._was_set = self._was_set or ImageFile.LOAD_TRUNCATED_IMAGES
            self._decoding += 1
            ImageFile.LOAD_TRUNCATED_IMAGES = False

    def give_back(self) -> None:
        from PIL import ImageFile

        with self._lock:
            self._decoding -= 1
            if not self._decoding:
                ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES or self._was_set
                self._was_set = False

    def restart_after_fork(self) -> None:
        """A fork copies the lock and the count, but not the threads that would release them."""
        self._lock = threading.Lock()
        if self._decoding:
            self._decoding = 1
            self.give_back()


_truncation_flag = _TruncationFlag()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_truncation_flag.restart_after_fork)


@contextmanager
def refuse_truncated() -> Iterator[None]:
    """Inside, Pillow refuses truncated images, even if ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` would make them grey."""
    _truncation_flag.take_away()
    try:
        yield
    finally:
        _truncation_flag.give_back()


def silence_pillow() -> None:
    """Ignore Pillow's warnings until the process ends: the size is checked here, and odd metadata do no harm."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # `catch_warnings` is not for threads


def check_pixel_count(size: tuple[int, int]) -> None:
    """Check that an image of this size, (width, height) in pixels, may be decoded.

    Raises:
        Image.DecompressionBombError: it has more pixels than `max_pixels`.
    """
    if size[0] * size[1] > max_pixels():
        raise _make_bomb_error()


def _make_bomb_error() -> Exception:
    from PIL.Image import DecompressionBombError

    return DecompressionBombError(f"more than the {describe_pixel_limit()}")
