"""Read the full ADE20K of 2021 (ADE20K_2021_17_01) as `Picture`s.

Each image has a JSON beside it with its objects, their polygons and parts, and the scene. The ``_seg.png`` beside it,
if there is one, has the class of each pixel: red // 10 * 256 + green. The mask of an object is its polygon without the
pixels of other classes. Parts of other objects are counted as ``part`` and left out.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scar.accounting import Tally
from scar.annotations.box_form import XYWH
from scar.annotations.boxes import read_box
from scar.annotations.masks import parse_mask
from scar.annotations.pictures import PictureIndex, PictureList
from scar.common.images import describe_pixel_limit, max_pixels, refuse_truncated
from scar.common.orientation import UPRIGHT, turn_mask
from scar.errors import BadRecord, InputError
from scar.language.english import has_word
from scar.recipe import Source
from scar.sample import Mask, Picture, Region, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FOLDERS: dict[Split, str] = {"train": "training", "eval": "validation"}

_FILE_NAME = re.compile(r"ADE_(train|val|frame)_(\d{8})")
_FRAME_OFFSET = 10**8
"""Added to the image ids of film frames, which have a numbering of their own."""

_ID_STEP = 10_000
"""A region id is image id * `_ID_STEP` + id of the object in its file."""

_SIDES = {"indoor", "outdoor", "interior", "exterior"}
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
    # A file with a single object has no list around it.
    object: list[Any] | dict[str, Any]
    scene: list[str] | str = []
    filename: str = ""


@dataclass(frozen=True, slots=True)
class FullRef:
    """Reference to an image with a JSON beside it.

    Attributes:
        id: the number in the file name, plus `_FRAME_OFFSET` for a film frame.
        file: path of the image below the folder ``images`` of the release.
        image_folder: that folder.
    """

    id: int
    file: str
    image_folder: Path

    @property
    def identity(self) -> None:
        """None: ADE20K does not say which images other data sets have too."""
        return

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture.

        If its JSON cannot be used and the tally skips bad records, the picture is 1 x 1 pixels large without regions.

        Raises:
            BadRecord: see `scar.annotations.pictures.PictureRef.read_picture`.
        """
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
        class_file = path.with_name(f"{path.stem}_seg.png")
        for number, entry in enumerate(objects):
            tally.records += 1
            try:
                thing = _convert_object(entry, f"{path.name}, object[{number}]")
                where = f"{path.name}, object {thing.id}"
                if thing.id in ids or not 0 <= thing.id < _ID_STEP:
                    raise BadRecord(where, f"a second object has the id {thing.id}", "duplicate_id")
                ids.add(thing.id)
                if thing.parts and thing.parts.part_level > 0:
                    tally.rejected["part"] += 1
                    continue
                name = (thing.name or thing.raw_name).split(",")[0].strip()
                if not has_word(name):
                    raise BadRecord(where, "it has no name", "no_name")
                ring = _join_corners(thing.polygon, where)
                corner = min(ring[0::2]), min(ring[1::2])
                size = max(ring[0::2]) - corner[0], max(ring[1::2]) - corner[1]
                box = read_box((*corner, *size), XYWH, width, height, where, tally)
            except BadRecord as bad:
                tally.reject_regions(bad)
            else:
                make_mask = partial(_make_mask, ring, thing.name_ndx, class_file, width, height, where)
                yield Region(self.id * _ID_STEP + thing.id, box, name, make_mask=make_mask)


def open_index(source: Source, tally: Tally) -> PictureIndex:
    """Index the pictures of one split.

    Raises:
        InputError: the folder of the split is missing or has no JSON.
        BadRecord: two images have the same number in their file names, and ``tally.skip_bad`` is not set.
    """
    images = source.inputs["release"] / "images"
    split = images / "ADE" / _FOLDERS[source.split]
    files_by_number: dict[int, str] = {}
    for folder, folders, files in os.walk(split):
        folders.sort()
        for name in sorted(files):
            match = _FILE_NAME.fullmatch(name.removesuffix(".json")) if name.endswith(".json") else None
            if not match:
                continue
            number = int(match.group(2)) + _FRAME_OFFSET * (match.group(1) == "frame")
            path = Path(folder) / name
            if number in files_by_number:
                problem = f"a second image has the number {number}: {files_by_number[number]}"
                tally.ignore_records(BadRecord(str(path), problem, "duplicate_image"))
            else:
                files_by_number[number] = path.relative_to(images).with_suffix(".jpg").as_posix()
    if not files_by_number:
        raise InputError(f"{split}: has no ADE_*.json; {source.key} needs ADE20K_2021_17_01 unpacked.")
    refs = [FullRef(number, file, images) for number, file in sorted(files_by_number.items())]
    return PictureList(source, tally, refs)


