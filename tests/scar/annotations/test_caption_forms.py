"""Captions in the forms that people have, joined by file name or id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
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
