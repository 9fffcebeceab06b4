"""The captions of an image: those of its own file come first, whatever the form of the captions file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.image_captions import index_image_captions
from scar.errors import BadRecord, InputError

NAMES = {1: "a.jpg", 2: "set/b.jpg"}
OWN = {1: ("A dog.", "Own."), 3: ("Alone.",)}

FORMS: dict[str, Any] = {
    "COCO": {"annotations": [{"image_id": 1, "caption": "A dog."}, {"image_id": 2, "caption": "A  cat."}]},
    "COCO with the key sentence": {
        "annotations": [{"image_id": 1, "sentence": "A dog."}, {"image_id": 2, "sentence": "A cat."}]
    },
    "COCO with file names": {
        "images": [{"id": 11, "file_name": "a.jpg"}, {"id": 12, "file_name": "b.jpg"}],
        "annotations": [{"image_id": "11", "caption": "A dog."}, {"image_id": "12", "caption": "A cat."}],
    },
    "list": [{"image": "a.jpg", "caption": "A dog."}, {"image": "b.jpg", "caption": "A cat."}],
    "object": {"a.jpg": ["A dog."], "set/b.jpg": "A cat."},
    "list of ids": [{"image_id": 1, "text": "A dog."}, {"image_id": "2", "text": "A cat."}],
}


def read(tmp_path: Path, content: Any, tally: Tally, own: Any = None, **changes: Any) -> dict[int, tuple[str, ...]]:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(content))
    index = index_image_captions(path, NAMES, "boxes.json", tally, CallCache(), own, **changes)
    return {number: index.select(number).read() for number in (1, 2, 3)}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_captions(form: str, tmp_path: Path) -> None:
    found = read(tmp_path, FORMS[form], Tally())
    assert {number: [" ".join(text.split()) for text in texts] for number, texts in found.items()} == {
        1: ["A dog."],
        2: ["A cat."],
        3: [],
    }


@pytest.mark.parametrize("form", FORMS)
def test_own_captions_come_before_those_of_a_captions_file(form: str, tmp_path: Path) -> None:
    found = read(tmp_path, FORMS[form], Tally(), {1: ("Own.",), 3: ("Alone.",)})
    assert (found[1], found[3]) == (("Own.", "A dog."), ("Alone.",))


@pytest.mark.parametrize("form", FORMS)
def test_no_caption_comes_twice(form: str, tmp_path: Path) -> None:
    assert read(tmp_path, FORMS[form], Tally(), OWN)[1] == ("A dog.", "Own.")


def test_without_a_captions_file_there_are_own_ones() -> None:
    index = index_image_captions(None, NAMES, "boxes.json", Tally(), CallCache(), {2: (" A  cat. ",)})
    assert index.select(2).read() == ("A cat.",)
    assert index.select(1).read() == ()


def test_captions_of_other_images_are_told(tmp_path: Path) -> None:
    content = [{"image": "z.jpg", "caption": "A dog."}]
    with pytest.raises(InputError, match=r"none of its 1 captions is of an image of boxes\.json .*'z\.jpg'"):
        read(tmp_path, content, Tally())
    with pytest.raises(BadRecord, match=r"z\.jpg"):
        read(tmp_path, [*content, {"image": "a.jpg", "caption": "A dog."}], Tally())
    tally = Tally(skip_bad=True)
    assert read(tmp_path, [*content, {"image": "a.jpg", "caption": "A dog."}], tally)[1] == ("A dog.",)
    assert tally.ignored == {"caption_no_image": 1}


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    boxes = {"images": [], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}], "categories": []}
    with pytest.raises(InputError, match="is an instances JSON; give it as --instances"):
        read(tmp_path, boxes, Tally())
