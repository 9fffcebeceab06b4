"""Images and annotations get numbers where they have none; whoever had a number of its own keeps it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scar.annotations.coco_ids import NewIds, number_annotations, number_images, number_relations, resolve_images
from scar.annotations.coco_records import CocoImage, CocoRelation
from scar.annotations.ids import encode_text, is_code, number_id
from scar.annotations.json_stream import iter_records
from scar.annotations.record_index import RecordCollector

IDS = st.one_of(st.integers(-3, 9), st.sampled_from(["a", "b", "7", "3.0", "uuid-1"]), st.none(), st.just(2.0))


def number_file(
    given_ids: list[Any], contents: list[int], earlier: list[int] | None = None
) -> tuple[list[int], NewIds]:
    """Number the annotations of a file; annotations of equal id and content are the same record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        records = [
            {"id": given_id, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, content]}
            for given_id, content in zip(given_ids, contents, strict=True)
        ]
        path.write_text(json.dumps({"annotations": records}))
        collector = RecordCollector(path)
        for record in iter_records(path, ["annotations"]):
            collector.add_record(1, record)
        ids = np.array([number_id(given_id) for given_id in given_ids], np.int64)
        taken = None if earlier is None else np.array(earlier, np.int64)
        numbers, new = number_annotations(path, collector.spans, ids, taken)
    return numbers.tolist(), new


@given(st.lists(st.tuples(IDS, st.integers(1, 2)), max_size=9), st.none() | st.lists(st.integers(0, 6), unique=True))
def test_every_annotation_has_one_number_and_the_first_keeps_its_own(
    rows: list[tuple[Any, int]], earlier: list[int] | None
) -> None:
    given_ids, contents = [each for each, _ in rows], [content for _, content in rows]
    numbers, new = number_file(given_ids, contents, earlier)
    kept = [number for row, number in enumerate(numbers) if row not in new.duplicates]
    assert len(set(kept)) == len(kept)
    assert not set(kept) & set(earlier or ())
    assert not any(map(is_code, kept))
    whole = [number_id(each) for each in given_ids]
    counts_from_0 = earlier is None and len(whole) > 1 and whole == list(range(len(whole)))
    for row, (given_id, number) in enumerate(zip(whole, numbers, strict=True)):
        is_first = given_id not in whole[:row]
        if is_first and not is_code(given_id) and given_id not in (earlier or ()) and not counts_from_0:
            assert number == given_id
        if row in new.duplicates:
            first = whole.index(given_id)
            assert (given_ids[first], contents[first]) == (given_ids[row], contents[row])
    assert {row: numbers[row] for row in new.numbers} == new.numbers
    assert all(new.given[number] == given_ids[row] for row, number in new.numbers.items())


def test_a_file_that_counts_from_0_counts_from_1() -> None:
    assert number_file([0, 1, 2], [1, 2, 3])[0] == [1, 2, 3]
    assert number_file([0, 1, 2], [1, 2, 3])[1].rule == "id_from_0"
    assert number_file([0], [1])[0] == [0]


@given(st.lists(st.integers(-3, 9) | st.sampled_from(["x", "y.jpg", "3f-2"]), unique=True))
def test_images_with_texts_as_ids_are_numbered_above_the_others(given_ids: list[Any]) -> None:
    images = {number_id(each): CocoImage(number_id(each), f"{each}.jpg") for each in given_ids}
    files = {image.file for image in images.values()}
    numbered, numbers = number_images(images)
    assert {image.file for image in numbered.values()} == files
    assert all(number == image.id for number, image in numbered.items())
    own = [each for each in given_ids if isinstance(each, int)]
    assert {each for each in own if numbered[each].file == f"{each}.jpg"} == set(own)
    texts = [each for each in given_ids if isinstance(each, str)]
    highest = max(own, default=0)
    assert [numbers[encode_text(each)] for each in texts] == [
        max(highest, 0) + place for place in range(1, len(texts) + 1)
    ]


def test_annotations_name_their_images_by_number_text_or_file() -> None:
    files = {1: "val/a.jpg", 2: "val/b.jpg", 3: "train/c.jpg", 4: "test/c.jpg"}
    numbers = {encode_text("uuid"): 2}
    names = [1, "uuid", "val/a.jpg", "b.jpg", "a", "c", "train/c.jpg", "nowhere"]
    found, named = resolve_images(np.array([number_id(name) for name in names], np.int64), lambda: files, numbers)
    assert found.tolist()[:5] == [1, 2, 1, 2, 1]
    assert is_code(found[5]), "two images are called so"
    assert found[6] == 3
    assert is_code(found[7])
    assert named == 4
    whole: NDArray[np.int64] = np.array([3, 1], np.int64)
    assert resolve_images(whole, lambda: 1 / 0, {})[0] is whole, "names are not needed for numbers"  # type: ignore[arg-type, return-value]


def test_relations_follow_the_annotations_of_their_image() -> None:
    """In image 2, the id 1 was taken; in image 1 it stays."""
    image_ids, given_ids, ids = (np.array(each, np.int64) for each in ([1, 1, 2, 2], [1, 2, 1, 2], [1, 2, 3, 4]))
    relations = [("first", CocoRelation(1, 1, "on", 2)), ("second", CocoRelation(2, 1, "on", 2))]
    relations.append(("unknown", CocoRelation(2, 9, "on", 1)))
    number_relations(relations, image_ids, given_ids, ids)
    assert [(relation.subject, relation.object) for _, relation in relations] == [(1, 2), (3, 4), (9, 3)]
