"""ADE20K's release of 2016: pictures of classes and things become regions with names and masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scar.accounting import Tally
from scar.annotations import open_index
from scar.errors import BadRecord, InputError
from tests.scar.annotations.reading import ade20k_source, read_pictures

INFO = """Idx\tRatio\tTrain\tVal\tStuff\tName
1\t0.1576\t11664\t1172\t1\twall
5\t0.0487\t7160\t717\t0\ttree
13\t0.0190\t5432\t600\t0\tperson, individual
"""


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
    (picture,) = read_pictures(ade20k_source(challenge.write()), tally)
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
    small = read_pictures(ade20k_source(challenge.write()), Tally())
    challenge.classes = challenge.classes.repeat(50, axis=0).repeat(50, axis=1)  # 3,000 x 2,000 pixels, 24 MB
    challenge.things = challenge.things.repeat(50, axis=0).repeat(50, axis=1)
    large = read_pictures(ade20k_source(challenge.write()), Tally())
    for mine, theirs in zip(large[0].regions, small[0].regions, strict=True):
        assert (mine.id, mine.category) == (theirs.id, theirs.category)
        assert mine.box.xywh == tuple(50 * side for side in theirs.box.xywh)
        mask, expected = mine.with_mask().mask, theirs.with_mask().mask
        assert mask is not None
        assert expected is not None
        assert (mask.to_array() == expected.to_array().repeat(50, axis=0).repeat(50, axis=1)).all()


def test_images_come_by_number_and_travel(challenge: Challenge, travelled: Callable[[Any], Any]) -> None:
    challenge.write(8)
    index = open_index(ade20k_source(challenge.write(7)), Tally())
    assert [ref.id for ref in index] == [7, 8]
    assert [ref.identity for ref in index] == [None, None]
    for ref in index:
        assert travelled(ref).read_picture(Tally()) == ref.read_picture(Tally())
    assert [ref.read_picture(Tally()).scene for ref in index] == ["dining_room", None]


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
        read_pictures(ade20k_source(challenge.release), Tally())
    tally = Tally(skip_bad=True)
    assert [len(picture.regions) for picture in read_pictures(ade20k_source(challenge.release), tally)] == [0, 4]
    assert (tally.records, tally.ignored) == (4, {reason: 1})


def test_a_class_without_a_name_is_counted(challenge: Challenge) -> None:
    challenge.classes[30:, :10] = 150
    challenge.things[0:4, 52:56] = (3, 7, 0)  # a thing where there is no class
    with pytest.raises(BadRecord, match=r"its class (150|0) is not in objectInfo150"):
        read_pictures(ade20k_source(challenge.write()), Tally())
    tally = Tally(skip_bad=True)
    assert len(read_pictures(ade20k_source(challenge.release), tally)[0].regions) == 3
    assert tally.rejected == {"no_category": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda release: (release / "sceneCategories.txt").unlink(), r"sceneCategories\.txt: No such file"),
        (
            lambda release: (release / "objectInfo150.txt").write_text("Name\nwall 1"),
            "line 2: 'wall 1' is not a number",
        ),
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
        open_index(ade20k_source(challenge.release), Tally(skip_bad=True))
