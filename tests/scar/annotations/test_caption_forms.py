"""Captions in the forms that people have, joined by file name or id."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.caption_forms import iter_captions
from scar.annotations.image_captions import index_image_captions
from scar.errors import BadRecord, InputError

NAMES = {7: "photos/a.jpg", 8: "photos/b.jpg"}
FOUND = {7: ("A dog.", "A brown dog."), 8: ("A cat.",)}

FORMS: dict[str, Any] = {
    "list": [{"image": "a.jpg", "caption": ["A dog.", "A brown dog."]}, {"image": "b.jpg", "caption": "A cat."}],
    "list_of_ids": [
        {"image_id": "7", "caption": "A dog."},
        {"image_id": 7.0, "caption": " A brown  dog. "},
        {"image_id": 8, "caption": "A cat."},
    ],
    "hugging_face": [
        {"file_name": "photos/a.jpg", "text": "A dog."},
        {"file_name": "photos/a.jpg", "text": "A brown dog."},
        {"file_name": "photos/b.jpg", "text": "A cat."},
    ],
    "by_name": {"a.jpg": ["A dog.", "A brown dog."], "b.jpg": "A cat."},
    "karpathy": {
        "dataset": "flickr30k",
        "images": [
            {"filename": "a.jpg", "imgid": 0, "sentences": [{"raw": "A dog."}, {"raw": "A brown dog.", "imgid": 0}]},
            {"filename": "b.jpg", "filepath": "photos", "sentences": [{"raw": "A cat."}]},
        ],
    },
    "inside_images": {
        "images": [
            {"id": 1, "file_name": "a.jpg", "captions": ["A dog.", "A brown dog."]},
            {"id": 2, "file_name": "b.jpg", "caption": "A cat."},
        ],
        "annotations": [],
    },
    "text_ids": {
        "images": [{"id": "x", "file_name": "a.jpg"}, {"id": "y", "file_name": "b.jpg"}],
        "annotations": [
            {"id": 1, "image_id": "x", "caption": "A dog."},
            {"id": 2, "image_id": "x", "caption": "A brown dog."},
            {"id": 3, "image_id": "y", "caption": "A cat."},
        ],
    },
    "file_names_as_ids": {
        "annotations": [
            {"image_id": "a.jpg", "caption": "A dog."},
            {"image_id": "a.jpg", "caption": "A brown dog."},
            {"image_id": "b.jpg", "caption": "A cat."},
        ]
    },
    "coco": {
        "annotations": [
            {"image_id": 7, "caption": "A dog."},
            {"image_id": 7, "caption": "A brown dog."},
            {"image_id": 8, "caption": "A cat."},
        ]
    },
}


def read_all(path: Path, tally: Tally | None = None) -> dict[int, tuple[str, ...]]:
    index = index_image_captions(path, NAMES, "instances.json", tally or Tally(), CallCache())
    return {number: index.select(number).read() for number in NAMES}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_captions(form: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(FORMS[form]), encoding="utf-8")
    assert read_all(path) == FOUND


@pytest.mark.parametrize("form", ["list", "list_of_ids", "hugging_face"])
def test_json_lines_are_lists(form: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text("\n".join(map(json.dumps, FORMS[form])) + "\n\n", encoding="utf-8")
    assert read_all(path) == FOUND


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.txt", 'image,caption\na.jpg,A dog.\na.jpg,"A brown dog."\nb.jpg,A cat.\n'),
        ("Flickr8k.token.txt", "a.jpg#0\tA dog.\na.jpg#1\tA brown dog.\nb.jpg#0\tA cat.\n"),
        (
            "results.csv",
            "image_name| comment_number| comment\na.jpg| 0| A dog.\na.jpg| 1| A brown dog.\nb.jpg| 0| A cat.\n",
        ),
    ],
)
def test_tables_of_flickr(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_all(path) == FOUND


@given(
    st.lists(st.text(st.sampled_from('ab ,;|\n".\t\u2028é'), max_size=30), min_size=1, max_size=6),
    st.sampled_from(",;|\t"),
    st.permutations(["caption", "image", "split"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_tables_of_python_are_read_as_python_reads_them(
    texts: list[str], separator: str, columns: list[str], quoting: Literal[0, 1]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "captions.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=separator, quoting=quoting)
            writer.writerow(columns)
            for text in texts:
                row = {"caption": text, "image": "a.jpg", "split": "train"}
                writer.writerow([row[column] for column in columns])
        tally = Tally(skip_bad=True)
        found = [caption.text for caption in iter_captions(path, tally)]
    clean = [" ".join(text.split()) for text in texts]
    assert found == [text for text in clean if text]
    assert tally.ignored.total() == clean.count("")


@pytest.mark.parametrize(
    ("row", "caption"),
    [
        ("a.jpg,A dog , a cat, and a cup.", "A dog , a cat, and a cup."),
        ('a.jpg,A 12" pizza', 'A 12" pizza'),
        ('a.jpg,"A dog\non a sofa\n\nat home"', "A dog on a sofa at home"),
        ('a.jpg, "A dog, ""Rex"", on a sofa"', 'A dog, "Rex", on a sofa'),
        ('a.jpg,"A dog', "A dog"),
    ],
)
@pytest.mark.parametrize("has_columns", [True, False])
def test_rows_that_people_write(row: str, caption: str, has_columns: bool, tmp_path: Path) -> None:
    """The next row is never swallowed, though a quote is open."""
    path = tmp_path / "captions.csv"
    path.write_text("image,caption\n" * has_columns + row + "\nb.jpg,A cat.\n", encoding="utf-8")
    assert read_all(path) == {7: (caption if has_columns or row != 'a.jpg,"A dog' else '"A dog',), 8: ("A cat.",)}


def test_a_table_of_ids_is_read_and_a_row_of_another_width_counted(tmp_path: Path) -> None:
    path = tmp_path / "captions.tsv"
    path.write_text("Caption\timage_id\tsplit\nA dog.\t7\ttrain\nA cat.\t8\nA cup.\t8\ttest\n")
    tally = Tally(skip_bad=True)
    assert read_all(path, tally) == {7: ("A dog.",), 8: ("A cup.",)}
    assert tally.ignored == {"malformed": 1}
    with pytest.raises(BadRecord, match=r"captions\.tsv, line 3: "):
        read_all(path)


@pytest.mark.parametrize("form", ["list", "coco", "karpathy"])
def test_a_null_or_an_empty_caption_is_counted_and_stops_nothing(form: str, tmp_path: Path) -> None:
    text = json.dumps(FORMS[form]).replace('"A brown dog."', "null").replace('"A cat."', '" "')
    path = tmp_path / "captions.json"
    path.write_text(text, encoding="utf-8")
    tally = Tally()
    assert read_all(path, tally) == {7: ("A dog.",), 8: ()}
    assert tally.ignored == {"empty_caption": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            [{"image": "c.jpg", "caption": "A fox."}],
            r"none of its 1 captions is of an image of .*'c\.jpg'",
        ),
        (
            [{"picture": "a.jpg", "caption": "A dog."}],
            r"no captions that are read: captions\.json, \[0\] ",
        ),
        ([3, None], r"no captions that are read"),
        ({"annotations": [{"category_id": 1, "bbox": [1, 2, 3, 4], "image_id": "7"}]}, r"is an instances JSON"),
        ({"images": [{"id": 7, "file_name": "a.jpg"}]}, r"is a file of images alone"),
    ],
)
def test_what_has_no_captions_is_refused_in_one_line(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


def test_an_entry_without_image_and_a_caption_of_another_image_are_counted(tmp_path: Path) -> None:
    entries = [*FORMS["list"], {"caption": "A fox."}, {"image": "c.jpg", "caption": "A hen."}]
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(BadRecord, match=r"captions\.json, \[2\]: it has no file name"):
        read_all(path)
    tally = Tally(skip_bad=True)
    assert read_all(path, tally) == FOUND
    assert tally.ignored == {"malformed": 1, "caption_no_image": 1}


@pytest.mark.parametrize(
    "content",
    [{"images": 5}, {"annotations": 3}, {"images": [[1]], "annotations": [[2]]}, [[{"image": 1}]], {"a": {"b": 1}}],
)
def test_files_of_no_sense_are_one_line(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_all(path, Tally(skip_bad=True))
    assert "\n" not in str(caught.value)


def test_the_ending_of_a_json_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text(json.dumps(FORMS["list"]), encoding="utf-8")
    assert read_all(path) == FOUND
