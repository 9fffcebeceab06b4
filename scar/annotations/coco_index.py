"""Index a COCO-style file of annotations: its images, its categories and the positions of its annotations."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scar.accounting import Tally
from scar.annotations.box_samples import find_form_of_annotations
from scar.annotations.coco_ids import number_annotations, number_images, number_relations, resolve_images
from scar.annotations.coco_image import FileReading
from scar.annotations.coco_mending import read_annotation, read_category, read_image, read_relation
from scar.annotations.coco_records import ANNOTATION, CocoCategory, CocoImage, CocoRelation
from scar.annotations.coco_texts import TACO_LISTS, collect_texts, read_own_caption
from scar.annotations.ids import has_codes, is_code, number_id
from scar.annotations.image_finder import find_files
from scar.annotations.image_names import describe_image, match_images, parse_named_image
from scar.annotations.image_sizes import has_allowed_size, read_size, refuse_size
from scar.annotations.json_stream import ANY_JSON, Record, iter_records, parse_record
from scar.annotations.record_index import (
    FileSpans,
    RecordCollector,
    group_by_image,
    is_among,
    read_records,
    replace_ids,
    view_int64,
)
from scar.annotations.relations import group_relations
from scar.errors import BadRecord, InputError
from scar.language.english import has_word
from scar.recipe import Frame
from scar.sample import Relation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OTHER_STUFF = "other"
"""COCO-Stuff's category of the pixels of all things; the things themselves are annotated in the first file."""

_MIN_CROWDS = 2
"""If all annotations are crowds, and at least so many, the flag tells nothing: CVAT sets it for every mask."""


@dataclass(frozen=True, slots=True, eq=False)
class AnnotationIndex:
    """The content of a file of annotations; the annotations themselves stay in the file.

    Attributes:
        images: images by id. The index of a second file of the image set has the images of the first file.
        image_numbers: the id of an image by the code of what the file has instead; see `scar.annotations.ids`.
        reading: how to read the annotations of this file.
        given_ids: what the file has as id of an annotation that was numbered, by its number; None if it has none.
        records: where the usable annotations are, by image; those of an image are in ascending order of id.
        annotation_ids: (M,) ids of the usable annotations, in the file's order.
        image_ids: (M,) ids of the images of these annotations, as in ``images``.
        relations: the relations by image id.
        captions: captions by image id, as they stand in the file itself.
        tally: counts of annotations as records, of unusable ones as rejected, of other unusable records as ignored.
    """

    images: dict[int, CocoImage]
    image_numbers: dict[int, int]
    reading: FileReading
    given_ids: dict[int, Any]
    records: FileSpans
    annotation_ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    relations: dict[int, list[Relation]]
    captions: dict[int, tuple[str, ...]]
    tally: Tally

    @property
    def given_image_ids(self) -> dict[int, Any]:
        """What the file has as id of an image that was numbered, by its number; None if it has none."""
        return {number: self.images[number].given_id for number in self.image_numbers.values() if number in self.images}

    @property
    def file_names(self) -> dict[int, str]:
        """File names of the images by id, as the file gives them."""
        return _name_images(self.images)


