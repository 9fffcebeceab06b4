"""Both releases of ADE20K: pictures of classes become masks with names, and the real JSONs read as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from scar.accounting import Tally
from scar.annotations import open_index
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Picture, Split
from tests.shared import SHARED

REAL = SHARED / "data" / "ade20k" / "ADE20K_2021_17_01"

INFO = """Idx\tRatio\tTrain\tVal\tStuff\tName
1\t0.1576\t11664\t1172\t1\twall
5\t0.0487\t7160\t717\t0\ttree
13\t0.0190\t5432\t600\t0\tperson, individual
"""


def source(release: Path, split: Split = "train") -> Source:
    return Source(name="ADE", split=split, reader="ade20k", images=release / "images", files={"release": release})


def pictures(release: Path, tally: Tally, split: Split = "train") -> list[Picture]:
    album = open_index(source(release, split), tally)
    found = [ref.read_picture(tally) for ref in album]
    assert len(found) == len(album)
    return found


class Challenge:
    """A release of 2016 with one image: a wall, a tree, and two persons before it."""

    def __init__(self, folder: Path) -> None:
        self.release = folder / "ADEChallengeData2016"
        self.classes = np.ones((40, 60), np.uint8)
        self.things = np.zeros((40, 60, 3), np.uint8)
        self.classes[:, 50:] = 0
        self.classes[5:30, 5:15] = self.classes[5:30, 20:40] = 13
        self.classes[30:, :10] = 5
        self.things[5:30, 5:15] = (9, 1, 0)
        self.things[5:30, 20:40] = (9, 2, 0)
        self.things[5:10, 20:40] = 0  # a person's hat that belongs to nobody
        self.classes[20:22, 6:8] = 1  # a few pixels of another class in a person
        self.scenes = "ADE_train_00000007 dining_room\nADE_train_00000008 misc\n"
        self.info = INFO

    def write(self, number: int = 7) -> Path:
        stem = f"ADE_train_{number:08}"
        for kind, pixels in (("annotations", self.classes), ("annotations_instance", self.things)):
            (self.release / kind / "training").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(self.release / kind / "training" / f"{stem}.png")
        (self.release / "images" / "training").mkdir(parents=True, exist_ok=True)
        (self.release / "objectInfo150.txt").write_text(self.info)
        (self.release / "sceneCategories.txt").write_text(self.scenes)
        return self.release


@pytest.fixture
def challenge(tmp_path: Path) -> Challenge:
    return Challenge(tmp_path)


def test_things_and_stuff_of_the_challenge_release(challenge: Challenge) -> None:
    tally = Tally()
    (picture,) = pictures(challenge.write(), tally)
    assert (picture.id, picture.file, picture.scene) == (7, "training/ADE_train_00000007.jpg", "dining_room")
    assert (picture.width, picture.height) == (60, 40)
    assert [(region.id, region.category, region.box.xywh) for region in picture.regions] == [
        (7 * 100_000 + 9 * 256 + 1, "person", (5, 5, 10, 25)),
        (7 * 100_000 + 9 * 256 + 2, "person", (20, 10, 20, 20)),
        (7 * 100_000 + 70_001, "wall", (0, 0, 50, 40)),
        (7 * 100_000 + 70_005, "tree", (0, 30, 10, 10)),
    ]
    first, _, wall, tree = (region.with_mask().mask for region in picture.regions)
    assert first is not None
    assert wall is not None
    assert tree is not None
    assert (first.to_array() == (challenge.things[..., 1] == 1)).all()
    assert (wall.to_array() == ((challenge.classes == 1) & (challenge.things[..., 1] == 0))).all()
    assert (tree.to_array() == (challenge.classes == 5)).all()
    assert tally.records == 4


def test_a_picture_that_fills_several_blocks_of_memory_reads_the_same(challenge: Challenge) -> None:
    small = pictures(challenge.write(), Tally())
    challenge.classes = challenge.classes.repeat(50, axis=0).repeat(50, axis=1)  # 3,000 x 2,000 pixels, 24 MB
    challenge.things = challenge.things.repeat(50, axis=0).repeat(50, axis=1)
    large = pictures(challenge.write(), Tally())
    for mine, theirs in zip(large[0].regions, small[0].regions, strict=True):
        assert (mine.id, mine.category) == (theirs.id, theirs.category)
        assert mine.box.xywh == tuple(50 * side for side in theirs.box.xywh)
        mask, expected = mine.with_mask().mask, theirs.with_mask().mask
        assert mask is not None
        assert expected is not None
        assert (mask.to_array() == expected.to_array().repeat(50, axis=0).repeat(50, axis=1)).all()


def test_images_come_by_number_and_travel(challenge: Challenge, travelled: Callable[[Any], Any]) -> None:
    challenge.write(8)
    album = open_index(source(challenge.write(7)), Tally())
    assert [ref.id for ref in album] == [7, 8]
    assert [ref.identity for ref in album] == [None, None]
    for ref in album:
        assert travelled(ref).read_picture(Tally()) == ref.read_picture(Tally())
    assert [ref.read_picture(Tally()).scene for ref in album] == ["dining_room", None]


def of_png(change: Callable[[Path], object], kind: str = "annotations_instance") -> Callable[[Path], object]:
    return lambda release: change(release / kind / "training" / "ADE_train_00000007.png")


@pytest.mark.parametrize(
    ("change", "message", "reason"),
    [
        (of_png(Path.unlink), "does not exist", "annotation_missing"),
        (of_png(lambda path: path.write_bytes(path.read_bytes()[:60])), "does not decode", "annotation_broken"),
        (of_png(lambda path: path.write_text("no"), "annotations"), "does not decode", "annotation_broken"),
        (of_png(lambda path: Image.new("RGB", (9, 9)).save(path)), "have the sizes", "annotation_size"),
        (of_png(lambda path: Image.new("L", (60, 40)).save(path)), "mode L, not RGB", "annotation_mode"),
        (of_png(lambda path: Image.new("I;16", (60, 40)).save(path), "annotations"), "not L or P", "annotation_mode"),
    ],
)
def test_a_broken_picture_of_classes_is_one_image(
    challenge: Challenge, change: Callable[[Path], object], message: str, reason: str
) -> None:
    challenge.write(8)
    change(challenge.write(7))
    with pytest.raises(BadRecord, match=rf"image 7: .*{message}"):
        pictures(challenge.release, Tally())
    tally = Tally(skip_bad=True)
    assert [len(picture.regions) for picture in pictures(challenge.release, tally)] == [0, 4]
    assert (tally.records, tally.ignored) == (4, {reason: 1})


def test_a_class_without_a_name_is_counted(challenge: Challenge) -> None:
    challenge.classes[30:, :10] = 150
    challenge.things[0:4, 52:56] = (3, 7, 0)  # a thing where there is no class
    with pytest.raises(BadRecord, match=r"its class (150|0) is not in objectInfo150"):
        pictures(challenge.write(), Tally())
    tally = Tally(skip_bad=True)
    assert len(pictures(challenge.release, tally)[0].regions) == 3
    assert tally.rejected == {"no_category": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda release: (release / "sceneCategories.txt").unlink(), r"sceneCategories\.txt: No such file"),
        (
            lambda release: (release / "objectInfo150.txt").write_text("Name\nwall 1"),
            "line 2: 'wall 1' is not a number",
        ),
        (lambda release: (release / "objectInfo150.txt").unlink(), "holds no release of ADE20K"),
        (lambda release: (release / "images" / "ADE").mkdir(), "holds both releases"),
        (lambda release: (release / "annotations_instance").rename(release / "other"), "annotations_instance"),
        (
            of_png(lambda path: path.rename(path.with_name("room.png")), "annotations"),
            "room.png: the name ends in no number|things",
        ),
    ],
)
def test_a_release_of_another_shape_is_refused(
    challenge: Challenge, change: Callable[[Path], object], message: str
) -> None:
    challenge.write(8)
    change(challenge.write(7))
    with pytest.raises(InputError, match=message):
        open_index(source(challenge.release), Tally(skip_bad=True))


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
    (picture,) = pictures(full.write(), tally)
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
    seen: NDArray[np.uint8] = np.zeros((40, 60, 3), np.uint8)
    seen[5:15, 5:15] = (401 // 256 * 10 + 3, 401 % 256, 77)  # what stands behind the tens of red is not the class
    Image.fromarray(seen).save(full.folder / "ADE_train_00000007_seg.png")
    car, tree = (region.with_mask().mask for region in pictures(release, Tally())[0].regions)
    assert car is not None
    assert (car.to_array() == (seen[..., 2] == 77)).all()
    assert tree is not None
    assert tree.to_array().sum() == 20 * 38  # no pixel has its class: the polygon counts


def test_frames_and_images_count_for_themselves(full: Full) -> None:
    full.write("ADE_frame_00000007")
    assert [picture.id for picture in pictures(full.write(), Tally())] == [7, 100_000_007]


def test_odd_but_honest_files(full: Full) -> None:
    full.objects = full.objects[0] | {"name": "caf\u00e9, coffee bar", "name_ndx": "401"}
    full.changes = {"scene": "/unclassified"}
    (picture,) = pictures(full.write(encoding="latin-1"), Tally())
    assert [region.category for region in picture.regions] == ["caf\u00e9"]
    assert picture.scene is None


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
        pictures(full.write(), Tally())
    tally = Tally(skip_bad=True)
    assert len(pictures(full.release, tally)[0].regions) == 1
    assert (tally.records, tally.rejected["part"], tally.rejected.total()) == (3, 1, 2)
    assert tally.rejected[reason] == 1


def test_a_polygon_that_is_none_is_noticed_when_it_is_traced(full: Full) -> None:
    full.objects[0]["polygon"] = {"x": [1, float("nan"), 30], "y": [1, 1, 30]}
    full.objects[2]["polygon"] = {"x": [5, 30], "y": [5, 30]}
    car, tree = pictures(full.write(), Tally())[0].regions
    with pytest.raises(BadRecord, match=r"object 0: polygon .* lies far outside"):
        car.with_mask()
    with pytest.raises(BadRecord, match="object 4: its mask covers no pixel"):
        tree.with_mask()


@pytest.mark.parametrize(
    ("changes", "message", "reason"),
    [
        ({"imsize": [0, 60, 3]}, r"its size is said to be \[0, 60, 3\]", "image_size"),
        ({"imsize": [40]}, "its size is said to be", "image_size"),
        ({"object": 3}, "got `int`", "malformed"),
    ],
)
def test_a_json_that_cannot_be_used_is_one_image(
    full: Full, changes: dict[str, Any], message: str, reason: str
) -> None:
    full.write("ADE_train_00000008")
    full.changes = changes
    with pytest.raises(BadRecord, match=message):
        pictures(full.write(), Tally())
    tally = Tally(skip_bad=True)
    assert [len(picture.regions) for picture in pictures(full.release, tally)] == [0, 2]
    assert tally.ignored == {reason: 1}


def test_a_split_without_files_is_refused(full: Full) -> None:
    with pytest.raises(InputError, match=r"validation: has no ADE_\*\.json; ADE/eval needs"):
        open_index(source(full.write(), "eval"), Tally())


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no {REAL}")
def test_real_files_of_the_full_release() -> None:
    tally = Tally(skip_bad=True)
    found = pictures(REAL, tally)
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
