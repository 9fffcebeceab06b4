"""Read a folder of YOLO's label files: ``class x y width height`` or ``class x y x y x y ...`` a line, as shares.

Label files lie as the images do, with the ending .txt. The names of the classes stand in data.yaml, classes.txt or
obj.names beside them or above. Source: https://docs.ultralytics.com/datasets/detect/ and /segment/.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scar.accounting import Tally
from scar.annotations.box_form import BOX_FORMS, BoxForm
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
from scar.errors import BadRecord, InputError
from scar.recipe import Source

_NAME_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names", "notes.json")
"""Files with the names of the classes, the first that exists counts."""

_LEVELS = 3
"""Folders, from that of the labels up, in which they are looked for."""

_FAR_OUTSIDE = 1.5
"""A share above it is no rounding error: the numbers are pixels."""

_BOX, _BOX_WITH_SCORE, _TRIANGLE = 4, 5, 6
"""Numbers behind the class: of a box, of a box with a score, and of the smallest polygon."""


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images that have a label file.

    Raises:
        InputError: the folder has no label files or no names of classes.
        BadRecord: a label file has no image, and ``tally`` does not skip such records.
    """
    folder = source.inputs["instances"]
    names, form = read_class_names(folder), BOX_FORMS[source.boxes or "center-shares"]
    records = _iter_records(folder, names, form, ImageLookup(source.images), tally)
    return make_index(source, tally, cache, records, are_centers=source.boxes is None)


def _iter_records(
    folder: Path, names: Mapping[int, str], form: BoxForm, images: ImageLookup, tally: Tally
) -> Iterator[ImageRecord]:
    for path in iter_files(folder, ".txt", "YOLO's label files"):
        if path.name in _NAME_FILES or is_readme_or_licence(path):
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            count_unusable(tally, BadRecord(str(path), f"it cannot be read: {error}", "malformed"))
            continue
        things = tuple(
            _parse_line(line.split(), names, form, f"{path.name}, line {number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        )
        if not things:
            continue
        if file := images.find_or_count([stem, path.stem], path.name, things, tally):
            yield ImageRecord(file, None, things, is_normalised=form.unit != "pixels")


def _parse_line(words: list[str], names: Mapping[int, str], form: BoxForm, where: str) -> AnnotatedThing:
    """The thing of a line; one that cannot be used says why."""
    try:
        number, values = float(words[0]), tuple(map(float, words[1:]))
    except ValueError:
        problem = f"{' '.join(words)!r:.60} is not a class and numbers"
        return AnnotatedThing("", where, unusable=BadRecord(where, problem, "malformed"))
    if number not in names:
        problem = f"its class {words[0]} is none of the {len(names)} names of the classes"
        return AnnotatedThing("", where, unusable=BadRecord(where, problem, "no_category"))
    category = names[int(number)]
    are_shares = form.unit == "shares"
    if not all(map(math.isfinite, values)) or (are_shares and any(abs(value) > _FAR_OUTSIDE for value in values)):
        problem = f"{' '.join(words)!r:.60} has numbers that are no shares of the image, 0 to 1"
        return AnnotatedThing(category, where, unusable=BadRecord(where, problem, "malformed"))
    if len(values) in (_BOX, _BOX_WITH_SCORE):
        x, y, width, height = values[:_BOX]
        return AnnotatedThing(category, where, box=form.to_xywh((x, y, width, height), 1, 1))
    if len(values) >= _TRIANGLE and len(values) % 2 == 0:
        return AnnotatedThing(category, where, polygons=(tuple(value / (form.full_side or 1) for value in values),))
    problem = f"it has {len(values)} numbers behind its class, not four of a box or pairs of a polygon"
    return AnnotatedThing(category, where, unusable=BadRecord(where, problem, "malformed"))


def read_class_names(folder: Path) -> dict[int, str]:
    """The names of the classes by number, from the first of the usual files in the folder or above it.

    Raises:
        InputError: there is no such file, or it cannot be used.
    """
    for parent in (folder, *folder.absolute().parents)[: _LEVELS + 1]:
        for name in _NAME_FILES:
            if (path := parent / name).is_file() and (names := _read_names(path)):
                return names
    raise InputError(f"{folder}: the names of the classes are missing; put data.yaml or classes.txt there or above.")


def _read_names(path: Path) -> dict[int, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix in (".txt", ".names"):
            return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
        content = _parse_yaml(text)
        if "names" in content:
            names = content["names"]
            pairs = names.items() if isinstance(names, dict) else enumerate(names)
            return {int(number): _check_text(name) for number, name in pairs}
        return {int(each["id"]): _check_text(each["name"]) for each in content.get("categories", ())}  # Label Studio's
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{path}: no names of classes can be read ({problem}); write names: [dog, cat].") from None


def _check_text(name: Any) -> str:
    if not isinstance(name, str | int | float):
        raise TypeError(f"{name!r} is no name")
    return str(name)


def _parse_yaml(text: str) -> dict[str, Any]:
    """The keys of a YAML file, of which JSON is a part.

    Raises:
        ValueError: it is no YAML, or no table of keys.
    """
    from yaml import YAMLError, safe_load  # type: ignore[import-untyped]

    try:
        content = safe_load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError("it has no keys")
    return content