def _read_annotation(path: Path) -> _Annotation:
    """Read the JSON of an image; some files are Latin-1.

    Raises:
        BadRecord: the file is missing (reason ``annotation_missing``), is no JSON or has the wrong shape
            (``malformed``), the size of the image is impossible (``image_size``), or it is another image's JSON
            (``image_mismatch``).
    """
    try:
        encoded = path.read_bytes()
        try:
            text = encoded.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = encoded.decode("latin-1")
        content = json.loads(text)
        annotation = msgspec.convert(content.get("annotation") if isinstance(content, dict) else content, _Annotation)
    except OSError as error:
        raise BadRecord(path.name, f"{path}: {error.strerror}", "annotation_missing") from None
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise BadRecord(path.name, str(error), "malformed") from None
    size = annotation.imsize[:2]
    if len(size) < 2 or min(size) < 1 or size[0] * size[1] > max_pixels():
        raise BadRecord(path.name, f"its size is {annotation.imsize}, not 1 to {describe_pixel_limit()}", "image_size")
    if annotation.filename and Path(annotation.filename).stem != path.stem:
        raise BadRecord(path.name, f"it is of the image {annotation.filename!r}", "image_mismatch")
    return annotation


def _convert_object(entry: Any, where: str) -> _Object:
    try:
        return msgspec.convert(entry, _Object, strict=False)
    except msgspec.ValidationError as error:
        raise BadRecord(where, str(error), "malformed") from None


def _join_corners(polygon: _Polygon, where: str) -> list[float]:
    """The corners of a polygon as x, y, x, y, ...

    Raises:
        BadRecord: the polygon has more x than y or the reverse (reason ``bad_mask``), or has none (``empty_mask``).
    """
    xs, ys = (side if isinstance(side, list) else [side] for side in (polygon.x, polygon.y))
    if len(xs) != len(ys):
        raise BadRecord(where, f"its polygon has {len(xs)} x and {len(ys)} y", "bad_mask")
    if not xs:
        raise BadRecord(where, "its polygon has no corner", "empty_mask")
    return [value for corner in zip(xs, ys, strict=True) for value in corner]


def _find_scene(scene: list[str] | str) -> str | None:
    """The last part of a path such as outdoor/urban/street that names a scene; None if no part does.

    A side keeps the part before it: of cultural/church/indoor, "church/indoor" is left.
    """
    parts = scene if isinstance(scene, list) else scene.split("/")
    named = [part for part in parts if has_word(part) and part not in _NO_SCENE]
    return "/".join(named[-2:] if named and named[-1] in _SIDES else named[-1:]) or None


def _make_mask(
    ring: list[float],
    class_number: int,
    class_file: Path,
    width: int,
    height: int,
    where: str,
    orientation: int = UPRIGHT,
) -> Mask | None:
    """Make a mask of the pixels of a polygon that have the given class; of all its pixels if none has that class.

    Raises:
        BadRecord: the polygon covers no pixel (reason ``empty_mask``) or cannot be drawn (``bad_mask``).
    """
    mask = parse_mask([ring], width, height, where)
    classes = _read_classes(class_file, width, height)
    if mask is not None and classes is not None:
        visible = mask.to_array() & (classes == class_number)
        mask = Mask.from_array(visible) if visible.any() else mask
    return mask and turn_mask(mask, orientation)


@lru_cache(maxsize=1)
def _read_classes(path: Path, width: int, height: int) -> NDArray[np.int32] | None:
    """Read the class of each pixel (H, W); None if there is no picture of classes of that size."""
    import numpy as np
    from PIL import Image

    try:
        with refuse_truncated(), Image.open(path, formats=("PNG",)) as picture:
            if picture.size != (width, height):
                return None
            pixels = np.asarray(picture.convert("RGB"), np.int32)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None
    return pixels[..., 0] // 10 * 256 + pixels[..., 1]  # (H, W)
