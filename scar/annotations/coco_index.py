"""Index a COCO-style file of annotations: its images, its categories and the positions of its annotations."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scar.accounting import Tally
from scar.annotations.box_form import BoxForm
from scar.annotations.box_samples import find_form_of_annotations
from scar.annotations.coco_records import ANNOTATION, CATEGORY, IMAGE, RELATION, CocoCategory, CocoImage, CocoRelation
from scar.annotations.image_names import describe_image, match_images, parse_named_image
from scar.annotations.json_stream import decode_record, iter_records
from scar.annotations.record_index import FileSpans, RecordCollector, group_by_image, is_among, replace_ids, view_int64
from scar.common.images import MAX_PIXELS, PIXEL_LIMIT
from scar.errors import BadRecord, InputError
from scar.language.english import has_word
from scar.sample import Relation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OTHER_STUFF = "other"
"""COCO-Stuff's category of the pixels of all things; the things themselves are annotated in the first file."""


@dataclass(frozen=True, slots=True, eq=False)
class AnnotationIndex:
    """The content of a file of annotations; the annotations themselves stay in the file.

    Attributes:
        images: images by id. The index of a second file of the image set has the images of the first file.
        categories: names of the categories by id, of this file.
        records: where the usable annotations are, by image; those of an image are in ascending order of id.
        annotation_ids: (M,) ids of the usable annotations, in the file's order.
        image_ids: (M,) ids of the images of these annotations, as in ``images``.
        relations: the relations by image id.
        box_form: what the four numbers of a box mean.
        tally: counts of all annotations as records, of the unusable ones as rejected, and of other unusable records as
            ignored.
    """

    images: dict[int, CocoImage]
    categories: dict[int, str]
    records: FileSpans
    annotation_ids: NDArray[np.int64]
    image_ids: NDArray[np.int64]
    relations: dict[int, list[Relation]]
    box_form: BoxForm
    tally: Tally

    @property
    def file_names(self) -> dict[int, str]:
        """File names of the images by id."""
        return {number: image.file for number, image in self.images.items()}


def index_annotations(path: Path, skip_bad: bool, earlier: AnnotationIndex | None = None) -> AnnotationIndex:
    """Index a file of annotations.

    Args:
        path: path of the file.
        skip_bad: count records that cannot be used, instead of raising.
        earlier: None if this file is the first of the image set. Otherwise the index of the first file. Its images are
            used; they are found by file name if this file gives other ids to the same names. An annotation is rejected
            if the first file has its id, or if its category is COCO-Stuff's "other".

    Raises:
        InputError: the file cannot be read, is no JSON or has the wrong shape; none of its images or categories can be
            used; it lists other images than ``earlier``; or its boxes do not fit its images.
        BadRecord: a record cannot be used and ``skip_bad`` is false.
    """
    import numpy as np

    collector, tally = RecordCollector(path), Tally(skip_bad=skip_bad)
    annotation_ids, category_ids = array("q"), array("q")
    images: dict[int, CocoImage] = {} if earlier is None else earlier.images
    categories: dict[int, str] = {}
    relations: list[tuple[str, CocoRelation]] = []
    first_bad: dict[str, BadRecord] = {}  # by list
    for record in iter_records(path, ["images", "annotations", "categories"], ["relations"]):
        try:
            if record.list == "annotations":
                tally.records += 1
                annotation = decode_record(ANNOTATION, record, path)
                collector.add_record(annotation.image_id, record)
                annotation_ids.append(annotation.id)
                category_ids.append(annotation.category_id)
            elif record.list == "images":
                if earlier is not None:
                    collector.named_images += filter(None, [parse_named_image(record)])
                else:
                    _add_image(decode_record(IMAGE, record, path), images, record.describe_location(path))
            elif record.list == "categories":
                _add_category(decode_record(CATEGORY, record, path), categories, record.describe_location(path))
            else:
                relations.append((record.describe_location(path), decode_record(RELATION, record, path)))
        except BadRecord as bad:
            if record.list == "annotations":
                tally.reject_regions(_explain_box(bad))
            else:
                tally.ignore_records(bad)
                first_bad.setdefault(record.list, bad)
    for name, usable_records in (("images", images), ("categories", categories)):
        if name in first_bad and not usable_records:
            first = first_bad[name]
            raise InputError(f"{path}: none of its {name} can be used (the first, {first.where}: {first.problem}).")
    own_ids, category_of = view_int64(annotation_ids), view_int64(category_ids)
    taken_ids = None if earlier is None else earlier.annotation_ids
    ids = (
        match_images(earlier.file_names, collector.named_images, earlier.records[0].name, path.name)
        if earlier
        else None
    )
    image_ids, is_matched = replace_ids(collector.image_ids, ids)
    if moved := int((image_ids != collector.image_ids).sum()):
        tally.repaired["annotation_by_file_name"] += moved
    known_image = is_matched & is_among(image_ids, images)
    usable = _find_usable(collector, own_ids, known_image, category_of, categories, tally, taken_ids)
    if earlier is not None:
        usable = _drop_other_stuff(usable, category_of, categories, tally)
    spans, image_ids, own_ids = collector.spans[usable], image_ids[usable], own_ids[usable]
    order = np.argsort(own_ids)
    return AnnotationIndex(
        images=images,
        categories=categories,
        records=(path, group_by_image(spans[order], image_ids[order])),
        annotation_ids=own_ids,
        image_ids=image_ids,
        relations=_group_by_image(relations, images, tally),
        box_form=find_form_of_annotations(path, spans, image_ids, images),
        tally=tally,
    )


