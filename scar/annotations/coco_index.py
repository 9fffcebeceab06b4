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
from scar.annotations.json_stream import record_as, records
from scar.annotations.record_index import Id, Notes, Spans, among, whole_numbers
from scar.common.images import MAX_PIXELS
from scar.errors import BadRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OTHER = "other"
"""COCO-Stuff's category of all pixels that are no stuff: the things, which have their own annotations."""


class Image(msgspec.Struct, gc=False):
    id: Id
    file_name: str
    width: int
    height: int
    scene: str | None = None


class _Key(msgspec.Struct, gc=False):
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


_IMAGE = msgspec.json.Decoder(Image)
_KEY = msgspec.json.Decoder(_Key)
_CATEGORY = msgspec.json.Decoder(_Category)
_RELATION = msgspec.json.Decoder(_Relation)


@dataclass(frozen=True, slots=True, eq=False)
class LayerIndex:
    """What a file of annotations has.

    Attributes:
        path: of the file.
        images: by id; of a second file, those of the first.
        categories: names by id.
        spans: where the annotations of each image stand.
        ids: (M,) of the annotations.
        owners: (M,) images of the annotations.
        relations: by image id.
        tally: of its annotations, as records, and of the others that cannot be used.
    """

    path: Path
    images: dict[int, Image]
    categories: dict[int, str]
    spans: Spans
    ids: NDArray[np.int64]
    owners: NDArray[np.int64]
    relations: dict[int, list[tuple[int, str, int]]]
    tally: Tally


def index_layer(path: Path, skip_bad: bool, first: LayerIndex | None = None) -> LayerIndex:
    """Go through a file of annotations.

    Args:
        path: of the file.
        skip_bad: count records that cannot be used.
        first: the file before, which has the images and whose annotations' ids are taken; None if this is the first.
    """
    notes, numbers, tally = Notes(path), array("q"), Tally(skip_bad=skip_bad)
    images: dict[int, Image] = {} if first is None else first.images
    categories: dict[int, str] = {}
    relations: list[tuple[str, _Relation]] = []
    for record in records(path, ["images", "annotations", "categories"], ["relations"]):
        try:
            if record.list == "annotations":
                tally.records += 1
                key = record_as(_KEY, record, path)
                notes.add(key.image_id, record, key.id)
                numbers.append(key.category_id)
            elif record.list == "images":
                if first is None:
                    _add_image(record_as(_IMAGE, record, path), images, record.place(path))
            elif record.list == "categories":
                _add_category(record_as(_CATEGORY, record, path), categories, record.place(path))
            else:
                relations.append((record.place(path), record_as(_RELATION, record, path)))
        except BadRecord as bad:
            if record.list == "annotations":
                tally.reject(bad)
            else:
                tally.ignore(bad)
    category = whole_numbers(numbers)
    kept = _usable(notes, category, images, categories, tally, None if first is None else first.ids)
    if first is not None:
        kept = _without_other(kept, category, categories, tally)
    return LayerIndex(
        path=path,
        images=images,
        categories=categories,
        spans=notes.spans(kept),
        ids=notes.orders[kept],
        owners=notes.images[kept],
        relations=_by_image(relations, images, tally),
        tally=tally,
    )


def _usable(
    notes: Notes,
    category: NDArray[np.int64],
    images: Mapping[int, Image],
    categories: Mapping[int, str],
    tally: Tally,
    taken: NDArray[np.int64] | None,
) -> NDArray[np.bool_]:
    """(M,) which annotations belong to a known image and category and have an id of their own."""
    import numpy as np

    ids, file = notes.orders, notes.path.name
    own = np.zeros(len(ids), bool)
    own[np.unique(ids, return_index=True)[1]] = True
    if taken is not None:
        own &= ~np.isin(ids, taken)
    known_image, known_category = among(notes.images, images), among(category, categories)
    kept: NDArray[np.bool_] = own & known_image & known_category
    reach = f", {min(categories)} to {max(categories)} (renumbered here and not there?)" if categories else ""
    for row in np.flatnonzero(~kept).tolist():
        place = f"{file}, annotation {ids[row]}"
        if not own[row]:
            bad = BadRecord(place, f"a second annotation has the id {ids[row]}", "duplicate_id")
        elif not known_image[row]:
            bad = BadRecord(place, f"its image {notes.images[row]} is not among the images", "no_image")
        else:
            problem = f"its category {category[row]} is not among the {len(categories)} categories{reach}"
            bad = BadRecord(place, problem, "no_category")
        tally.reject(bad)
    return kept


def _without_other(
    kept: NDArray[np.bool_], category: NDArray[np.int64], categories: Mapping[int, str], tally: Tally
) -> NDArray[np.bool_]:
    """Those of the annotations of stuff that are some sort of stuff."""
    others = [number for number, name in categories.items() if name == _OTHER]
    if not others:
        return kept
    other = kept & among(category, others)
    tally.rejected["not_stuff"] += int(other.sum())
    return kept & ~other


def _add_image(image: Image, images: dict[int, Image], place: str) -> None:
    if image.id in images:
        raise BadRecord(place, f"a second image has the id {image.id}", "duplicate_image")
    if image.width < 1 or image.height < 1 or image.width * image.height > MAX_PIXELS:
        problem = f"image {image.id} is said to be {image.width}x{image.height}, not 1 to {MAX_PIXELS:,} pixels"
        raise BadRecord(place, problem, "image_size")
    images[image.id] = image


def _add_category(category: _Category, categories: dict[int, str], place: str) -> None:
    name = category.name.strip()
    if not name:
        raise BadRecord(place, f"category {category.id} has an empty name", "empty_category")
    if category.id in categories:
        raise BadRecord(place, f"a second category has the id {category.id}", "duplicate_category")
    categories[category.id] = name


def _by_image(
    relations: Sequence[tuple[str, _Relation]], images: Mapping[int, Image], tally: Tally
) -> dict[int, list[tuple[int, str, int]]]:
    """Relations by image."""
    by_image: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for place, relation in relations:
        predicate = relation.predicate.strip()
        if relation.image_id not in images:
            problem = f"its image {relation.image_id} is not among the images"
            tally.ignore(BadRecord(place, problem, "relation_no_image"))
        elif not predicate:
            tally.ignore(BadRecord(place, "its predicate is empty", "empty_relation"))
        else:
            by_image[relation.image_id].append((relation.subject, predicate, relation.object))
    return dict(by_image)
