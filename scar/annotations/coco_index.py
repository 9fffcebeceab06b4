"""One COCO-style file of annotations, gone through once: its images and categories, and where annotations stand."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scar.accounting import Tally
from scar.annotations.json_stream import decode_record, iter_records
from scar.annotations.record_index import Id, RecordIndex, RecordIndexBuilder, is_among, view_int64
from scar.common.images import MAX_PIXELS
from scar.errors import BadRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OTHER_STUFF = "other"
"""COCO-Stuff's category of all pixels that are no stuff: the things, which have their own annotations."""


class CocoImage(msgspec.Struct, gc=False):
    id: Id
    file_name: str
    width: int
    height: int
    scene: str | None = None


class _AnnotationKey(msgspec.Struct, gc=False):
    """What the index needs of an annotation."""

    id: Id
    image_id: Id
    category_id: Id


class _Category(msgspec.Struct):
    id: Id
    name: str


class _Relation(msgspec.Struct, gc=False):
    image_id: Id
    subject: Id
    predicate: str
    object: Id


_IMAGE = msgspec.json.Decoder(CocoImage)
_KEY = msgspec.json.Decoder(_AnnotationKey)
_CATEGORY = msgspec.json.Decoder(_Category)
_RELATION = msgspec.json.Decoder(_Relation)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotationIndex:
    """What a file of annotations has.

    Attributes:
        path: of the file.
        images: by id; of a second file, those of the first.
        categories: names by id.
        spans: where the annotations of each image stand.
        annotation_ids: (M,) of the annotations.
        image_ids: (M,) images of the annotations.
        relations: by image id.
        tally: of its annotations, as records, and of the others that cannot be used.
    """

    path: Path
    images: dict[int, CocoImage]
    categories: dict[int, str]
    spans: RecordIndex
    annotation_ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    relations: dict[int, list[tuple[int, str, int]]]
    tally: Tally


def index_annotations(path: Path, skip_bad: bool, earlier: AnnotationIndex | None = None) -> AnnotationIndex:
    """Go through a file of annotations.

    Args:
        path: of the file.
        skip_bad: count records that cannot be used.
        earlier: the file before, which has the images and whose annotations' ids are taken; None if this is the first.
    """
    notes, numbers, tally = RecordIndexBuilder(path), array("q"), Tally(skip_bad=skip_bad)
    images: dict[int, CocoImage] = {} if earlier is None else earlier.images
    categories: dict[int, str] = {}
    relations: list[tuple[str, _Relation]] = []
    for record in iter_records(path, ["images", "annotations", "categories"], ["relations"]):
        try:
            if record.list == "annotations":
                tally.records += 1
                key = decode_record(_KEY, record, path)
                notes.add_record(key.image_id, record, key.id)
                numbers.append(key.category_id)
            elif record.list == "images":
                if earlier is None:
                    _add_image(decode_record(_IMAGE, record, path), images, record.describe_location(path))
            elif record.list == "categories":
                _add_category(decode_record(_CATEGORY, record, path), categories, record.describe_location(path))
            else:
                relations.append((record.describe_location(path), decode_record(_RELATION, record, path)))
        except BadRecord as bad:
            if record.list == "annotations":
                tally.reject_regions(bad)
            else:
                tally.ignore_records(bad)
    category = view_int64(numbers)
    kept = _find_usable(notes, category, images, categories, tally, None if earlier is None else earlier.annotation_ids)
    if earlier is not None:
        kept = _drop_other_stuff(kept, category, categories, tally)
    return AnnotationIndex(
        path=path,
        images=images,
        categories=categories,
        spans=notes.build_index(kept),
        annotation_ids=notes.orders[kept],
        image_ids=notes.image_ids[kept],
        relations=_group_by_image(relations, images, tally),
        tally=tally,
    )


def _find_usable(
    builder: RecordIndexBuilder,
    category: NDArray[np.int64],
    images: Mapping[int, CocoImage],
    categories: Mapping[int, str],
    tally: Tally,
    taken_ids: NDArray[np.int64] | None,
) -> NDArray[np.bool_]:
    """(M,) which annotations belong to a known image and category and have an id of their own."""
    import numpy as np

    ids, file = builder.orders, builder.path.name
    own = np.zeros(len(ids), bool)
    own[np.unique(ids, return_index=True)[1]] = True
    if taken_ids is not None:
        own &= ~np.isin(ids, taken_ids)
    known_image, known_category = is_among(builder.image_ids, images), is_among(category, categories)
    kept: NDArray[np.bool_] = own & known_image & known_category
    reach = f", {min(categories)} to {max(categories)} (renumbered here and not there?)" if categories else ""
    for row in np.flatnonzero(~kept).tolist():
        place = f"{file}, annotation {ids[row]}"
        if not own[row]:
            bad = BadRecord(place, f"a second annotation has the id {ids[row]}", "duplicate_id")
        elif not known_image[row]:
            bad = BadRecord(place, f"its image {builder.image_ids[row]} is not among the images", "no_image")
        else:
            problem = f"its category {category[row]} is not among the {len(categories)} categories{reach}"
            bad = BadRecord(place, problem, "no_category")
        tally.reject_regions(bad)
    return kept


def _drop_other_stuff(
    usable: NDArray[np.bool_], category: NDArray[np.int64], categories: Mapping[int, str], tally: Tally
) -> NDArray[np.bool_]:
    """Those of the annotations of stuff that are some sort of stuff."""
    others = [number for number, name in categories.items() if name == _OTHER_STUFF]
    if not others:
        return usable
    other = usable & is_among(category, others)
    tally.rejected["not_stuff"] += int(other.sum())
    return usable & ~other


def _add_image(image: CocoImage, images: dict[int, CocoImage], where: str) -> None:
    if image.id in images:
        raise BadRecord(where, f"a second image has the id {image.id}", "duplicate_image")
    if image.width < 1 or image.height < 1 or image.width * image.height > MAX_PIXELS:
        problem = f"image {image.id} is said to be {image.width}x{image.height}, not 1 to {MAX_PIXELS:,} pixels"
        raise BadRecord(where, problem, "image_size")
    images[image.id] = image


def _add_category(category: _Category, categories: dict[int, str], where: str) -> None:
    name = category.name.strip()
    if not name:
        raise BadRecord(where, f"category {category.id} has an empty name", "empty_category")
    if category.id in categories:
        raise BadRecord(where, f"a second category has the id {category.id}", "duplicate_category")
    categories[category.id] = name


def _group_by_image(
    relations: Sequence[tuple[str, _Relation]], images: Mapping[int, CocoImage], tally: Tally
) -> dict[int, list[tuple[int, str, int]]]:
    """Relations by image."""
    by_image: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for place, relation in relations:
        predicate = relation.predicate.strip()
        if relation.image_id not in images:
            problem = f"its image {relation.image_id} is not among the images"
            tally.ignore_records(BadRecord(place, problem, "relation_no_image"))
        elif not predicate:
            tally.ignore_records(BadRecord(place, "its predicate is empty", "empty_relation"))
        else:
            by_image[relation.image_id].append((relation.subject, predicate, relation.object))
    return dict(by_image)
