"""Opening images that somebody else's file names: inside their folder, whole, and of bearable size."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

from scar.errors import BadRecord

MAX_PIXELS = 89_478_485
"""A larger image is refused as a decompression bomb: it would take more than 256 MB as RGB (Pillow's own limit)."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""What is decoded; Pillow knows formats that start other programs."""


def locate(root: Path, file: str, place: str) -> Path:
    """Path of ``file`` below ``root``.

    Args:
        root: the image folder.
        file: relative path with forward slashes, as an annotation file gives it.
        place: file and record, for the message.

    Raises:
        BadRecord: the path leaves the folder, by ``..``, as an absolute path or through a link (``image_path``), or
            there is no such file (``image_missing``).
    """
    path = root / file
    try:
        inside = ".." not in Path(file).parts and path.resolve().is_relative_to(root.resolve())
        exists = path.is_file()
    except (ValueError, RuntimeError, OSError):  # a zero byte, a loop of links, a name that is too long
        inside, exists = True, False
    if not inside:
        raise BadRecord(place, f"image path {file!r} leaves the image folder", "image_path")
    if not exists:
        raise BadRecord(place, f"image {str(path)!r} does not exist", "image_missing")
    return path


def decode(path: Path, place: str) -> tuple[int, int]:
    """Width and height in pixels of an image that decodes to its last row.

    Raises:
        BadRecord: it has more than `MAX_PIXELS` (``image_bomb``), or is truncated, damaged or no image
            (``image_broken``).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked below, and odd metadata harms nobody
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                image.load()
    except Image.DecompressionBombError:
        problem = f"image {path} has more than the {MAX_PIXELS:,} pixels that are decoded"
        raise BadRecord(place, problem, "image_bomb") from None
    except UnidentifiedImageError:
        raise BadRecord(place, f"{path} is not an image in {', '.join(FORMATS)}", "image_broken") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error) as error:
        raise BadRecord(place, f"image {path} does not decode: {error}", "image_broken") from None
    return width, height