def index_annotations(
    path: Path,
    skip_bad: bool,
    folder: Path,
    frame: Frame | None = None,
    boxes: str | None = None,
    earlier: AnnotationIndex | None = None,
) -> AnnotationIndex:
    """Index a file of annotations.

    Args:
        path: path of the file.
        skip_bad: count records that cannot be used, instead of raising.
        folder: the image folder; images tell the sizes that the file does not.
        frame: what the recipe says about the frame of images that EXIF turns; None if it says nothing.
        boxes: what the recipe says about the form of the boxes; None if it says nothing.
        earlier: None if this file is the first of the image set, else the index of the first file, whose images are
            used; a file name finds them if the ids differ. Annotations of COCO-Stuff's "other" are rejected.

    Raises:
        InputError: the file cannot be read, is no JSON or has the wrong shape; none of its images or categories can be
            used; it lists other images than ``earlier``; its boxes do not fit its images.
        BadRecord: a record cannot be used and ``skip_bad`` is false.
    """
    import numpy as np

    tally = Tally(skip_bad=skip_bad)
    content = _read_lists(path, tally, earlier)
    collector, categories = content.collector, content.categories
    if earlier is None:
        images, numbers = number_images(content.images)
        tally.repaired.update({"image_id_numbered": len(numbers)} if numbers else {})
        collector.named_images = [(numbers.get(number, number), name) for number, name in collector.named_images]
    else:
        images, numbers = earlier.images, earlier.image_numbers
    image_ids, is_matched = _match_annotations(content, images, numbers, earlier, path, tally)
    category_of = view_int64(content.category_ids)
    _add_names(categories, category_of)
    given_ids = view_int64(content.annotation_ids)
    taken = None if earlier is None else earlier.annotation_ids
    own_ids, new_ids = number_annotations(path, collector.spans, given_ids, taken)
    if new_ids.numbers:
        tally.repaired[new_ids.rule] += len(new_ids.numbers)
    if earlier is None:
        _complete_images(images, image_ids, folder, frame, path, tally)
    known_image = is_matched & is_among(image_ids, images)
    usable = _find_usable(collector, given_ids, known_image, category_of, categories, tally, new_ids.duplicates)
    if earlier is not None:
        usable = _drop_other_stuff(usable, category_of, categories, tally)
    _resolve_relations(content.relations, images, numbers, (image_ids, given_ids, own_ids))
    spans, image_ids, own_ids = collector.spans[usable], image_ids[usable], own_ids[usable]
    order = np.argsort(own_ids)
    has_crowds = content.crowds < max(_MIN_CROWDS, len(collector))
    if not has_crowds:
        tally.repaired["crowd_of_all"] += content.crowds
    form, doubts = find_form_of_annotations(path, spans, image_ids, images, has_crowds, folder, boxes)
    tally.doubts.update(dict.fromkeys(doubts, len(spans)))
    return AnnotationIndex(
        images=images,
        image_numbers=numbers,
        reading=FileReading(
            categories=categories,
            box_form=form,
            has_crowds=has_crowds,
            new_ids=new_ids.numbers,
        ),
        given_ids=new_ids.given,
        records=(path, group_by_image(spans[order], image_ids[order])),
        annotation_ids=own_ids,
        image_ids=image_ids,
        captions={} if earlier else collect_texts(images, content.captions, content.scene_records, numbers),
        relations=group_relations(content.relations, images, tally),
        tally=tally,
    )


@dataclass(slots=True, eq=False)
class _Lists:
    """The lists of a file as they are read; ids are numbers or codes."""

    collector: RecordCollector
    annotation_ids: array[int] = field(default_factory=lambda: array("q"))
    category_ids: array[int] = field(default_factory=lambda: array("q"))
    crowds: int = 0
    images: dict[int, CocoImage] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=dict)
    relations: list[tuple[str, CocoRelation]] = field(default_factory=list)
    captions: list[tuple[int, str]] = field(default_factory=list)
    scene_records: list[Record] = field(default_factory=list)


