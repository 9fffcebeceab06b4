"""Turn an image, and the boxes, points, polygons and masks on it, from the stored frame into the displayed frame.

A camera stores the rows of its sensor and notes in the EXIF orientation, 1 to 8, how they are turned for display. The
stored frame has the pixels as they stand in the file; the displayed frame has them turned, and is the frame of every
prompt and of every corpus here. Coordinates count pixel edges: 0, 0 is the top left corner of the image.

Each function maps stored -> displayed. The way back is the same function with `invert_orientation` and the displayed
size::

    back = turn_box(box, invert_orientation(orientation), turn_size(size, orientation))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scar.sample import Box, Mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

UPRIGHT = 1
"""The orientation of an image that is displayed as it is stored."""

SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""

_STEPS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
"""EXIF orientation -> whether x and y are exchanged, then whether x is mirrored, and y. Source: EXIF 2.32, tag 0112."""

_METADATA = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""Keys of Pillow's ``info`` that may hold an orientation."""


def invert_orientation(orientation: int) -> int:
    """The orientation with which the functions here turn the displayed frame back into the stored one."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def turn_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(width, height) as displayed, of an image that has ``size`` as stored and this EXIF orientation.

    >>> turn_size((320, 240), 6)
    (240, 320)
    """
    return (size[1], size[0]) if orientation in SIDEWAYS else size


def turn_point(x: float, y: float, size: tuple[int, int], orientation: int) -> tuple[float, float]:
    """Where a point of the stored image lies in the displayed one.

    Args:
        x: pixels from the left edge of the stored image.
        y: pixels from its top edge.
        size: (width, height) of the stored image in pixels.
        orientation: the EXIF orientation, 1 to 8.

    >>> turn_point(0, 0, (320, 240), 6)  # the top left corner of the sensor is the top right one of the photograph
    (240, 0)
    """
    exchanged, mirrored_x, mirrored_y = _STEPS[orientation]
    width, height = turn_size(size, orientation)
    x, y = (y, x) if exchanged else (x, y)
    return (width - x if mirrored_x else x), (height - y if mirrored_y else y)


def turn_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Where a box of the stored image lies in the displayed one; ``size`` and ``orientation`` as in `turn_point`."""
    if orientation == UPRIGHT:
        return box
    (x0, y0), (x1, y1) = turn_point(box.x0, box.y0, size, orientation), turn_point(box.x1, box.y1, size, orientation)
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def turn_polygon(xy: Sequence[float], size: tuple[int, int], orientation: int) -> list[float]:
    """Turn a polygon x, y, x, y, ... of the stored image; ``size`` and ``orientation`` as in `turn_point`.

    Returns:
        The polygon in the displayed image, in the same form and order.
    """
    points = zip(xy[0::2], xy[1::2], strict=True)
    return [value for x, y in points for value in turn_point(x, y, size, orientation)]


def turn_mask(mask: Mask, orientation: int) -> Mask:
    """Turn a mask of the stored image, by its EXIF orientation, into that of the displayed image.

    Raises:
        InputError: the mask has to be turned and cannot be decoded.
    """
    return mask if orientation == UPRIGHT else Mask.from_array(turn_array(mask.to_array(), orientation))


def turn_array(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, ...) pixels of the stored image, by its EXIF orientation, into those of the displayed image.

    The result is a view of ``pixels``; its shape is (W, H, ...) for an orientation in `SIDEWAYS`.
    """
    exchanged, mirrored_x, mirrored_y = _STEPS[orientation]
    turned = pixels.swapaxes(0, 1) if exchanged else pixels
    turned = turned[:, ::-1] if mirrored_x else turned
    view: NDArray[np.generic] = turned[::-1] if mirrored_y else turned
    return view


def turn_image(image: Image, orientation: int) -> Image:
    """Turn an image whose pixels are as stored, by its EXIF orientation, into the image as displayed.

    The result is a copy, without metadata that ask for a turn.
    """
    from PIL.Image import Transpose

    method = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    turned = image.copy() if method is None else image.transpose(method)
    for key in _METADATA:
        turned.info.pop(key, None)
    return turned
