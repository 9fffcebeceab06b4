"""Read a folder of LabelMe's JSON files: one file an image, with shapes.

Shapes of one label and one ``group_id`` are one thing. Source: https://github.com/wkentaro/labelme.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.image_records import (
    AnnotatedThing,
    ImageLookup,
    ImageRecord,
    count_unusable,
    iter_files,
    make_ellipse,
    make_index,
)
from scar.annotations.pictures import PictureIndex
from scar.errors import BadRecord
from scar.recipe import Source

_WITHOUT_AREA = frozenset(("point", "points", "line", "linestrip"))
"""Shapes that have no region; they are counted as ``no_area``."""


class _Shape(msgspec.Struct):
    label: str
    points: list[tuple[float, float]]
    shape_type: str | None = None
    group_id: int | str | None = None
    description: str | None = None


class _File(msgspec.Struct):
    shapes: list[_Shape]
    image_path: str | None = msgspec.field(name="imagePath", default=None)
    height: int | None = msgspec.field(name="imageHeight", default=None)
    width: int | None = msgspec.field(name="imageWidth", default=None)


_FILE = msgspec.json.Decoder(_File)


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images that have a JSON file.

    Raises:
        InputError: the folder has no JSON files.
        BadRecord: a file cannot be used, or has no image, and ``tally`` does not skip such records.
    """
    folder = source.inputs["instances"]
    records = _iter_records(folder, ImageLookup(source.images), tally)
    return make_index(source, tally, cache, records)


def _iter_records(folder: Path, images: ImageLookup, tally: Tally) -> Iterator[ImageRecord]:
    for path in iter_files(folder, ".json", "LabelMe's JSON files"):
        try:
            file = _FILE.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            count_unusable(tally, BadRecord(path.name, f"no file of LabelMe: {error}", "malformed"))
            continue
        things = tuple(_make_thing(shapes, path.name) for shapes in _group_shapes(file.shapes))
        if not things:
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        size = (file.width, file.height) if file.width and file.height else None
        if name := images.find_or_count([file.image_path or "", stem, path.stem], path.name, things, tally):
            yield ImageRecord(name, size, things)


def _group_shapes(shapes: Sequence[_Shape]) -> list[list[tuple[int, _Shape]]]:
    """The shapes of each thing with their numbers, in the order of the first shape of each."""
    groups: dict[Any, list[tuple[int, _Shape]]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        groups[number if shape.group_id is None else (shape.label, str(shape.group_id))].append((number, shape))
    return list(groups.values())


def _make_thing(shapes: Sequence[tuple[int, _Shape]], file: str) -> AnnotatedThing:
    """The thing of some shapes; one that cannot be used says why."""
    number, first = shapes[0]
    where = f"{file}, shapes[{number}]"
    outlined = [shape for _, shape in shapes if shape.shape_type not in _WITHOUT_AREA]
    phrases = tuple(dict.fromkeys(text for _, shape in shapes if (text := (shape.description or "").strip())))
    if not outlined:
        return AnnotatedThing(first.label, where, no_region="no_area")
    rectangles = [shape for shape in outlined if shape.shape_type in ("rectangle", "mask")]
    if len(rectangles) == len(outlined) == 1:
        return AnnotatedThing(first.label, where, box=_find_corners(outlined[0].points), phrases=phrases)
    rings = tuple(filter(None, (_make_ring(shape) for shape in outlined)))
    if not rings:
        problem = f"its {first.shape_type or 'polygon'} has {len(first.points)} points, too few"
        return AnnotatedThing(first.label, where, unusable=BadRecord(where, problem, "empty_box"))
    return AnnotatedThing(first.label, where, polygons=rings, phrases=phrases)


def _find_corners(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """x, y, width and height of the box around points; zeros if there are none."""
    if not points:
        return 0, 0, 0, 0
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _make_ring(shape: _Shape) -> tuple[float, ...]:
    """The numbers x, y, x, y ... of the outline of a shape; empty if it encloses nothing."""
    points = shape.points
    if shape.shape_type in ("rectangle", "mask") and len(points) == 2:
        x, y, width, height = _find_corners(points)
        points = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    if shape.shape_type == "circle" and len(points) == 2:
        (x, y), (on_x, on_y) = points
        radius = math.hypot(on_x - x, on_y - y)
        points = make_ellipse(x, y, radius, radius)
    return tuple(value for point in points for value in point) if len(points) > 2 else ()
