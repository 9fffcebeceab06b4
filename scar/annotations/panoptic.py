"""Read COCO's panoptic form: a JSON with segments, and a folder of PNGs whose pixels have the segments' ids.

The PNGs are in the folder ``masks``, or in the one with the JSON's name beside it. A pixel of the segment id has
id = red + 256 * green + 65536 * blue. Source: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.coco_records import CATEGORY
from scar.annotations.image_records import AnnotatedThing, ImageRecord, make_index
from scar.annotations.json_stream import decode_record, iter_records
from scar.annotations.pictures import PictureIndex
from scar.common.images import BROKEN, open_image
from scar.common.orientation import UPRIGHT, turn_mask
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Mask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Image(msgspec.Struct):
    id: int | str
    file_name: str
    width: int
    height: int


class _Segment(msgspec.Struct):
    id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int | bool = 0


class _Annotation(msgspec.Struct):
    image_id: int | str
    file_name: str
    segments_info: list[_Segment]


_IMAGE, _ANNOTATION = msgspec.json.Decoder(_Image), msgspec.json.Decoder(_Annotation)


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the images that have segments.

    Raises:
        InputError: the JSON cannot be read or has another shape, or the folder of the PNGs is missing.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    path = source.inputs["instances"]
    folder = source.inputs.get("masks", path.with_suffix(""))
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the PNGs of {path.name} belong there, or give --file masks=DIR.")
    return make_index(source, tally, cache, _iter_records(path, folder, tally))


def _iter_records(path: Path, folder: Path, tally: Tally) -> Iterator[ImageRecord]:
    """Yield the images of a panoptic JSON, whose lists may stand in any order."""
    images: dict[int | str, _Image] = {}
    categories: dict[int, str] = {}
    annotations: list[tuple[str, _Annotation]] = []
    for record in iter_records(path, ["images", "annotations", "categories"]):
        try:
            if record.list == "images":
                image = decode_record(_IMAGE, record, path)
                images[image.id] = image
            elif record.list == "categories":
                category = decode_record(CATEGORY, record, path)
                categories[category.id] = category.name
            else:
                annotations.append((record.describe_location(path), decode_record(_ANNOTATION, record, path)))
        except BadRecord as bad:
            tally.ignore_records(bad)
    for where, annotation in annotations:
        found = images.get(annotation.image_id)
        things = tuple(
            _make_thing(segment, categories, folder / annotation.file_name, f"{where}, segment {segment.id}")
            for segment in annotation.segments_info
        )
        if found is not None:
            yield ImageRecord(found.file_name, (found.width, found.height), things)
            continue
        problem = f"its image {annotation.image_id} is not among the images"
        tally.reject_regions(BadRecord(where, problem, "no_image"), len(things))
        tally.records += len(things)


def _make_thing(segment: _Segment, categories: dict[int, str], png: Path, where: str) -> AnnotatedThing:
    if segment.category_id not in categories:
        problem = f"its category {segment.category_id} is not among the {len(categories)} categories"
        return AnnotatedThing("", where, unusable=BadRecord(where, problem, "no_category"))
    read_mask = partial(_read_mask, png, segment.id)
    name = categories[segment.category_id]
    return AnnotatedThing(name, where, box=segment.bbox, read_mask=read_mask, crowd=bool(segment.iscrowd))


def _read_mask(png: Path, number: int, width: int, height: int, where: str, orientation: int = UPRIGHT) -> Mask:
    """The mask of a segment.

    Raises:
        BadRecord: the PNG is missing or damaged (``bad_mask``), has another size than the image (``mask_size``), or
            no pixel has the id (``empty_mask``).
    """
    try:
        ids = _read_ids(png)
    except BROKEN as error:
        raise BadRecord(where, f"{png} does not decode: {error}", "bad_mask") from None
    if ids.shape != (height, width):
        raise BadRecord(where, f"{png} is {ids.shape[1]}x{ids.shape[0]}, not {width}x{height}", "mask_size")
    pixels = ids == number
    if not pixels.any():
        raise BadRecord(where, f"no pixel of {png.name} has its id", "empty_mask")
    return turn_mask(Mask.from_array(pixels), orientation)


@lru_cache(maxsize=2)
def _read_ids(png: Path) -> NDArray[np.int64]:
    """(H, W) the segment id of each pixel; the segments of one image are asked for one after the other."""
    import numpy as np

    with open_image(png) as picture:
        pixels = np.asarray(picture.convert("RGB"), np.int64)
    ids: NDArray[np.int64] = pixels @ np.array([1, 256, 65536])
    return ids
