"""Read a box of an annotation file: convert it, and clip it to its image; every reader does this."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from scar.accounting import Tally
from scar.annotations.box_form import XYWH, BoxForm
from scar.errors import BadRecord
from scar.sample import Box

_MAX_EXACT_INT = 2**24
"""float32 holds every integer up to this one exactly."""

_MIN_CLIPPED = 0.01
"""Number of pixels from which on a clipped box is counted: COCO's numbers have two decimals."""

_FLOAT, _BITS = struct.Struct("f"), struct.Struct("I")


def read_box(
    numbers: tuple[float, float, float, float], form: BoxForm, width: int, height: int, where: str, tally: Tally
) -> Box:
    """Convert the numbers of a box of an annotation file to the part of the box that is inside its image.

    Args:
        numbers: the four numbers of the box.
        form: what they mean.
        width: width of the image in pixels.
        height: height of the image in pixels.
        where: names the file and the record in error messages.
        tally: counts, as repaired, a box of another form than `XYWH`, and one that is clipped.

    Raises:
        BadRecord: see `clip_box`.
    """
    x, y, w, h = xywh = form.to_xywh(numbers, width, height)
    box = clip_box(xywh, width, height, where)
    if form != XYWH:
        tally.repaired[form.name] += 1
    if max(-x, -y, x + w - width, y + h - height) > _MIN_CLIPPED:
        tally.repaired["box_clipped"] += 1
    return box


def clip_box(xywh: Sequence[float], width: int, height: int, where: str) -> Box:
    """The part of a box that is inside its image.

    The corpus stores x, y, width and height of a box as float32. Those of the returned box are exact in float32, and
    rounding never moves an edge out of the image.

    Args:
        xywh: x and y of the top left corner, width and height of the box, in pixels of the image.
        width: width of the image in pixels.
        height: height of the image in pixels.
        where: names the file and the record in error messages.

    Raises:
        BadRecord: the box has no area or is not finite (reason ``empty_box``), or it lies outside the image
            (``outside``).
    """
    x, y, w, h = xywh
    if not (w > 0 and h > 0 and math.isfinite(x + y + w + h)):
        raise BadRecord(where, f"{_format_box(xywh)} has no area", "empty_box")
    inside = x >= 0 and y >= 0 and x + w <= width <= _MAX_EXACT_INT and y + h <= height <= _MAX_EXACT_INT
    if inside and not (x % 1 or y % 1 or w % 1 or h % 1):
        return Box(x, y, x + w, y + h)
    left, across = _clip_side(x, w, width)
    top, down = _clip_side(y, h, height)
    if across <= 0 or down <= 0:
        raise BadRecord(where, f"{_format_box(xywh)} lies outside the {width}x{height} image", "outside")
    return Box.from_xywh(left, top, across, down)


def _clip_side(start: float, length: float, limit: int) -> tuple[float, float]:
    """Start and length of the part of a side within 0..``limit``, as float32 numbers whose sum is at most ``limit``."""
    first = _round_to_float32(min(max(start, 0.0), limit))
    rest = _round_to_float32(min(start + length, limit) - first)
    while rest > 0 and first + rest > limit:
        rest = _next_below(rest)
    return first, rest


def _format_box(xywh: Sequence[float]) -> str:
    return f"box ({', '.join(f'{value:g}' for value in xywh)})"


def _round_to_float32(value: float) -> float:
    """The float32 number nearest to ``value``."""
    return float(_FLOAT.unpack(_FLOAT.pack(value))[0])


def _next_below(value: float) -> float:
    """The largest float32 number below a positive float32 number."""
    return float(_FLOAT.unpack(_BITS.pack(_BITS.unpack(_FLOAT.pack(value))[0] - 1))[0])
