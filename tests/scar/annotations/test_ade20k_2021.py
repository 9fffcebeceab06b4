"""ADE20K's release of 2021: objects with polygons become regions, and the real JSONs read as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from scar.accounting import Tally
from scar.annotations import open_index
from scar.errors import BadRecord, InputError
from tests.scar.annotations.reading import ade20k_source, read_pictures
from tests.shared import SHARED

REAL = SHARED / "data" / "ade20k" / "ADE20K_2021_17_01"


class Full:
    """A release of 2021 with one image of two things, one part."""

    def __init__(self, folder: Path) -> None:
        self.release = folder / "ADE20K_2021_17_01"
        self.folder = self.release / "images" / "ADE" / "training" / "urban" / "street"
        self.objects: Any = [
            self.thing(0, "car, auto, automobile", [5, 25, 25, 5], [5, 5, 15, 15], name_ndx=401),
            self.thing(1, "wheel", [6, 9, 9], [12, 12, 15], part_level="1"),
            self.thing(4, "tree", [30, 50, 50, 30], [0, 0, 38, 38], name_ndx=2855),
        ]
        self.changes: dict[str, Any] = {}

    @staticmethod
    def thing(number: int, name: str, x: Any, y: Any, part_level: Any = 0, **changes: Any) -> dict[str, Any]:
        parts = {"hasparts": [], "ispartof": [], "part_level": part_level}
        return {"id": number, "name": name, "raw_name": name, "polygon": {"x": x, "y": y}, "parts": parts} | changes

    def write(self, stem: str = "ADE_train_00000007", encoding: str = "utf-8") -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        annotation = {
            "filename": f"{stem}.jpg",
            "imsize": [40, 60, 3],
            "scene": ["outdoor", "urban", "street"],
            "object": self.objects,
        } | self.changes
        text = json.dumps({"annotation": annotation}, ensure_ascii=False)
        (self.folder / f"{stem}.json").write_text(text, encoding=encoding)
        return self.release


@pytest.fixture
def full(tmp_path: Path) -> Full:
    return Full(tmp_path)


def test_polygons_of_the_full_release(full: Full) -> None:
    tally = Tally()
    (picture,) = read_pictures(ade20k_source(full.write()), tally)
    assert (picture.id, picture.file) == (7, "ADE/training/urban/street/ADE_train_00000007.jpg")
    assert (picture.width, picture.height, picture.scene) == (60, 40, "street")
    assert [(region.id, region.category, region.box.xywh) for region in picture.regions] == [
        (70_000, "car", (5, 5, 20, 10)),
        (70_004, "tree", (30, 0, 20, 38)),
    ]
    car = picture.regions[0].with_mask().mask
    assert car is not None
    assert car.to_array().sum() == 200
    assert (tally.records, tally.rejected) == (3, {"part": 1})


def test_what_is_hidden_is_no_part_of_a_mask(full: Full) -> None:
    release = full.write()
    classes: NDArray[np.uint8] = np.zeros((40, 60, 3), np.uint8)
    classes[5:15, 5:15] = (401 // 256 * 10 + 3, 401 % 256, 77)  # what stands behind the tens of red is not the class
    Image.fromarray(classes).save(full.folder / "ADE_train_00000007_seg.png")
    car, tree = (region.with_mask().mask for region in read_pictures(ade20k_source(release), Tally())[0].regions)
    assert car is not None
    assert (car.to_array() == (classes[..., 2] == 77)).all()
    assert tree is not None
    assert tree.to_array().sum() == 20 * 38  # no pixel has its class: the polygon counts


def test_frames_and_images_count_for_themselves(full: Full) -> None:
    full.write("ADE_frame_00000007")
    assert [picture.id for picture in read_pictures(ade20k_source(full.write()), Tally())] == [7, 100_000_007]


def test_odd_but_honest_files(full: Full) -> None:
    full.objects = full.objects[0] | {"name": "caf\u00e9, coffee bar", "name_ndx": "401"}
    full.changes = {"scene": "/unclassified"}
    (picture,) = read_pictures(ade20k_source(full.write(encoding="latin-1")), Tally())
    assert [region.category for region in picture.regions] == ["caf\u00e9"]
    assert picture.scene is None


@pytest.mark.parametrize(
    ("path", "scene"),
    [
        (["cultural", "church", "indoor"], "church/indoor"),
        ("/home or hotel/bedroom", "bedroom"),
        (["outdoor"], "outdoor"),
        (["sports", "unclassified"], "sports"),
    ],
)
def test_the_scene_of_a_path_keeps_the_word_before_a_side(full: Full, path: list[str] | str, scene: str) -> None:
    full.changes = {"scene": path}
    (picture,) = read_pictures(ade20k_source(full.write()), Tally())
    assert picture.scene == scene


@pytest.mark.parametrize(
    ("changes", "message", "reason"),
    [
        ({"polygon": {"x": [], "y": []}}, "its polygon has no corner", "empty_mask"),
        ({"polygon": {"x": 3, "y": 4}}, "has no area", "empty_box"),
        ({"polygon": {"x": [1, 2], "y": [4]}}, "has 2 x and 1 y", "bad_mask"),
        ({"polygon": {"x": [100, 120, 120], "y": [1, 1, 9]}}, "lies outside", "outside"),
        ({"name": "", "raw_name": ""}, "it has no name", "no_name"),
        ({"id": 4}, "a second object has the id 4", "duplicate_id"),
        ({"polygon": None}, r"object\[0\]: Expected `object`", "malformed"),
    ],
)
def test_each_defect_of_an_object_is_refused_or_counted(
    full: Full, changes: dict[str, Any], message: str, reason: str
) -> None:
    full.objects[0].update(changes)
    with pytest.raises(BadRecord, match=message):
        read_pictures(ade20k_source(full.write()), Tally())
    tally = Tally(skip_bad=True)
    assert len(read_pictures(ade20k_source(full.release), tally)[0].regions) == 1
    assert (tally.records, tally.rejected["part"], tally.rejected.total()) == (3, 1, 2)
    assert tally.rejected[reason] == 1


def test_a_polygon_that_is_none_is_noticed_when_it_is_traced(full: Full) -> None:
    full.objects[0]["polygon"] = {"x": [1, float("nan"), 30], "y": [1, 1, 30]}
    full.objects[2]["polygon"] = {"x": [5, 30], "y": [5, 30]}
    car, tree = read_pictures(ade20k_source(full.write()), Tally())[0].regions
    with pytest.raises(BadRecord, match=r"object 0: polygon .* lies far outside"):
        car.with_mask()
    with pytest.raises(BadRecord, match="object 4: its mask covers no pixel"):
        tree.with_mask()


@pytest.mark.parametrize(
    ("changes", "message", "reason"),
    [
        ({"imsize": [0, 60, 3]}, r"its size is \[0, 60, 3\]", "image_size"),
        ({"imsize": [40]}, "its size is", "image_size"),
        ({"filename": "ADE_train_00000009.jpg"}, "it is of the image 'ADE_train_00000009.jpg'", "image_mismatch"),
        ({"object": 3}, "got `int`", "malformed"),
    ],
)
def test_a_json_that_cannot_be_used_is_one_image(
    full: Full, changes: dict[str, Any], message: str, reason: str
) -> None:
    full.write("ADE_train_00000008")
    full.changes = changes
    with pytest.raises(BadRecord, match=message):
        read_pictures(ade20k_source(full.write()), Tally())
    tally = Tally(skip_bad=True)
    assert [len(picture.regions) for picture in read_pictures(ade20k_source(full.release), tally)] == [0, 2]
    assert tally.ignored == {reason: 1}


def test_a_split_without_files_is_refused(full: Full) -> None:
    with pytest.raises(InputError, match=r"validation: has no ADE_\*\.json; ADE/eval needs"):
        open_index(ade20k_source(full.write(), "eval"), Tally())


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no {REAL}")
def test_real_files_of_the_full_release() -> None:
    tally = Tally(skip_bad=True)
    found = read_pictures(ade20k_source(REAL), tally)
    assert [picture.id for picture in found] == [16869, 16900, 16964]
    files = sorted((REAL / "images/ADE/training/urban/street").glob("*.json"))
    assert all(picture.scene == "street" for picture in found)
    for picture, file in zip(found, files, strict=True):
        annotation = json.loads(file.read_text())["annotation"]
        assert [picture.height, picture.width] == annotation["imsize"][:2]
        objects = {entry["id"]: entry for entry in annotation["object"] if entry["parts"]["part_level"] == 0}
        for region in picture.regions:
            entry = objects[region.id % 10_000]
            assert entry["name"].startswith(region.category)
            xs = np.clip(entry["polygon"]["x"], 0, picture.width)
            assert region.box.x0 == pytest.approx(xs.min())
            assert region.box.x1 == pytest.approx(xs.max())
            mask = region.with_mask().mask
            assert mask is not None
            assert mask.to_array().any()
    assert tally.records == 70 + 37 + 32
    assert sum(len(picture.regions) for picture in found) == tally.records - tally.rejected.total()
    assert tally.rejected["part"] == 19 + 3 + 8
