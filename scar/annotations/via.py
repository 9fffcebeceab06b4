"""Read annotations or a project of VIA, the VGG Image Annotator, versions 1 and 2.

The category of a region is its attribute `label`, `class`, `category`, `name`, `type` or `object`, or its only one.
Source: https://www.robots.ox.ac.uk/~vgg/software/via/docs/face_track_annotation.html and the files that VIA writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.image_records import (
    AnnotatedThing,
    ImageLookup,
    ImageRecord,
    count_unusable,
    make_ellipse,
    make_index,
)
from scar.annotations.json_stream import ANY_JSON
from scar.annotations.pictures import PictureIndex
from scar.errors import BadRecord, InputError
from scar.recipe import Source

_CATEGORY_KEYS = ("label", "class", "category", "name", "type", "object")

_WITHOUT_AREA = frozenset(("point", "polyline", "line"))


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images of a file.

    Raises:
        InputError: the file cannot be read or is none of VIA, or no image has an annotated thing.
        BadRecord: a record cannot be used, or has no image, and ``tally`` does not skip such records.
    """
    path = source.inputs["instances"]
    try:
        content = ANY_JSON.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON: {error}.") from None
    files = content.get("_via_img_metadata", content) if isinstance(content, dict) else None
    if not isinstance(files, dict):
        raise InputError(f"{path}: is no file of VIA; it has no object of images.")
    return make_index(source, tally, cache, _iter_records(files, ImageLookup(source.images), tally))


def _iter_records(files: Mapping[str, Any], images: ImageLookup, tally: Tally) -> Iterator[ImageRecord]:
    for key, entry in files.items():
        regions = entry.get("regions") if isinstance(entry, dict) else None
        regions = list(regions.values()) if isinstance(regions, dict) else regions  # VIA 1 numbers them
        name = entry.get("filename") if isinstance(entry, dict) else None
        if not isinstance(regions, list) or not isinstance(name, str):
            count_unusable(tally, BadRecord(f"image {key}", "it has no `filename` or no `regions`", "malformed"))
            continue
        things = tuple(_make_thing(each, f"{name}, regions[{number}]") for number, each in enumerate(regions))
        if not things:
            continue
        if file := images.find_or_count([name], f"image {key}", things, tally):
            yield ImageRecord(file, None, things)


def _make_thing(region: Any, where: str) -> AnnotatedThing:
    """The thing of a region; one that cannot be used says why."""
    try:
        category = _read_category(region["region_attributes"], where)
        shape = region["shape_attributes"]
        kind = shape["name"]
        if kind in _WITHOUT_AREA:
            return AnnotatedThing(category, where, no_region="no_area")
        if kind == "rect":
            return AnnotatedThing(category, where, box=_read_numbers(shape, "x", "y", "width", "height"))
        return AnnotatedThing(category, where, polygons=(_make_ring(kind, shape),))
    except BadRecord as bad:
        return AnnotatedThing("", where, unusable=bad)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"it is no region of VIA: {type(error).__name__} {error}"
        return AnnotatedThing("", where, unusable=BadRecord(where, problem, "malformed"))


def _read_numbers(shape: Mapping[str, Any], *keys: str) -> Any:
    return tuple(float(shape[key]) for key in keys)


def _make_ring(kind: str, shape: Mapping[str, Any]) -> tuple[float, ...]:
    """The numbers x, y, x, y ... of a polygon, a circle or an ellipse."""
    if kind == "polygon":
        pairs: Sequence[tuple[float, float]] = list(zip(shape["all_points_x"], shape["all_points_y"], strict=True))
        return tuple(float(value) for pair in pairs for value in pair)
    if kind not in ("circle", "ellipse"):
        raise ValueError(f"its shape is {kind!r}")
    x, y = _read_numbers(shape, "cx", "cy")
    across, down = _read_numbers(shape, *(("r", "r") if kind == "circle" else ("rx", "ry")))
    corners = make_ellipse(x, y, across, down, float(shape.get("theta", 0)))
    return tuple(value for corner in corners for value in corner)


def _read_category(attributes: Mapping[str, Any], where: str) -> str:
    """The category of a region.

    Raises:
        BadRecord: it has none, or several attributes of which none is known to be the category.
    """
    keys = [key for key in _CATEGORY_KEYS for own in attributes if own.casefold() == key]
    known = {key.casefold(): value for key, value in attributes.items()}
    if not keys and len(attributes) == 1:
        keys = list(known)
    for key in keys:
        value = known[key]
        if isinstance(value, dict):  # of checkboxes
            value = next((name for name, is_set in value.items() if is_set), "")
        if isinstance(value, str) and value.strip():
            return value.strip()
    names = ", ".join(map(repr, attributes)) or "none"
    problem = f"its attributes are {names}: the category is one called {' or '.join(_CATEGORY_KEYS)}, or the only one"
    raise BadRecord(where, problem, "no_category")
