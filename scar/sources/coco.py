"""COCO-style annotation files -> `Picture`s.

The files of one image set: an instances JSON (``images``, ``annotations``, ``categories``) and, if there is one, a
captions JSON. Two extras of our own are read where they exist: the key ``scene`` of an image (the label of the place)
and the list ``relations`` of ``{image_id, subject, predicate, object}``, whose ends are annotation ids.

The files have gigabytes in real life: they are parsed into typed records at once, but a mask is made only when its
picture is asked for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

import msgspec

from scar.errors import BadRecord, InputError
from scar.images import MAX_PIXELS
from scar.masks import normalise
from scar.sample import Picture, Region, Relation
from scar.sources.boxes import usable
from scar.tally import Tally

T = TypeVar("T")

_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What a column of the corpus can hold."""


class _Instances(msgspec.Struct):
    """The instances file; each record is parsed on its own, so that one bad record is one bad record."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[msgspec.Raw]
    relations: list[msgspec.Raw] = []


class _Captions(msgspec.Struct):
    annotations: list[msgspec.Raw]


class _Image(msgspec.Struct, gc=False):
    id: _Id
    file_name: str
    width: int
    height: int
    scene: str | None = None


class _Annotation(msgspec.Struct, gc=False):
    id: _Id
    image_id: _Id
    category_id: _Id
    # A box of None holds a number that JSON does not know, such as NaN.
    bbox: tuple[float | None, float | None, float | None, float | None]
    segmentation: msgspec.Raw = msgspec.Raw(b"null")
    iscrowd: int | bool = 0


_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class _Category(msgspec.Struct):
    id: _Id
    name: str


class _Caption(msgspec.Struct, gc=False):
    image_id: _Id
    caption: str


class _Relation(msgspec.Struct, gc=False):
    image_id: _Id
    subject: _Id
    predicate: str
    object: _Id


def read(instances: Path, captions: Path | None, tally: Tally) -> tuple[int, Iterator[Picture]]:
    """Read the annotation files of one image set.

    Args:
        instances: the instances JSON.
        captions: the captions JSON, if there is one.
        tally: counts the annotations read, and the records that cannot be used where that was asked for.

    Returns:
        The number of images that have annotations, and their pictures by ascending image id; regions by ascending
        annotation id, their boxes clipped to the image.

    Raises:
        InputError: a file cannot be read, is no JSON or has another shape, or the captions belong to other images.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    content = _decode(instances, _Instances)
    categories = _categories(content.categories, instances.name, tally)
    images = _images(content.images, instances.name, tally)
    annotations = _annotations(content.annotations, images, categories, instances.name, tally)
    relations = _relations(content.relations, images, instances.name, tally)
    sentences = _captions(captions, images, instances, tally) if captions else {}

    def pictures() -> Iterator[Picture]:
        for image_id in sorted(annotations):
            image = images[image_id]
            regions = tuple(_regions(annotations.pop(image_id), image, categories, instances.name, tally))
            known = {region.id for region in regions}
            yield Picture(
                id=image.id,
                file=PurePosixPath(image.file_name).as_posix(),
                width=image.width,
                height=image.height,
                regions=regions,
                captions=tuple(sentences.get(image.id, ())),
                relations=tuple(_facts(relations.get(image.id, []), known, image, instances.name, tally)),
                scene=image.scene or None,
            )

    return len(annotations), pictures()


def _categories(records: list[msgspec.Raw], file: str, tally: Tally) -> dict[int, str]:
    """Names by id."""
    names: dict[int, str] = {}
    for place, category in _records(records, _Category, f"{file}, categories", tally):
        name = category.name.strip()
        if not name:
            tally.ignore(BadRecord(place, f"category {category.id} has an empty name", "empty_category"))
        elif category.id in names:
            tally.ignore(BadRecord(place, f"a second category has the id {category.id}", "duplicate_category"))
        else:
            names[category.id] = name
    return names


def _images(records: list[msgspec.Raw], file: str, tally: Tally) -> dict[int, _Image]:
    """Image records by id."""
    images: dict[int, _Image] = {}
    for place, image in _records(records, _Image, f"{file}, images", tally):
        if image.id in images:
            tally.ignore(BadRecord(place, f"a second image has the id {image.id}", "duplicate_image"))
        elif image.width < 1 or image.height < 1 or image.width * image.height > MAX_PIXELS:
            problem = f"image {image.id} is said to be {image.width}x{image.height}, not 1 to {MAX_PIXELS:,} pixels"
            tally.ignore(BadRecord(place, problem, "image_size"))
        else:
            images[image.id] = image
    return images


