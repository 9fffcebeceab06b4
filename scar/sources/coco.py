"""COCO-style annotation files -> `Picture`s: COCO, COCO-Stuff, and anybody's own.

The files of one image set: an instances JSON (``images``, ``annotations``, ``categories``) and, if there are, a second
one with the stuff of the same images, and a captions JSON. Two extras of our own are read where they exist: the key
``scene`` of an image (the label of the place) and the list ``relations`` of ``{image_id, subject, predicate, object}``,
whose ends are annotation ids.

Each file's categories count for itself: the same number may mean something else in the next one.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import msgspec

from scar.errors import BadRecord
from scar.identity import coco_identity
from scar.images import MAX_PIXELS
from scar.sources.captions import caption_spans
from scar.sources.coco_draft import CocoDraft, Layer
from scar.sources.jsonfile import record_as, records
from scar.sources.spans import Id, Notes, Spans
from scar.tally import Tally

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scar.recipe import Source

T = TypeVar("T")

_OTHER = "other"
"""COCO-Stuff's category of all pixels that are no stuff: the things, which have their own annotations."""


class _Image(msgspec.Struct, gc=False):
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


_IMAGE = msgspec.json.Decoder(_Image)
_KEY = msgspec.json.Decoder(_Key)
_CATEGORY = msgspec.json.Decoder(_Category)
_RELATION = msgspec.json.Decoder(_Relation)


@dataclass(frozen=True, slots=True)
class CocoAlbum:
    """The images that have annotations.

    Attributes:
        images: by ascending id.
        layers: files of annotations, and where those of each image stand.
        captions: where the captions of each image stand.
        relations: by image id.
        phrases: by annotation id; see `CocoDraft`.
    """

    images: Sequence[_Image]
    layers: Sequence[tuple[Layer, Spans]]
    captions: Spans | None
    relations: Mapping[int, Sequence[tuple[int, str, int]]]
    phrases: Mapping[int, Mapping[int, tuple[str, ...]]] | None

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[CocoDraft]:
        for image in self.images:
            file = PurePosixPath(image.file_name).as_posix()
            yield CocoDraft(
                id=image.id,
                file=file,
                identity=coco_identity(file),
                width=image.width,
                height=image.height,
                scene=image.scene or None,
                annotations=tuple((layer, spans.of(image.id)) for layer, spans in self.layers),
                captions=(self.captions.path, self.captions.of(image.id)) if self.captions else None,
                relations=tuple(self.relations.get(image.id, ())),
                phrases=None if self.phrases is None else self.phrases[image.id],
            )


def album(source: Source, tally: Tally) -> CocoAlbum:
    """Index of a COCO-style source; with the file ``stuff``, of COCO-Stuff."""
    inputs = source.inputs
    return index(inputs["instances"], inputs.get("stuff"), inputs.get("captions"), tally)