def _read_lists(path: Path, tally: Tally, earlier: AnnotationIndex | None) -> _Lists:
    """Read the lists of a file.

    Raises:
        InputError: the file cannot be read, or none of its images or categories can be used.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    content = _Lists(RecordCollector(path))
    collector, annotation_ids, category_ids = content.collector, content.annotation_ids, content.category_ids
    decode, crowds = ANNOTATION.decode, 0
    first_bad: dict[str, BadRecord] = {}  # by list
    optional = ["relations", *TACO_LISTS]
    for record in iter_records(path, ["images", "annotations", "categories"], optional):
        try:
            if record.list == "annotations":
                tally.records += 1
                try:
                    annotation = decode(record.text)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    annotation = read_annotation(record.text, record.describe_location(path))
                collector.add_record(annotation.image_id, record)
                annotation_ids.append(annotation.id)
                category_ids.append(annotation.category_id)
                if annotation.iscrowd:
                    crowds += 1
            elif record.list == "images":
                if earlier is not None:
                    collector.named_images += filter(None, [parse_named_image(record)])
                else:
                    _add_image(read_image(record, path), content.images, record, path)
            elif record.list == "categories":
                _add_category(read_category(record, path), content.categories, record.describe_location(path))
            elif record.list in TACO_LISTS:
                content.scene_records.append(record)
            else:
                content.relations.append((record.describe_location(path), read_relation(record, path)))
        except BadRecord as bad:
            if record.list == "annotations":
                if caption := read_own_caption(record.text):
                    tally.records -= 1
                    content.captions.append(caption)
                    continue
                tally.reject_regions(bad)
            else:
                tally.ignore_records(bad)
                first_bad.setdefault(record.list, bad)
    content.crowds = crowds
    images = content.images if earlier is None else earlier.images
    if not images and len(collector) and "images" not in first_bad:
        raise InputError(f"{path}: its list of images is empty; give the file with its images.")
    for name, usable_records in (("images", images), ("categories", content.categories)):
        if name in first_bad and not usable_records:
            first = first_bad[name]
            raise InputError(f"{path}: none of its {name} can be used (the first, {first.where}: {first.problem}).")
    return content


def _name_images(images: Mapping[int, CocoImage]) -> dict[int, str]:
    """File names of images by id, as the file gives them."""
    return {number: image.listed_as or image.file for number, image in images.items()}


def _match_annotations(
    content: _Lists,
    images: Mapping[int, CocoImage],
    numbers: Mapping[int, int],
    earlier: AnnotationIndex | None,
    path: Path,
    tally: Tally,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(M,) ids of the images of annotations; (M,) whether the first file of the image set has the image."""
    image_ids, named = resolve_images(content.collector.image_ids, lambda: _name_images(images), numbers)
    ids = None
    if earlier is not None:
        listed = content.collector.named_images
        ids = match_images(earlier.file_names, listed, earlier.records[0].name, path.name)
    matched, is_matched = replace_ids(image_ids, ids)
    if moved := named + int((matched != image_ids).sum()):
        tally.repaired["annotation_by_file_name"] += moved
    return matched, is_matched


def _add_names(categories: dict[int, str], category_of: NDArray[np.int64]) -> None:
    """Add names of categories as their ids, if annotations have names instead of ids."""
    if has_codes(category_of):
        unknown = set(category_of.tolist()) - categories.keys()
        categories.update({number_id(name): name for name in [*categories.values()] if number_id(name) in unknown})


def _complete_images(
    images: dict[int, CocoImage],
    image_ids: NDArray[np.int64],
    folder: Path,
    frame: Frame | None,
    path: Path,
    tally: Tally,
) -> None:
    """Find the files and sizes of the images that have annotations; remove those that cannot be used.

    Raises:
        BadRecord: an image may be several files, or has no known size, and ``tally`` does not skip such records.
    """
    used = [number for number in dict.fromkeys(image_ids.tolist()) if number in images]
    found = find_files(folder, {number: images[number].file for number in used})
    tally.repaired.update(found.rules)
    for number, file in found.files.items():
        images[number].listed_as, images[number].file = images[number].file, file
    for number in used:
        image = images[number]
        if image.has_size and number not in found.problems:
            continue
        where = f"{path.name}, image {number}"
        try:
            if number in found.problems:
                problem = f"{found.problems[number]}; write the folder into `file_name`, or give one folder as --images"
                raise BadRecord(where, problem, "image_unclear")
            image.width, image.height = read_size(folder, frame, image.file, where)
            tally.repaired["size_of_image"] += 1
            if not has_allowed_size(*image.size):
                refuse_size(*image.size, f"image {number}", where)
        except BadRecord as bad:
            tally.ignore_records(bad)
            del images[number]


