"""What a file is, by its keys; the readers of folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.file_kind import find_kind, find_reader
from scar.annotations.inputs import check_inputs
from scar.annotations.opening import open_index
from scar.errors import InputError
from scar.recipe import Source
from tests.scar.annotations.exports import EXPORTS, draw_tiny_set

BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40]}
IMAGES = [{"id": 1, "file_name": "a.jpg"}]

KINDS: list[tuple[str, Any, str]] = [
    ("results", [BOX | {"score": 0.5}], "COCO results"),
    ("results_of_masks", [{"image_id": 1, "category_id": 2, "segmentation": {}, "score": 1}], "COCO results"),
    ("bare_list", [BOX], "list of annotations"),
    ("captions", {"images": IMAGES, "annotations": [{"id": 1, "image_id": 1, "caption": "A dog."}]}, "captions JSON"),
    ("captions_last", {"info": {"year": 1}, "annotations": [{"caption": "{[", "image_id": 1}]}, "captions JSON"),
    ("via_project", {"_via_settings": {}, "_via_img_metadata": {"a.jpg1": {"filename": "a.jpg"}}}, "project of VIA"),
    ("via", {"a.jpg123": {"filename": "a.jpg", "size": 123, "regions": []}}, "annotations of VIA"),
    ("labelme", {"version": "5", "shapes": [], "imagePath": "a.jpg"}, "LabelMe"),
    ("karpathy", {"images": [{"filename": "a.jpg", "sentences": [{"raw": "A"}]}], "dataset": "coco"}, "Karpathy"),
    ("panoptic", {"images": IMAGES, "annotations": [{"image_id": 1, "segments_info": []}]}, "panoptic"),
    ("label_studio", [{"id": 1, "annotations": [{"result": []}], "data": {"image": "/a.jpg"}}], "Label Studio"),
    ("createml", [{"image": "a.jpg", "annotations": [{"label": "dog", "coordinates": {}}]}], "CreateML"),
    ("bdd", [{"name": "a.jpg", "labels": [{"category": "car"}]}], "BDD100K"),
    ("datumaro", {"info": {}, "categories": {}, "items": []}, "Datumaro"),
    ("fiftyone", {"samples": [{"filepath": "a.jpg"}]}, "FiftyOne"),
    ("blip", [{"image": "a.jpg", "caption": "A dog."}], "captions list"),
    ("images", {"images": IMAGES, "categories": []}, "images alone"),
    ("refs", [{"ref_id": 1, "ann_id": 2, "sentences": []}], "referring expressions"),
]


def make_source(path: Path, **changes: Any) -> Source:
    return Source(name="T", split="eval", instances=path, images=path.parent, **changes)


@pytest.mark.parametrize(("name", "content", "word"), KINDS, ids=[name for name, _, _ in KINDS])
def test_a_file_of_another_kind_is_named_with_what_to_do(name: str, content: Any, word: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=word) as caught:
        open_index(make_source(path), Tally())
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: is ")


@pytest.mark.parametrize("lines", ['{"a": 1}\n{"a": 2}\n', '{"image": {"id": 1}}\n\n{"image": {"id": 2}}'])
def test_json_lines_are_named(lines: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(lines)
    with pytest.raises(InputError, match="JSON lines"):
        open_index(make_source(path), Tally())


@pytest.mark.parametrize("text", ["", "3", '"text"', "{", "[", "{]", '{"a"', "\x00\x01"])
def test_what_is_no_json_is_of_no_kind(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert find_kind(path) is None
    assert find_kind(tmp_path / "absent") is None


def test_the_reader_of_every_export_is_found(tmp_path: Path) -> None:
    tiny = draw_tiny_set(tmp_path, count=2)
    readers = {name: find_reader(write(tmp_path, tiny)) for name, write in EXPORTS.items()}
    assert {name: reader for name, reader in readers.items() if reader} == {
        "label_studio_json": "label_studio",
        **{name: name for name in ("labelme", "yolo", "voc", "createml", "via")},
    }
    assert find_reader(tiny.images) is None


@pytest.mark.parametrize(("name", "reader"), [("labelme", "coco"), ("yolo", "coco"), ("coco", "voc")])
def test_a_folder_for_a_file_and_the_reverse_are_named_with_the_reader(name: str, reader: str, tmp_path: Path) -> None:
    path = EXPORTS[name](tmp_path, draw_tiny_set(tmp_path, count=2))
    with pytest.raises(InputError, match=rf"is a (file|folder) for the reader {name}; .*--reader {name}"):
        check_inputs(make_source(path, reader=reader))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("boxes.csv", "ImageID,LabelName\n", "is a table, as of Open Images"),
        ("a.xml", "<annotation/>", "is an XML: of VOC, give its folder"),
        ("a.txt", "0 0.5 0.5 0.1 0.1\n", "is one label file, as of YOLO"),
        ("rows.parquet", "PAR1", "is a Parquet file"),
    ],
)
def test_files_that_are_no_json_are_named_by_their_ending(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        open_index(make_source(path), Tally())


def test_folders_of_roboflow(tmp_path: Path) -> None:
    """A README lies beside the files, and COCO's JSON beside the images."""
    for name in ("voc", "yolo", "coco"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.dataset.txt").write_text("cats v1\n")
        (tmp_path / name / "a.jpg").write_bytes(b"")
    (tmp_path / "voc" / "a.xml").write_text("<annotation/>")
    (tmp_path / "yolo" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "coco" / "_annotations.coco.json").write_text(json.dumps({"images": IMAGES, "annotations": [BOX]}))
    assert [find_reader(tmp_path / name) for name in ("voc", "yolo", "coco")] == ["voc", "yolo", None]
    with pytest.raises(InputError, match=r"coco: is a folder; give the file in it: .*_annotations\.coco\.json\."):
        check_inputs(make_source(tmp_path / "coco"))
