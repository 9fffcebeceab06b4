"""The full ADE20K of 2021 (ADE20K_2021_17_01) -> `Picture`s.

Each image has a JSON beside it: objects with polygons, their parts, and the scene that its folders are named after. Its
``_seg.png``, if it is there, has the class of each pixel, red // 10 * 256 + green: a mask is the part of the polygon
that is seen as the object's class. Parts of other objects are counted as ``part`` and left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scar.accounting import Tally
from scar.annotations.boxes import clip_box
from scar.annotations.masks import parse_mask
from scar.annotations.pictures import PictureIndex, PictureKey
from scar.common.images import MAX_PIXELS
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Mask, Picture, Region, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FOLDERS: dict[Split, str] = {"train": "training", "eval": "validation"}

_FILE_NAME = re.compile(r"ADE_(train|val|frame)_(\d{8})")
_FRAME_OFFSET = 10**8
"""Added to the numbers of frames of films, which count for themselves."""

_ID_STEP = 10_000
"""A region's id is its image's times this, and the object's in its file."""

_NO_SCENE = {"misc", "unclassified", "outliers", "~not labeled"}


class _Polygon(msgspec.Struct):
    x: list[float] | float
    y: list[float] | float


class _Parts(msgspec.Struct):
    part_level: int = 0


class _Object(msgspec.Struct):
    id: int
    name: str
    polygon: _Polygon
    name_ndx: int = 0
    raw_name: str = ""
    parts: _Parts | None = None


class _Annotation(msgspec.Struct):
    imsize: list[int]
    # A file with one object has it without a list.
    object: list[Any] | dict[str, Any]
    scene: list[str] | str = []


class _ImageFile(msgspec.Struct):
    annotation: _Annotation


