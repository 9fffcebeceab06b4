"""Read a folder of DOTA's label files: ``x1 y1 x2 y2 x3 y3 x4 y4 category difficult`` a line, in pixels.

A thing's mask is its rotated box, and its box lies around that. Lines such as ``gsd:0.1`` tell of the image.
Source: https://captain-whu.github.io/DOTA/dataset.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.file_kind import is_readme_or_licence
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

_ABOUT_IMAGE = re.compile(r"(?:imagesource|gsd|acquisition dates)\s*:", re.IGNORECASE)
"""Begins a line about the image."""

_CORNERS = 8
"""Numbers of the four corners."""


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images that have a label file.

    Raises:
        InputError: the folder has no label files.
        BadRecord: a label file has no image, and ``tally`` does not skip such records.
    """
    records = _iter_records(source.inputs["instances"], ImageLookup(source.images), tally)
    return make_index(source, tally, cache, records)


def _iter_records(folder: Path, images: ImageLookup, tally: Tally) -> Iterator[ImageRecord]:
    for path in iter_files(folder, ".txt", "DOTA's label files"):
        if is_readme_or_licence(path):
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            count_unusable(tally, BadRecord(str(path), f"it cannot be read: {error}", "malformed"))
            continue
        things = tuple(
            _parse_line(line.split(), f"{path.name}, line {number}")
            for number, line in enumerate(lines, start=1)
            if line.strip() and not _ABOUT_IMAGE.match(line)
        )
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if things and (file := images.find_or_count([stem, path.stem], path.name, things, tally)):
            yield ImageRecord(file, None, things)


def _parse_line(words: list[str], where: str) -> AnnotatedThing:
    """The thing of a line; one that cannot be used says why."""
    try:
        values = tuple(map(float, words[:_CORNERS]))
    except ValueError:
        values = ()
    if len(values) < _CORNERS or not all(map(math.isfinite, values)) or len(words) == _CORNERS:
        problem = f"{' '.join(words)!r:.80} is not the x and y of four corners and a category"
        return AnnotatedThing("", where, unusable=BadRecord(where, problem, "malformed"))
    return AnnotatedThing(words[_CORNERS], where, polygons=(values,))