def index(
    instances: Path,
    stuff: Path | None,
    captions: Path | None,
    tally: Tally,
    referred: Mapping[int, tuple[str, ...]] | None = None,
) -> CocoAlbum:
    """Look at the files of one image set once.

    Args:
        instances: the instances JSON.
        stuff: a second file of annotations of the same images.
        captions: the captions JSON, if there is one.
        tally: counts the annotations, and the records that cannot be used where that was asked for.
        referred: phrases by annotation id, if only these annotations are records, which are counted already: then
            only their images are kept, and the other annotations are context.

    Raises:
        InputError: a file cannot be read, is no JSON or has another shape, or the captions belong to other images.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    images: dict[int, _Image] = {}
    things = _layer(instances, images, tally, referred)
    layers = [things] if stuff is None else [things, _layer(stuff, images, tally, None, taken=things.ids)]
    wanted = {int(image) for layer in layers for image in layer.spans.images}
    if referred is not None:
        found = {number for phrases in things.phrases.values() for number in phrases}
        for missing in sorted(referred.keys() - found):
            problem = f"no usable annotation has the id {missing}, which an expression is about"
            tally.reject(BadRecord(instances.name, problem, "no_annotation"))
        wanted &= things.phrases.keys()
    return CocoAlbum(
        images=[images[image] for image in sorted(wanted)],
        layers=[(Layer(layer.path, layer.categories), layer.spans) for layer in layers],
        captions=caption_spans(captions, images, instances.name, tally) if captions else None,
        relations=things.relations,
        phrases=None if referred is None else things.phrases,
    )


@dataclass(frozen=True, slots=True)
class _Indexed:
    """What a file of annotations has.

    Attributes:
        path: of the file.
        categories: names by id.
        spans: where the annotations of each image stand.
        ids: (M,) of the annotations.
        relations: by image id.
        phrases: by image and annotation id, of the annotations that are referred to.
    """

    path: Path
    categories: dict[int, str]
    spans: Spans
    ids: NDArray[np.int64]
    relations: dict[int, list[tuple[int, str, int]]]
    phrases: dict[int, dict[int, tuple[str, ...]]]


def _layer(
    path: Path,
    images: dict[int, _Image],
    tally: Tally,
    referred: Mapping[int, tuple[str, ...]] | None,
    taken: NDArray[np.int64] | None = None,
) -> _Indexed:
    """Go through a file of annotations.

    Args:
        path: of the file.
        images: by id; the first file adds its own.
        tally: counts what cannot be used.
        referred: see `index`.
        taken: ids of the annotations of the file before; None if this is the first one.
    """
    notes, numbers = Notes(path), array("q")
    categories: dict[int, str] = {}
    relations: list[tuple[str, _Relation]] = []
    for record in records(path, ["images", "annotations", "categories"], ["relations"]):
        try:
            if record.list == "annotations":
                tally.records += referred is None
                key = record_as(_KEY, record, path)
                notes.add(key.image_id, record, key.id)
                numbers.append(key.category_id)
            elif record.list == "images":
                if taken is None:
                    _add_image(record_as(_IMAGE, record, path), images, record.place(path))
            elif record.list == "categories":
                _add_category(record_as(_CATEGORY, record, path), categories, record.place(path))
            else:
                relations.append((record.place(path), record_as(_RELATION, record, path)))
        except BadRecord as bad:
            if record.list == "annotations" and referred is None:
                tally.reject(bad)
            else:
                tally.ignore(bad)
    kept = _usable(notes, numbers, images, categories, tally, referred is not None, taken)
    phrases: dict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
    if referred is not None:
        for image, number in zip(notes.images[kept].tolist(), notes.orders[kept].tolist(), strict=True):
            if number in referred:
                phrases[image][number] = referred[number]
    return _Indexed(
        path, categories, notes.spans(kept), notes.orders[kept], _by_image(relations, images, tally), dict(phrases)
    )


def _usable(
    notes: Notes,
    numbers: array[int],
    images: Mapping[int, _Image],
    categories: Mapping[int, str],
    tally: Tally,
    context: bool,
    taken: NDArray[np.int64] | None,
) -> NDArray[np.bool_]:
    """(M,) which annotations belong to a known image and category and have an id of their own."""
    import numpy as np

    ids, file = notes.orders, notes.path.name
    own = np.zeros(len(ids), bool)
    own[np.unique(ids, return_index=True)[1]] = True
    if taken is not None:
        own &= ~np.isin(ids, taken)
    known_image = np.isin(notes.images, np.fromiter(images, np.int64, len(images)))
    category = np.frombuffer(numbers, np.int64) if numbers else np.zeros(0, np.int64)
    known_category = np.isin(category, np.fromiter(categories, np.int64, len(categories)))
    kept: NDArray[np.bool_] = own & known_image & known_category
    for row in np.flatnonzero(~kept).tolist():
        place = f"{file}, annotation {ids[row]}"
        if not own[row]:
            bad = BadRecord(place, f"a second annotation has the id {ids[row]}", "duplicate_id")
        elif not known_image[row]:
            bad = BadRecord(place, f"its image {notes.images[row]} is not among the images", "no_image")
        else:
            bad = BadRecord(place, f"its category {category[row]} is not among the categories", "no_category")
        if context:
            tally.ignore(bad)
        else:
            tally.reject(bad)
    others = [number for number, name in categories.items() if name == _OTHER]
    if taken is not None and others:
        other = kept & np.isin(category, others)
        tally.rejected["not_stuff"] += int(other.sum())
        kept &= ~other
    return kept


def _add_image(image: _Image, images: dict[int, _Image], place: str) -> None:
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
    relations: Sequence[tuple[str, _Relation]], images: Mapping[int, _Image], tally: Tally
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