def _annotations(
    records: list[msgspec.Raw], images: dict[int, _Image], categories: dict[int, str], file: str, tally: Tally
) -> dict[int, list[_Annotation]]:
    """Annotation records by image, those that belong to a known image and category."""
    by_image: dict[int, list[_Annotation]] = defaultdict(list)
    seen: set[int] = set()
    decoder = msgspec.json.Decoder(_Annotation)
    for index, record in enumerate(records):
        tally.records += 1
        try:
            annotation = _parsed(decoder, record, f"{file}, annotations[{index}]")
            place = f"{file}, annotation {annotation.id}"
            if annotation.id in seen:
                raise BadRecord(place, f"a second annotation has the id {annotation.id}", "duplicate_id")
            seen.add(annotation.id)
            if annotation.image_id not in images:
                raise BadRecord(place, f"its image {annotation.image_id} is not among the images", "no_image")
            if annotation.category_id not in categories:
                problem = f"its category {annotation.category_id} is not among the categories"
                raise BadRecord(place, problem, "no_category")
        except BadRecord as bad:
            tally.reject(bad)
        else:
            by_image[annotation.image_id].append(annotation)
    return by_image


def _relations(
    records: list[msgspec.Raw], images: dict[int, _Image], file: str, tally: Tally
) -> dict[int, list[_Relation]]:
    """Relation records by image."""
    by_image: dict[int, list[_Relation]] = defaultdict(list)
    for place, relation in _records(records, _Relation, f"{file}, relations", tally):
        if relation.image_id not in images:
            problem = f"its image {relation.image_id} is not among the images"
            tally.ignore(BadRecord(place, problem, "relation_no_image"))
        elif not relation.predicate.strip():
            tally.ignore(BadRecord(place, "its predicate is empty", "empty_relation"))
        else:
            by_image[relation.image_id].append(relation)
    return by_image


def _captions(path: Path, images: dict[int, _Image], instances: Path, tally: Tally) -> dict[int, list[str]]:
    """Sentences by image, in the file's order."""
    by_image: dict[int, list[str]] = defaultdict(list)
    captions = [
        (place, caption)
        for place, caption in _records(
            _decode(path, _Captions).annotations, _Caption, f"{path.name}, annotations", tally
        )
        if caption.caption.strip()
    ]
    if captions and not any(caption.image_id in images for _, caption in captions):
        raise InputError(
            f"{path}: none of its {len(captions)} captions is of an image of {instances.name}; "
            "give the captions file of the same image set, or none."
        )
    for place, caption in captions:
        if caption.image_id in images:
            by_image[caption.image_id].append(caption.caption.strip())
        else:
            problem = f"its image {caption.image_id} is not among those of {instances.name}"
            tally.ignore(BadRecord(place, problem, "caption_no_image"))
    return by_image


def _regions(
    annotations: list[_Annotation], image: _Image, categories: dict[int, str], file: str, tally: Tally
) -> Iterator[Region]:
    """The annotations of one image as regions, by id."""
    for annotation in sorted(annotations, key=lambda annotation: annotation.id):
        place = f"{file}, annotation {annotation.id}"
        try:
            numbers = [float("nan") if number is None else number for number in annotation.bbox]
            box = usable(numbers, image.width, image.height, place)
            segmentation = _parsed(_ANYTHING, annotation.segmentation, place)
            mask = normalise(segmentation, image.width, image.height, place)
        except BadRecord as bad:
            tally.reject(bad)
        else:
            category = categories[annotation.category_id]
            yield Region(annotation.id, box, category, mask, crowd=bool(annotation.iscrowd))


def _facts(relations: list[_Relation], known: set[int], image: _Image, file: str, tally: Tally) -> Iterator[Relation]:
    """The relations of one image."""
    for relation in relations:
        for end in (relation.subject, relation.object):
            if end not in known:
                place = f"{file}, relation {relation.predicate!r} of image {image.id}"
                problem = f"annotation {end} is not among those of the image"
                tally.ignore(BadRecord(place, problem, "relation_no_region"))
                break
        else:
            yield Relation(relation.subject, relation.predicate.strip(), relation.object)


def _records(records: list[msgspec.Raw], kind: type[T], place: str, tally: Tally) -> Iterator[tuple[str, T]]:
    """Each record with its place; those of another shape are left to ``tally``."""
    decoder = msgspec.json.Decoder(kind)
    for index, record in enumerate(records):
        try:
            yield f"{place}[{index}]", _parsed(decoder, record, f"{place}[{index}]")
        except BadRecord as bad:
            tally.ignore(bad)


def _parsed(decoder: msgspec.json.Decoder[T], record: msgspec.Raw, place: str) -> T:
    """One record.

    Raises:
        BadRecord: it has another shape (``malformed``).
    """
    try:
        return decoder.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRecord(place, str(error), "malformed") from None


def _decode(path: Path, kind: type[T]) -> T:
    """The whole file; a byte order mark and Python's NaN and Infinity are borne with.

    Raises:
        InputError: the file cannot be read, is no JSON or has another shape.
    """
    try:
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give the path of a COCO-style JSON file.") from None
    try:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            # Python's json writes NaN and Infinity, which JSON does not know; as null they stay with their record.
            return msgspec.json.decode(msgspec.json.encode(json.loads(content)), type=kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: not a COCO-style file: {error}.") from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not JSON, or cut off: {error}.") from None