def _resolve_relations(
    relations: Sequence[tuple[str, CocoRelation]],
    images: Mapping[int, CocoImage],
    numbers: Mapping[int, int],
    ids: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> None:
    """Give relations the numbers of their images and annotations; ``ids`` are those of `number_relations`."""
    import numpy as np

    if relations:
        own = np.array([relation.image_id for _, relation in relations], np.int64)
        for (_, relation), number in zip(
            relations, resolve_images(own, lambda: _name_images(images), numbers)[0].tolist(), strict=True
        ):
            relation.image_id = number
        number_relations(relations, *ids)


def _find_usable(
    collector: RecordCollector,
    ids: NDArray[np.int64],
    known_image: NDArray[np.bool_],
    category_of: NDArray[np.int64],
    categories: Mapping[int, str],
    tally: Tally,
    duplicates: Sequence[int],
) -> NDArray[np.bool_]:
    """(M,) whether each annotation has a known image and category and is no duplicate; reject the others by name."""
    import numpy as np

    file, spans = collector.path.name, collector.spans
    is_first = np.ones(len(ids), bool)
    is_first[list(duplicates)] = False
    known_category, named_images = is_among(category_of, categories), dict(collector.named_images)
    usable: NDArray[np.bool_] = is_first & known_image & known_category
    plain = [number for number in categories if not is_code(number)]
    id_range = f", {min(plain)} to {max(plain)} (renumbered in one list only?)" if plain else ""
    given_images = collector.image_ids
    for row in np.flatnonzero(~usable).tolist():
        number = int(ids[row])
        where = f"{file}, annotations[{spans[row, 1]}]" if is_code(number) else f"{file}, annotation {number}"
        if not is_first[row]:
            bad = BadRecord(where, f"a second annotation has the id {number} and the same content", "duplicate_id")
        elif not known_image[row]:
            code = given_images[row]
            image = _show_given(collector, row, "image_id") if is_code(code) else describe_image(code, named_images)
            bad = BadRecord(where, f"its image {image} is not among the images", "no_image")
        else:
            code = category_of[row]
            category = _show_given(collector, row, "category_id") if is_code(code) else str(code)
            problem = f"its category {category} is not among the {len(categories)} categories{id_range}"
            bad = BadRecord(where, problem, "no_category")
        tally.reject_regions(bad)
    return usable


def _show_given(collector: RecordCollector, row: int, key: str) -> str:
    """What an annotation has under a key, for a message."""
    (text,) = read_records(collector.path, collector.spans[row : row + 1])
    entry: dict[str, Any] = parse_record(ANY_JSON, text, collector.path.name)
    return f"{entry.get(key)!r:.60}"


def _drop_other_stuff(
    usable: NDArray[np.bool_], category_of: NDArray[np.int64], categories: Mapping[int, str], tally: Tally
) -> NDArray[np.bool_]:
    """(M,) whether each annotation is usable and not of the category "other"; count those of "other" as rejected."""
    others = [number for number, name in categories.items() if name == _OTHER_STUFF]
    if not others:
        return usable
    other = usable & is_among(category_of, others)
    tally.rejected["not_stuff"] += int(other.sum())
    return usable & ~other


def _add_image(image: CocoImage, images: dict[int, CocoImage], record: Record, path: Path) -> None:
    if image.id in images:
        given = image.id if image.given_id is None else image.given_id
        problem = f"{image.file!r} has the id {given!r} of another image, {images[image.id].file!r}"
        raise BadRecord(record.describe_location(path), problem, "duplicate_image")
    if image.has_size and not has_allowed_size(*image.size):
        refuse_size(*image.size, f"image {image.id}", record.describe_location(path))
    images[image.id] = image


def _add_category(category: CocoCategory, categories: dict[int, str], where: str) -> None:
    name = category.name.strip()
    if not has_word(name.split(",")[0]):
        problem = f"the name {name!r}, which begins with no word" if name else "an empty name"
        raise BadRecord(where, f"category {category.id} has {problem}", "empty_category")
    if category.id in categories:
        raise BadRecord(where, f"a second category has the id {category.id}", "duplicate_category")
    categories[category.id] = name
