"""Bring the ``segmentation`` values that tools write into the two forms of COCO: rings of x, y, and ``{size, counts}``.

The rules: a flat list is one ring; points as pairs or as ``{x, y}`` are a ring; rings without points, ``{}`` and ``""``
are no mask; a list of ``{size, counts}`` has the parts of one thing; text that is JSON is what it says; numbers as text
or as whole floats are numbers.
"""

from __future__ import annotations

import ast
import contextlib
from typing import Any, TypeAlias

import msgspec

MaskForm: TypeAlias = list[Any] | None
"""None for no mask; else a list of rings (lists), or of ``{size, counts}`` (dictionaries); or of what is neither."""

_NUMBERS = {int, float}


def list_mask_parts(segmentation: Any) -> MaskForm:
    """The rings or the run lengths of a ``segmentation`` value.

    What is in no known form stays as it is, in a list: `scar.annotations.masks` refuses it.

    >>> list_mask_parts([1, 1, 9, 1, 9, 9]), list_mask_parts([[1, 1], [9, 1], [9, 9]]), list_mask_parts([[]])
    ([[1, 1, 9, 1, 9, 9]], [[1, 1, 9, 1, 9, 9]], [[]])
    """
    if isinstance(segmentation, list) and segmentation and all(map(_is_flat, segmentation)):
        return segmentation  # the usual form
    if isinstance(segmentation, str):
        text = segmentation.strip()
        if not text:
            return None
        try:
            segmentation = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return [text]
    if not segmentation and (segmentation is None or isinstance(segmentation, list | dict)):
        return None
    if isinstance(segmentation, dict):
        return [_read_runs(segmentation)]
    if not isinstance(segmentation, list):
        return [segmentation]
    if all(isinstance(part, dict) for part in segmentation) and not _are_points(segmentation):
        return [_read_runs(part) for part in segmentation if part] or None
    if _is_ring(segmentation):
        return [_flatten(segmentation)]
    return [_flatten(part) for part in segmentation]


def _is_ring(values: list[Any]) -> bool:
    """Whether a list is one ring: numbers, or at least three points; two points may also be two rings of one point."""
    return all(_is_number(value) for value in values) or (len(values) >= 3 and _are_points(values))


def _are_points(values: list[Any]) -> bool:
    return bool(values) and all(_read_point(value) is not None for value in values)


def _read_point(value: Any) -> tuple[Any, Any] | None:
    """The x and y of ``[x, y]`` or ``{x, y}``; None if it is neither."""
    if isinstance(value, dict) and value.keys() >= {"x", "y"}:
        value = [value["x"], value["y"]]
    if isinstance(value, list) and len(value) == 2 and _is_number(value[0]) and _is_number(value[1]):
        return value[0], value[1]
    return None


def _is_flat(ring: Any) -> bool:
    """Whether a ring seems to be a flat list of numbers; `scar.annotations.masks` looks at each."""
    return type(ring) is list and len(ring) > 2 and type(ring[0]) in _NUMBERS and type(ring[-1]) in _NUMBERS


def _flatten(ring: Any) -> Any:
    """A ring as a flat list of numbers; anything else as it is."""
    if not isinstance(ring, list) or _is_flat(ring):
        return ring
    if _are_points(ring):
        ring = [value for point in map(_read_point, ring) if point is not None for value in point]
    return [float(value) if isinstance(value, str) and _is_number(value) else value for value in ring]


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return type(value) in _NUMBERS


def _read_runs(rle: dict[str, Any]) -> dict[str, Any]:
    """Run lengths with whole numbers, and COCO's text where the file has another form of it."""
    size, counts = rle.get("size"), rle.get("counts")
    if isinstance(size, list):
        size = [_to_whole(side) for side in size]
    if isinstance(counts, list):
        counts = [_to_whole(run) for run in counts]
        counts = _read_byte_list(counts, size)
    if isinstance(counts, str) and counts[:2] in ("b'", 'b"'):  # neither quote can stand in COCO's text
        counts = _read_shown_bytes(counts)
    elif isinstance(counts, str) and counts[:1] == "[":
        with contextlib.suppress(msgspec.DecodeError):
            counts = msgspec.json.decode(counts)
    return {**rle, "size": size, "counts": counts}


def _to_whole(value: Any) -> Any:
    """A float or a text that is a whole number as an integer; anything else as it is."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_byte_list(counts: list[Any], size: Any) -> Any:
    """COCO's text, if a list has its bytes: they are in '0' to 'o', and as run lengths would not fill the image."""
    if not counts or not all(type(value) is int and 48 <= value <= 111 for value in counts):
        return counts
    is_size = isinstance(size, list) and len(size) == 2 and set(map(type, size)) == {int}
    return bytes(counts).decode("ascii") if is_size and sum(counts) != size[0] * size[1] else counts


def _read_shown_bytes(text: str) -> str:
    r"""COCO's text out of ``str(bytes)``, which doubles each backslash; any other text as it is.

    >>> print(_read_shown_bytes(str(rb"g\2T3")))
    g\2T3
    """
    with contextlib.suppress(ValueError, SyntaxError):
        return bytes(ast.literal_eval(text)).decode("ascii")
    return text