def _explain_box(bad: BadRecord) -> BadRecord:
    """The same error; if it is about the shape of a box, it says which shape is read."""
    if "$.bbox" not in bad.problem:
        return bad
    problem = f"{bad.problem}: a box is [x, y, width, height] in pixels; rotated boxes are not read"
    return BadRecord(bad.where, problem, bad.reason)


def _find_usable(
    collector: RecordCollector,
    ids: NDArray[np.int64],
    known_image: NDArray[np.bool_],
    category_of: NDArray[np.int64],
    categories: Mapping[int, str],
    tally: Tally,
    taken_ids: NDArray[np.int64] | None,
) -> NDArray[np.bool_]:
    """(M,) whether each annotation has a known image, a known category and an id of its own; reject the others."""
    import numpy as np

    file = collector.path.name
    is_first = np.zeros(len(ids), bool)
    is_first[np.unique(ids, return_index=True)[1]] = True
    if taken_ids is not None:
        is_first &= ~np.isin(ids, taken_ids)
    known_category, named_images = is_among(category_of, categories), dict(collector.named_images)
    usable: NDArray[np.bool_] = is_first & known_image & known_category
    id_range = f", {min(categories)} to {max(categories)} (renumbered in one list only?)" if categories else ""
    for row in np.flatnonzero(~usable).tolist():
        where = f"{file}, annotation {ids[row]}"
        if not is_first[row]:
            bad = BadRecord(where, f"a second annotation has the id {ids[row]}", "duplicate_id")
        elif not known_image[row]:
            image = describe_image(collector.image_ids[row], named_images)
            bad = BadRecord(where, f"its image {image} is not among the images", "no_image")
        else:
            problem = f"its category {category_of[row]} is not among the {len(categories)} categories{id_range}"
            bad = BadRecord(where, problem, "no_category")
        tally.reject_regions(bad)
    return usable


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


def _add_image(image: CocoImage, images: dict[int, CocoImage], where: str) -> None:
    if image.id in images:
        raise BadRecord(where, f"a second image has the id {image.id}", "duplicate_image")
    if image.width is None or image.height is None:
        raise BadRecord(where, f"image {image.id} has no width or no height", "malformed")
    if image.width < 1 or image.height < 1 or image.width * image.height > MAX_PIXELS:
        problem = f"image {image.id} is said to be {image.width}x{image.height}, not 1 to {PIXEL_LIMIT}"
        raise BadRecord(where, problem, "image_size")
    images[image.id] = image


def _add_category(category: CocoCategory, categories: dict[int, str], where: str) -> None:
    name = category.name.strip()
    if not has_word(name.split(",")[0]):
        problem = f"the name {name!r}, which begins with no word" if name else "an empty name"
        raise BadRecord(where, f"category {category.id} has {problem}", "empty_category")
    if category.id in categories:
        raise BadRecord(where, f"a second category has the id {category.id}", "duplicate_category")
    categories[category.id] = name


def _group_by_image(
    relations: Sequence[tuple[str, CocoRelation]], images: Mapping[int, CocoImage], tally: Tally
) -> dict[int, list[Relation]]:
    """Group the relations by image id; count those that cannot be used."""
    by_image: dict[int, list[Relation]] = defaultdict(list)
    for where, relation in relations:
        predicate = relation.predicate.strip()
        if relation.image_id not in images:
            problem = f"its image {relation.image_id} is not among the images"
            tally.ignore_records(BadRecord(where, problem, "relation_no_image"))
        elif not predicate:
            tally.ignore_records(BadRecord(where, "its predicate is empty", "empty_relation"))
        else:
            by_image[relation.image_id].append(Relation(relation.subject, predicate, relation.object))
    return dict(by_image)