@dataclass(frozen=True, slots=True)
class FullRef:
    """One image with its JSON.

    Attributes:
        id: the number in the file name.
        file: below the folder ``image_folder``.
        image_folder: the folder ``image_folder``.
    """

    id: int
    file: str
    image_folder: Path

    @property
    def identity(self) -> None:
        """Only its pixels tell."""
        return

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture; one whose JSON cannot be used has no regions."""
        path = (self.image_folder / self.file).with_suffix(".json")
        width = height = 1
        regions: tuple[Region, ...] = ()
        scene = None
        try:
            annotation = _read_annotation(path)
            height, width = annotation.imsize[:2]
            scene = _find_scene(annotation.scene)
            regions = tuple(self._iter_regions(annotation, width, height, path, tally))
        except BadRecord as bad:
            tally.ignore_records(bad)
        return Picture(id=self.id, file=self.file, width=width, height=height, regions=regions, scene=scene)

    def _iter_regions(
        self, annotation: _Annotation, width: int, height: int, path: Path, tally: Tally
    ) -> Iterator[Region]:
        objects = annotation.object if isinstance(annotation.object, list) else [annotation.object]
        ids = set()
        seen = path.with_name(f"{path.stem}_seg.png")
        for number, entry in enumerate(objects):
            tally.records += 1
            try:
                found = _convert_object(entry, f"{path.name}, object[{number}]")
                place = f"{path.name}, object {found.id}"
                if found.id in ids or not 0 <= found.id < _ID_STEP:
                    raise BadRecord(place, f"a second object has the id {found.id}", "duplicate_id")
                ids.add(found.id)
                if found.parts and found.parts.part_level > 0:
                    tally.rejected["part"] += 1
                    continue
                name = (found.name or found.raw_name).split(",")[0].strip()
                if not name:
                    raise BadRecord(place, "it has no name", "no_name")
                ring = _join_corners(found.polygon, place)
                corner = min(ring[0::2]), min(ring[1::2])
                size = max(ring[0::2]) - corner[0], max(ring[1::2]) - corner[1]
                box = clip_box((*corner, *size), width, height, place)
            except BadRecord as bad:
                tally.reject_regions(bad)
            else:
                trace = partial(_make_mask, ring, found.name_ndx, seen, width, height, place)
                yield Region(self.id * _ID_STEP + found.id, box, name, make_mask=trace)


@dataclass(frozen=True, slots=True)
class FullIndex(PictureIndex):
    """The images of one split.

    Attributes:
        numbered_files: with files below ``image_folder``, in ascending order.
        image_folder: the folder ``image_folder``.
    """

    numbered_files: Sequence[tuple[int, str]]
    image_folder: Path

    def __len__(self) -> int:
        return len(self.numbered_files)

    def __getitem__(self, index: int) -> FullRef:
        number, file = self.numbered_files[index]
        return FullRef(number, file, self.image_folder)

    def iter_keys(self) -> Iterator[PictureKey]:
        return (PictureKey(number, file, None) for number, file in self.numbered_files)


def open_index(source: Source, tally: Tally) -> FullIndex:
    """Index of one split.

    Raises:
        InputError: the folder of the split is missing or has no JSON.
        BadRecord: two images have one number and ``tally`` does not skip such records.
    """
    images = source.inputs["release"] / "images"
    split = images / "ADE" / _FOLDERS[source.split]
    numbers: dict[int, str] = {}
    for folder, folders, files in os.walk(split):
        folders.sort()
        for name in sorted(files):
            match = _FILE_NAME.fullmatch(name.removesuffix(".json")) if name.endswith(".json") else None
            if not match:
                continue
            number = int(match.group(2)) + _FRAME_OFFSET * (match.group(1) == "frame")
            path = Path(folder) / name
            if number in numbers:
                problem = f"a second image has the number {number}: {numbers[number]}"
                tally.ignore_records(BadRecord(str(path), problem, "duplicate_image"))
            else:
                numbers[number] = path.relative_to(images).with_suffix(".jpg").as_posix()
    if not numbers:
        raise InputError(f"{split}: has no ADE_*.json; {source.key} needs ADE20K_2021_17_01 unpacked.")
    return FullIndex(sorted(numbers.items()), images)


def _read_annotation(path: Path) -> _Annotation:
    """One image's JSON; some are Latin-1.

    Raises:
        BadRecord: it is missing, no JSON or of another shape (``malformed``).
    """
    try:
        content = path.read_bytes()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        annotation = msgspec.convert(json.loads(text), _ImageFile).annotation
    except OSError as error:
        raise BadRecord(path.name, f"{path}: {error.strerror}", "annotation_missing") from None
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise BadRecord(path.name, str(error), "malformed") from None
    size = annotation.imsize[:2]
    if len(size) < 2 or min(size) < 1 or size[0] * size[1] > MAX_PIXELS:
        raise BadRecord(path.name, f"its size is said to be {annotation.imsize}", "image_size")
    return annotation


def _convert_object(entry: Any, where: str) -> _Object:
    try:
        return msgspec.convert(entry, _Object, strict=False)
    except msgspec.ValidationError as error:
        raise BadRecord(where, str(error), "malformed") from None


def _join_corners(polygon: _Polygon, where: str) -> list[float]:
    """The polygon's corners, x and y in turn.

    Raises:
        BadRecord: there are not as many x as y (``bad_mask``), or none (``empty_mask``).
    """
    across, down = (side if isinstance(side, list) else [side] for side in (polygon.x, polygon.y))
    if len(across) != len(down):
        raise BadRecord(where, f"its polygon has {len(across)} x and {len(down)} y", "bad_mask")
    if not across:
        raise BadRecord(where, "its polygon has no corner", "empty_mask")
    return [value for corner in zip(across, down, strict=True) for value in corner]


def _find_scene(scene: list[str] | str) -> str | None:
    """The last part of the path that has a place's name: outdoor, urban, street."""
    parts = scene if isinstance(scene, list) else scene.split("/")
    return next((part for part in reversed(parts) if part and part not in _NO_SCENE), None)


def _make_mask(
    ring: list[float], class_number: int, class_file: Path, width: int, height: int, where: str
) -> Mask | None:
    """The part of a polygon that is seen as a class; all of it if the two do not agree at all.

    Raises:
        BadRecord: the polygon covers no pixel (``empty_mask``) or is none (``bad_mask``).
    """
    mask = parse_mask([ring], width, height, where)
    classes = _read_classes(class_file, width, height)
    if mask is None or classes is None:
        return mask
    both = mask.to_array() & (classes == class_number)
    return Mask.from_array(both) if both.any() else mask


@lru_cache(maxsize=1)
def _read_classes(path: Path, width: int, height: int) -> NDArray[np.int32] | None:
    """(H, W) class of each pixel, None without a picture of that size."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.size != (width, height):
                return None
            pixels = np.asarray(picture.convert("RGB"), np.int32)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None
    return pixels[..., 0] // 10 * 256 + pixels[..., 1]  # (H, W)
