"""Sizes of images that an annotation file does not tell: the image itself tells them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from scar.common.image_header import read_header
from scar.common.images import BROKEN, describe_pixel_limit, locate_image, max_pixels
from scar.common.orientation import UPRIGHT
from scar.errors import BadRecord
from scar.recipe import Frame


def read_size(folder: Path, frame: Frame | None, file: str, where: str) -> tuple[int, int]:
    """Width and height of an image in pixels, in the frame of its annotations.

    Args:
        folder: the image folder.
        frame: what the recipe says about the frame of images that EXIF turns; None if it says nothing.
        file: path of the image below it.
        where: names the annotation file and the image in error messages.

    Raises:
        BadRecord: there is no such image, or it is broken or too large; or EXIF turns it, and nothing tells the frame.
    """
    path = locate_image(folder, file, where)
    from PIL.Image import DecompressionBombError

    try:
        header = read_header(path)
    except DecompressionBombError as error:
        raise BadRecord(where, f"{path} has {error}", "image_bomb") from None
    except BROKEN as error:
        raise BadRecord(
            where, f"{path} is no image that can be read ({error}), and no size is given", "image_broken"
        ) from None
    if header.orientation == UPRIGHT or frame == "displayed":
        return header.size
    if frame == "stored":
        return header.stored_size
    problem = f"{file} is turned by EXIF (orientation {header.orientation}), and the file gives no size that tells"
    way_out = 'whether boxes are in the stored or the displayed frame; say frame = "stored" or "displayed" (--frame)'
    raise BadRecord(where, f"{problem} {way_out}", "image_frame")


def has_allowed_size(width: int, height: int) -> bool:
    """Whether an image of this size has a pixel, and not more than `max_pixels`."""
    return width > 0 and height > 0 and width * height <= max_pixels()


def refuse_size(width: int, height: int, what: str, where: str) -> NoReturn:
    """Refuse an image whose size `has_allowed_size` does not allow.

    Raises:
        BadRecord: always (``image_size``).
    """
    raise BadRecord(where, f"{what} is said to be {width}x{height}, not 1 to {describe_pixel_limit()}", "image_size")


def explain_size(size: tuple[int, int], said: tuple[int, int], is_turned: bool) -> str:
    """How the size of an image differs from what is said, and what to do.

    >>> explain_size((166, 125), (333, 250), False)
    'is 166x125, said to be 333x250: it is scaled by 0.4985; give the images that were annotated, or write the sizes \
of the images, and multiply boxes and polygons by 0.4985'
    """
    problem = f"is {size[0]}x{size[1]}, said to be {said[0]}x{said[1]}"
    if is_turned:
        return f"{problem}, as it is displayed: EXIF turns it"
    if size == said[::-1]:
        return f"{problem}: swap the width and height that the file gives, or turn the image back"
    across, down = size[0] / said[0], size[1] / said[1]
    scale = max(size) / max(said)
    if all(abs(one - scale * other) <= max(1, scale) for one, other in zip(size, said, strict=True)):
        way_out = f"or write the sizes of the images, and multiply boxes and polygons by {scale:.4g}"
        return f"{problem}: it is scaled by {scale:.4g}; give the images that were annotated, {way_out}"
    stretch = f"stretched by {across:.4g} in width and {down:.4g} in height"
    return f"{problem}: it is another image, cut, or {stretch}; give the images that were annotated"
