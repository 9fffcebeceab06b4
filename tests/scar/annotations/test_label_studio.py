"""Label Studio's own JSON: percent of the image, several annotators, texts of regions and of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.file_kind import find_reader
from scar.errors import BadRecord
from scar.sample import Box, Picture
from tests.scar.annotations.reading import HEIGHT, WIDTH, read_labels

SIZE = {"original_width": WIDTH, "original_height": HEIGHT}


def result(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"value": value, **SIZE} | changes


def rectangle(*box: float, name: str = "Dog", rotation: float = 0) -> dict[str, Any]:
    numbers = dict(zip(("x", "y", "width", "height"), box, strict=True))
    return {**numbers, "rotation": rotation, "rectanglelabels": [name]}


def task(*results: Any, image: str = "/data/upload/7/0123abcd-a.png", **changes: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": list(results)}]} | changes


def read(folder: Path, *tasks: Any, tally: Tally | None = None) -> list[Picture]:
    path = folder / "labels" / "tasks.json"
    path.write_text(json.dumps(tasks))
    return read_labels(folder, "label_studio", tally, instances=path)


def test_percent_become_pixels(folder: Path) -> None:
    polygon = {"points": [[10, 10], [50, 10], [50, 90]], "polygonlabels": ["Cat"]}
    ellipse = {"x": 50, "y": 50, "radiusX": 25, "radiusY": 10, "ellipselabels": ["Ball"]}
    keypoint = {"x": 50, "y": 50, "width": 0.5, "keypointlabels": ["Nose"]}
    tally = Tally()
    values = [rectangle(25, 50, 50, 25), polygon, ellipse, keypoint]
    (picture,) = read(folder, task(*map(result, values)), tally=tally)
    assert [region.category for region in picture.regions] == ["Dog", "Cat", "Ball"]
    assert [region.box for region in picture.regions[:2]] == [Box(20, 30, 60, 45), Box(8, 6, 40, 54)]
    assert picture.regions[2].box.xywh == pytest.approx((20, 24, 40, 12), abs=0.1)
    assert (tally.records, tally.rejected) == (4, {"no_area": 1})


def test_a_turned_rectangle_is_a_polygon(folder: Path) -> None:
    """80x60: 50 % x 20 % are 40x12 pixels, turned by 90 degrees about (60, 6)."""
    (picture,) = read(folder, task(result(rectangle(75, 10, 50, 20, rotation=90))))
    assert picture.regions[0].box.xywh == pytest.approx((48, 6, 12, 40), abs=0.1)
    assert picture.regions[0].with_mask().mask is not None


@pytest.mark.parametrize(
    "image",
    [
        "a.png",
        "/data/upload/7/0123abcd-a.png",
        "/data/local-files/?d=photos%2Fa.png",
        "https://host/bucket/a.png?token=1",
        "s3://bucket/x/a.png",
    ],
)
def test_the_image_is_found_by_its_upload_or_url(image: str, folder: Path) -> None:
    assert read(folder, task(result(rectangle(10, 10, 50, 50)), image=image))[0].file == "a.png"


def test_texts_of_a_region_are_phrases_and_others_captions(folder: Path) -> None:
    (picture,) = read(
        folder,
        task(
            result(rectangle(10, 10, 50, 50), id="r1"),
            result({"text": ["the old dog"]}, id="r1"),
            result({"text": ["A dog in a park."]}, id="t9"),
            result({"choices": ["outdoors"]}),
        ),
    )
    assert picture.regions[0].phrases == ("the old dog",)
    assert picture.captions == ("A dog in a park.",)
    assert len(picture.regions) == 1


def test_the_ground_truth_counts_else_the_first_that_is_not_cancelled(folder: Path) -> None:
    one, two = ({"result": [result(rectangle(10, 10, 50, 50, name=name))]} for name in ("One", "Two"))
    for done, name, ignored in (
        ([one, two], "One", 1),
        ([one, two | {"ground_truth": True}], "Two", 1),
        ([one | {"was_cancelled": True}, two], "Two", 0),
    ):
        tally = Tally()
        (picture,) = read(folder, task(annotations=done), tally=tally)
        assert [region.category for region in picture.regions] == [name]
        assert tally.ignored["other_annotator"] == ignored


def test_json_min_is_read(folder: Path) -> None:
    entry = {"image": "/data/upload/7/0123abcd-a.png", "id": 1, "annotator": 1, "annotation_id": 2}
    entry["label"] = [rectangle(25, 50, 50, 25) | SIZE, {"points": [[10, 10], [50, 10], [50, 90]], "labels": ["Cat"]}]
    (picture,) = read(folder, entry)
    assert [region.category for region in picture.regions] == ["Dog", "Cat"]
    assert find_reader(folder / "labels" / "tasks.json") == "label_studio"


@pytest.mark.parametrize(
    ("value", "problem", "reason"),
    [
        ({"rle": [1, 2], "format": "rle", "brushlabels": ["Dog"]}, "brush are not read: export from", "malformed"),
        (rectangle(10, 10, 50, 50) | {"rectanglelabels": []}, "it has no label", "no_category"),
        (rectangle(10, 10, 50, 50) | {"x": None}, "its numbers cannot be read: TypeError", "malformed"),
        ({"points": [["a", 1]], "polygonlabels": ["Dog"]}, "its numbers cannot be read: ValueError", "malformed"),
        (rectangle(10, 10, 0, 50), "has no area", "empty_box"),
    ],
)
def test_a_broken_region_is_named_and_counted(value: Any, problem: str, reason: str, folder: Path) -> None:
    broken = task(result(rectangle(10, 10, 50, 50)), result(value))
    with pytest.raises(BadRecord, match=rf"tasks.json, \[0\], region 1: .*{problem}"):
        read(folder, broken)
    tally = Tally(skip_bad=True)
    assert len(read(folder, broken, tally=tally)[0].regions) == 1
    assert (tally.records, tally.rejected) == (2, {reason: 1})


def test_a_task_without_an_image_is_named_and_one_without_regions_passed_over(folder: Path) -> None:
    drawn = task(result(rectangle(10, 10, 50, 50)))
    with pytest.raises(BadRecord, match=r"\[1\]: no image in .*'z.png'"):
        read(folder, drawn, task(result(rectangle(10, 10, 50, 50)), image="z.png"))
    with pytest.raises(BadRecord, match=r"\[0\]: it is no task of Label Studio"):
        read(folder, 3)
    assert len(read(folder, drawn, task(), task(annotations=[]))) == 1
