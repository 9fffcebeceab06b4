"""Mend records of COCO-style files that other tools write in other words: numbers as text, other keys, null for 0.

A record that has the types of `scar.annotations.coco_records` is never mended, so mending takes no time where it is not
needed. Each rule has a name, under which a build counts what it used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from scar.annotations.coco_records import (
    ANNOTATION,
    CATEGORY,
    IMAGE,
    RELATION,
    CocoAnnotation,
    CocoCategory,
    CocoImage,
    CocoRelation,
    MendedAnnotation,
)
from scar.annotations.ids import NO_ID, encode_text, number_id
from scar.annotations.json_stream import ANY_JSON, Record, parse_record
from scar.errors import BadRecord

_FILE_KEYS = ("file_name", "filename", "file", "path", "coco_url", "url", "flickr_url")
"""Keys of an image that may name its file, the best first: LVIS has `coco_url` only."""

_CATEGORY_KEYS = ("category_id", "category", "category_name", "label")

_BOX_KEYS: Sequence[tuple[Sequence[str], bool]] = (
    (("x", "y", "width", "height"), False),
    (("x", "y", "w", "h"), False),
    (("left", "top", "width", "height"), False),
    (("xmin", "ymin", "xmax", "ymax"), True),
    (("x_min", "y_min", "x_max", "y_max"), True),
    (("x0", "y0", "x1", "y1"), True),
    (("x1", "y1", "x2", "y2"), True),
    (("left", "top", "right", "bottom"), True),
)
"""Keys of a box that is an object, and whether they are those of its corners."""

_NO_BOX = (None, None, None, None)
_OF_FIVE = 5
"""A box of five numbers is rotated: center, sides and angle, or corner, sides and angle; tools do not agree."""


def read_annotation(text: bytes | msgspec.Raw, where: str) -> CocoAnnotation:
    """Decode an annotation, and mend it if it has other types.

    Its ids are numbers or codes; see `scar.annotations.ids.number_id`. `MendedAnnotation.given_id` keeps an id that was
    no integer.

    Raises:
        BadRecord: it cannot be mended (``malformed``).
    """
    try:
        return ANNOTATION.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _mend_annotation(_parse_object(text, where, ANNOTATION), where)


def read_image(record: Record, path: Path) -> CocoImage:
    """Decode an image, and mend it; width and height are None if the file does not tell them. See `read_annotation`."""
    try:
        image = IMAGE.decode(record.text)
        if image.file != ".":  # what an empty name becomes
            return image
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    where = record.describe_location(path)
    entry = _parse_object(record.text, where, IMAGE)
    name = next((entry[key] for key in _FILE_KEYS if isinstance(entry.get(key), str) and entry[key]), None)
    if name is None:
        raise BadRecord(where, "Object missing required field `file_name`", "malformed")
    number = number_id(entry.get("id"))
    scene = entry.get("scene")
    return CocoImage(
        id=encode_text(name) if number == NO_ID else number,
        file=name,
        width=_to_side(entry.get("width")),
        height=_to_side(entry.get("height")),
        scene=scene if isinstance(scene, str) else None,
        **{key: entry.get(key) for key in ("caption", "captions", "sentence", "sentences", "attributes")},
        given_id=entry.get("id"),
    )


def read_category(record: Record, path: Path) -> CocoCategory:
    """Decode a category, and mend its id. See `read_annotation`."""
    try:
        return CATEGORY.decode(record.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        where = record.describe_location(path)
        entry = _parse_object(record.text, where, CATEGORY)
    name = entry.get("name")
    if isinstance(name, int | float):
        name = str(name)
    if not isinstance(name, str):
        parse_record(CATEGORY, record.text, where)
        raise BadRecord(where, f"its name is {name!r}", "malformed")
    return CocoCategory(id=number_id(entry.get("id", name)), name=name)


def read_relation(record: Record, path: Path) -> CocoRelation:
    """Decode a relation, and mend its ids. See `read_annotation`."""
    try:
        return RELATION.decode(record.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        where = record.describe_location(path)
        entry = _parse_object(record.text, where, RELATION)
    if not isinstance(entry.get("predicate"), str) or not entry.keys() >= {"image_id", "subject", "object"}:
        return parse_record(RELATION, record.text, where)
    ids = (number_id(entry[key]) for key in ("image_id", "subject", "object"))
    image, subject, other = ids
    return CocoRelation(image_id=image, subject=subject, predicate=entry["predicate"], object=other)


def _parse_object(text: bytes | msgspec.Raw, where: str, decoder: msgspec.json.Decoder[Any]) -> dict[str, Any]:
    """The keys and values of a record.

    Raises:
        BadRecord: it is no JSON object; the message is that of the decoder.
    """
    entry = parse_record(ANY_JSON, text, where)
    if not isinstance(entry, dict):
        parse_record(decoder, text, where)
        raise BadRecord(where, f"it is a {type(entry).__name__}, not an object", "malformed")
    return entry


def _mend_annotation(entry: dict[str, Any], where: str) -> MendedAnnotation:
    category = next((entry[key] for key in _CATEGORY_KEYS if entry.get(key) is not None), None)
    for key, value in (("image_id", entry.get("image_id")), ("category_id", category)):
        if not isinstance(value, int | float | str) or isinstance(value, bool):
            problem = f"its `{key}` is {value!r}" if key in entry else f"Object missing required field `{key}`"
            raise BadRecord(where, problem, "malformed")
    return MendedAnnotation(
        id=number_id(entry.get("id")),
        image_id=number_id(entry["image_id"]),
        category_id=number_id(category),
        bbox=_mend_box(entry.get("bbox"), where),
        segmentation=msgspec.Raw(msgspec.json.encode(entry.get("segmentation"))),
        iscrowd=_is_true(entry.get("iscrowd")),
        area=entry.get("area"),
        given_id=entry.get("id"),
        fifth=_find_fifth(entry.get("bbox")),
    )


def _mend_box(box: Any, where: str) -> tuple[float | None, float | None, float | None, float | None]:
    """The four numbers of a box; None for each if there is no box, or a rotated one.

    Raises:
        BadRecord: the box has another shape.
    """
    if box is None or box == [] or box == {} or box == "":
        return _NO_BOX
    if isinstance(box, str):  # as tables have it: "[10, 20, 30, 40]" or "10 20 30 40"
        box = box.strip(" []()").replace(",", " ").split()
    numbers = _read_box_object(box) if isinstance(box, dict) else box
    if isinstance(numbers, list | tuple) and len(numbers) == _OF_FIVE:
        return _NO_BOX
    values = [_to_number(number) for number in numbers] if isinstance(numbers, list | tuple) else []
    wrong = [number for number, value in zip(numbers, values, strict=False) if value is None and number is not None]
    if len(values) != 4 or wrong:
        problem = f"its box is {box!s:.60}: a box is [x, y, width, height] in pixels; rotated boxes are not read"
        raise BadRecord(where, problem, "malformed")
    x, y, width, height = values
    return x, y, width, height


def _find_fifth(box: Any) -> float | None:
    """The last of five numbers of a box; 0 if it is no number, None if there are not five."""
    return (_to_number(box[-1]) or 0.0) if isinstance(box, list) and len(box) == _OF_FIVE else None


def _read_box_object(box: Mapping[str, Any]) -> list[Any]:
    """x, y, width and height of a box that is an object with keys of `_BOX_KEYS`; empty if it has none of them."""
    for keys, are_corners in _BOX_KEYS:
        if box.keys() >= set(keys):
            values = [_to_number(box[key]) for key in keys]
            if are_corners and None not in values:
                x0, y0, x1, y1 = (value or 0.0 for value in values)
                return [x0, y0, x1 - x0, y1 - y0]
            return values
    return []


def _to_number(value: Any) -> float | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _to_side(value: Any) -> int | None:
    """Width or height in whole pixels; None if it is not above 0 or no whole number, so that the image has to tell."""
    number = _to_number(value)
    return int(number) if number is not None and number > 0 and number.is_integer() else None


def _is_true(value: Any) -> bool:
    """Whether a flag is set: null, "0", "false" and 0.0 are not."""
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "0", "0.0", "false", "no", "none", "null")
    return bool(value)
