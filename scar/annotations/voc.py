"""Read a folder of Pascal VOC's XML files, as LabelImg, CVAT and Roboflow write them.

VOC itself counts pixels from 1, and its boxes include their last pixel; other tools write the corners of boxes as they
are. So corners are taken as they stand, except in a file whose <source> names PASCAL VOC and that has no corner at 0:
there a box is counted as ``box_from_1``, and begins a pixel further left and up.
Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.image_records import (
    AnnotatedThing,
    ImageLookup,
    ImageRecord,
    count_unusable,
    iter_files,
    make_index,
)
from scar.annotations.pictures import PictureIndex
from scar.errors import BadRecord
from scar.recipe import Source

_CORNERS = ("xmin", "ymin", "xmax", "ymax")

_PASCAL = re.compile(r"PASCAL VOC|The VOC20\d\d Database")
"""What VOC's own files call their source."""


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images that have an XML file.

    Raises:
        InputError: the folder has no XML files.
        BadRecord: a file cannot be used, or has no image, and ``tally`` does not skip such records.
    """
    folder = source.inputs["instances"]
    records = _iter_records(folder, ImageLookup(source.images), tally)
    return make_index(source, tally, cache, records)


def _iter_records(folder: Path, images: ImageLookup, tally: Tally) -> Iterator[ImageRecord]:
    for path in iter_files(folder, ".xml", "VOC's XML files"):
        try:
            root = _parse_xml(path)
            size = _read_size(root)
            first = _find_first_pixel(root)
            things = tuple(
                _make_thing(each, first, f"{path.name}, object {number}")
                for number, each in enumerate(root.iterfind("object"), start=1)
            )
        except BadRecord as bad:
            count_unusable(tally, bad)
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if not things:
            continue
        if first:
            tally.repaired["box_from_1"] += len(things)
        if file := images.find_or_count(
            [root.findtext("filename", "").strip(), stem, path.stem], path.name, things, tally
        ):
            yield ImageRecord(file, size, things)


def _parse_xml(path: Path) -> ET.Element:
    """The root of an XML file; one that defines entities, which may fill the memory, is refused."""
    try:
        content = path.read_bytes()
        if b"<!ENTITY" in content:
            raise BadRecord(path.name, "it defines XML entities", "malformed")
        root = ET.fromstring(content)  # noqa: S314 - it has no entities
    except (OSError, ET.ParseError, ValueError, LookupError) as error:
        raise BadRecord(path.name, f"no XML that can be read: {error}", "malformed") from None
    if root.tag != "annotation":
        raise BadRecord(path.name, f"its root is <{root.tag}>, not VOC's <annotation>", "malformed")
    return root


def _read_size(root: ET.Element) -> tuple[int, int] | None:
    """Width and height that the file gives; None if it gives none, or zeros as converters do."""
    try:
        width, height = (int(float(root.findtext(f"size/{side}", "0"))) for side in ("width", "height"))
    except (ValueError, OverflowError):
        return None
    return (width, height) if min(width, height) > 0 else None


def _find_first_pixel(root: ET.Element) -> int:
    """The number of the first pixel of a row: 1 in PASCAL VOC itself, unless a corner is at 0; 0 in other files."""
    names = (root.findtext(f"source/{key}", "") for key in ("database", "annotation"))
    corners = (root.iterfind(f"object/bndbox/{corner}") for corner in _CORNERS[:2])
    is_from_0 = any((each.text or "").strip() in ("0", "0.0") for several in corners for each in several)
    return int(not is_from_0 and any(_PASCAL.search(name) for name in names))


def _make_thing(element: ET.Element, first: int, where: str) -> AnnotatedThing:
    """The thing of an <object>; one that cannot be used says why."""
    name = element.findtext("name", "").strip()
    if not name:
        return AnnotatedThing("", where, unusable=BadRecord(where, "it has no name", "no_category"))
    try:
        x0, y0, x1, y1 = (float(element.findtext(f"bndbox/{corner}", "")) for corner in _CORNERS)
        polygon = _read_polygon(element)
    except ValueError:
        problem = "its bndbox has not the numbers xmin, ymin, xmax, ymax"
        return AnnotatedThing(name, where, unusable=BadRecord(where, problem, "malformed"))
    return AnnotatedThing(
        name,
        where,
        box=(x0 - first, y0 - first, x1 - x0 + first, y1 - y0 + first),
        polygons=(polygon,) if polygon else (),
    )


def _read_polygon(element: ET.Element) -> tuple[float, ...]:
    """The numbers x1, y1, x2, y2 ... of Roboflow's <polygon>; empty if there is none."""
    polygon = element.find("polygon")
    if polygon is None:
        return ()
    count = sum(child.tag.startswith("x") for child in polygon)
    return tuple(float(polygon.findtext(f"{axis}{n}", "")) for n in range(1, count + 1) for axis in "xy")
