"""Give numbers to images and annotations of a COCO-style file that have no number of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.annotations.coco_mending import read_annotation
from scar.annotations.coco_records import CocoImage, CocoRelation, MendedAnnotation
from scar.annotations.ids import LAST_CODE, NO_ID, has_codes, is_code, iter_free_numbers, number_id
from scar.annotations.record_index import RecordSpans, read_records, replace_ids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NewIds:
    """The numbers of annotations that had none of their own.

    Attributes:
        numbers: the new id, by index of the record in the list.
        given: the id that the file has instead, by the new id; None if it has none.
        duplicates: indices in the arrays of annotations that are the same record a second time.
        rule: why they were numbered, as a build counts it.
    """

    numbers: dict[int, int] = field(default_factory=dict)
    given: dict[int, Any] = field(default_factory=dict)
    duplicates: tuple[int, ...] = ()
    rule: str = "id_numbered"


def number_images(images: dict[int, CocoImage]) -> tuple[dict[int, CocoImage], dict[int, int]]:
    """Number the images whose ids are codes, in their order, above all other ids.

    Returns:
        The images by id, and the new id by the code. If no id is a code, the same images and an empty dictionary.
    """
    if min(images, default=0) > LAST_CODE:
        return images, {}
    codes = [number for number in images if is_code(number)]
    highest = max((number for number in images if not is_code(number)), default=0)
    numbers = dict(zip(codes, islice(iter_free_numbers(highest), len(codes)), strict=True))
    for code, number in numbers.items():
        images[code].id = number
    return {image.id: image for image in images.values()}, numbers


def resolve_images(
    image_ids: NDArray[np.int64], name_images: Callable[[], Mapping[int, str]], numbers: Mapping[int, int]
) -> tuple[NDArray[np.int64], int]:
    """Replace codes of images by their numbers.

    A code that no image has may be that of an image's file name, with or without folder and ending.

    Args:
        image_ids: (M,) ids that are numbers or codes.
        name_images: gives the file names of the images by id.
        numbers: the id of an image by its code; see `number_images`.

    Returns:
        (M,) the ids; a code that is of no image stays. And the number of those that a file name told.
    """
    if not has_codes(image_ids):
        return image_ids, 0
    codes = {number for number in set(image_ids.tolist()) if is_code(number)}
    targets = {code: numbers[code] for code in codes if code in numbers}
    named: dict[int, int] = {}
    if unknown := codes - targets.keys():
        for number, file in name_images().items():
            for code in {number_id(name) for name in _iter_names(file)} & unknown:
                named[code] = NO_ID if code in named else number
    named = {code: number for code, number in named.items() if number != NO_ID}
    replaced, _ = replace_ids(image_ids, targets | named)
    return replaced, sum(number in named for number in image_ids.tolist())


def _iter_names(file: str) -> Iterator[str]:
    """Ways to name a file: with folders, without them, and without its ending."""
    base = file.rpartition("/")[2]
    yield from (file, base, base.rpartition(".")[0])


def number_annotations(
    path: Path, spans: RecordSpans, ids: NDArray[np.int64], earlier: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NewIds]:
    """Number the annotations that have no id, a code, or the id of another annotation; all if a file counts from 0.

    Label Studio counts annotations from 0, but pycocotools takes an annotation 0 for none. Counted from 1, as CVAT
    does, the same annotations have the same ids, and so the same samples.

    Args:
        path: path of the file.
        spans: (M, 4) where the annotations are.
        ids: (M,) their ids, numbers or codes, in the order of the file.
        earlier: ids of the annotations of an earlier file of the image set; None if there is none.

    Returns:
        (M,) ids that are all different, except of duplicates; and what was numbered. The first annotation with an id
        keeps it. An annotation with the same bytes as the first one with its id is a duplicate.
    """
    import numpy as np

    keeps = np.zeros(len(ids), bool)
    values, firsts = np.unique(ids, return_index=True)
    keeps[firsts] = True
    is_from_0 = earlier is None and len(ids) > 1 and np.array_equal(ids, np.arange(len(ids)))
    if is_from_0:
        keeps[:] = False
    if earlier is not None:
        keeps &= ~np.isin(ids, earlier)
    if len(values) and is_code(int(values[0])):
        keeps &= np.fromiter((not is_code(number) for number in ids.tolist()), bool, len(ids))
    others = np.flatnonzero(~keeps)
    if not len(others):
        return ids, NewIds()
    repeats = others[(ids[others] != NO_ID) & ~np.isin(others, firsts)]
    originals = firsts[np.searchsorted(values, ids[repeats])]
    texts = zip(read_records(path, spans[repeats]), read_records(path, spans[originals]), strict=True)
    duplicates = tuple(row for row, (text, other) in zip(repeats.tolist(), texts, strict=True) if text == other)
    rows = others[~np.isin(others, duplicates)]
    kept = [ids[keeps], np.zeros(1, np.int64), *([] if earlier is None else [earlier])]
    highest = max(int(each.max()) for each in kept if len(each))
    new = list(islice(iter_free_numbers(highest), len(rows)))
    given = [_read_given_id(text, path) for text in read_records(path, spans[rows])]
    numbered = ids.copy()
    numbered[rows] = new
    numbers = dict(zip(spans[rows, 1].tolist(), new, strict=True))
    rule = "id_from_0" if is_from_0 else "id_numbered"
    return numbered, NewIds(numbers, dict(zip(new, given, strict=True)), duplicates, rule)


def _read_given_id(text: bytes, path: Path) -> Any:
    """The id of an annotation as the file has it."""
    annotation = read_annotation(text, path.name)
    return annotation.given_id if isinstance(annotation, MendedAnnotation) else annotation.id


def number_relations(
    relations: Sequence[tuple[str, CocoRelation]],
    image_ids: NDArray[np.int64],
    given_ids: NDArray[np.int64],
    ids: NDArray[np.int64],
) -> None:
    """Replace the ids of subjects and objects by the new ids of the annotations of the same image.

    Args:
        relations: the relations; they are changed.
        image_ids: (M,) image of each annotation.
        given_ids: (M,) id of each annotation as the file has it, a number or a code.
        ids: (M,) its new id.
    """
    import numpy as np

    moved = np.flatnonzero(given_ids != ids)
    keys = zip(image_ids[moved].tolist(), given_ids[moved].tolist(), strict=True)
    targets: dict[tuple[int, int], int] = {}
    for key, number in zip(keys, ids[moved].tolist(), strict=True):
        targets.setdefault(key, number)
    kept = np.flatnonzero(given_ids == ids)
    for key in zip(image_ids[kept].tolist(), ids[kept].tolist(), strict=True):
        targets.pop(key, None)  # the annotation that kept the id is meant
    for _, relation in relations:
        relation.subject = targets.get((relation.image_id, relation.subject), relation.subject)
        relation.object = targets.get((relation.image_id, relation.object), relation.object)
