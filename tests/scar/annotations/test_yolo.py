"""YOLO's label files: boxes, scores, polygons, and the names of the classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.accounting import Tally
from scar.errors import BadRecord, InputError
from scar.sample import Box
from tests.scar.annotations.reading import read_labels


def test_yolo_reads_boxes_scores_and_polygons(folder: Path) -> None:
    (folder / "classes.txt").write_text("dog\nfire hydrant\n")
    (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.25 0.5\n1 0.25 0.5 0.5 0.2 0.9\n")
    (folder / "labels" / "sub").mkdir()
    (folder / "labels" / "sub" / "b.txt").write_text("1 0.1 0.1 0.5 0.1 0.5 0.5\n")
    first, last = read_labels(folder, "yolo")
    assert [(region.category, region.box) for region in first.regions] == [
        ("dog", Box(30, 15, 50, 45)),
        ("fire hydrant", Box(0, 24, 40, 36)),
    ]
    assert last.regions[0].box == Box(8, 6, 40, 30)
    mask = last.regions[0].with_mask().mask
    assert mask is not None
    assert mask.to_array()[8, 30]
    assert [region.id for picture in (first, last) for region in picture.regions] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    ["names: [dog, fire hydrant]", "names:\n  0: dog\n  1: fire hydrant\n", "names:\n- dog\n- 'fire hydrant'\nnc: 2"],
)
def test_yolo_reads_the_names_of_a_yaml(text: str, folder: Path) -> None:
    (folder / "data.yaml").write_text(text)
    (folder / "labels" / "a.txt").write_text("1 0.5 0.5 0.25 0.5")
    assert read_labels(folder, "yolo")[0].regions[0].category == "fire hydrant"


@pytest.mark.parametrize(
    "text", ["names: 3", "names: [[1]]", "names: {a: b}", "[1, 2]", "names: [", "categories: 1", "x"]
)
def test_names_that_cannot_be_read_are_one_line(text: str, folder: Path) -> None:
    (folder / "data.yaml").write_text(text)
    (folder / "labels" / "a.txt").write_text("1 0.5 0.5 0.25 0.5")
    with pytest.raises(InputError, match=r"data\.yaml: no names of classes") as caught:
        read_labels(folder, "yolo")
    assert "\n" not in str(caught.value)


def test_yolo_without_names_is_refused(folder: Path) -> None:
    (folder / "labels" / "a.txt").write_text("1 0.5 0.5 0.25 0.5")
    with pytest.raises(InputError, match=r"the names of the classes are missing; put data\.yaml or classes\.txt there"):
        read_labels(folder, "yolo")


@pytest.mark.parametrize(
    ("line", "problem", "reason"),
    [
        ("7 0.5 0.5 0.2 0.2", "its class 7 is none of the 1 names", "no_category"),
        ("dog 0.5 0.5 0.2 0.2", "is not a class and numbers", "malformed"),
        ("0 40 30 20 20", "no shares of the image", "malformed"),
        ("0 0.5 0.5 0.2", "it has 3 numbers behind its class", "malformed"),
        ("0 0.5 0.5 0 0.2", "has no area", "empty_box"),
        ("0 0.5 nan 0.2 0.2", "no shares", "malformed"),
    ],
)
def test_a_broken_line_of_yolo_is_named_and_counted(line: str, problem: str, reason: str, folder: Path) -> None:
    (folder / "classes.txt").write_text("dog\n")
    (folder / "labels" / "a.txt").write_text(f"0 0.5 0.5 0.25 0.5\n{line}\n")
    with pytest.raises(BadRecord, match=f"a.txt, line 2: .*{problem}"):
        read_labels(folder, "yolo")
    tally = Tally(skip_bad=True)
    assert len(read_labels(folder, "yolo", tally)[0].regions) == 1
    assert (tally.records, tally.rejected) == (2, {reason: 1})


@pytest.mark.parametrize("place", ["labels/classes.txt", "classes.txt", "labels/obj.names", "data.yml", "notes.json"])
def test_the_names_of_the_classes_may_lie_beside_or_above(place: str, folder: Path) -> None:
    names = ["dog", "fire hydrant"]
    text = "\n".join(names) if place.endswith((".txt", ".names")) else f"names: {names}"
    notes = '{"categories": [{"id": 1, "name": "fire hydrant"}, {"id": 0, "name": "dog"}]}'
    (folder / place).write_text(notes if place.endswith("json") else text)
    (folder / "labels" / "a.txt").write_text("1 0.5 0.5 0.25 0.5")
    assert read_labels(folder, "yolo")[0].regions[0].category == "fire hydrant"


def test_empty_label_files_and_readmes_are_passed_over(folder: Path) -> None:
    (folder / "classes.txt").write_text("dog\n")
    (folder / "labels" / "README.dataset.txt").write_text("cats v1\n")
    (folder / "labels" / "b.txt").write_text("\n  \n")
    (folder / "labels" / "a.txt").write_text("\ufeff0 0.5 0.5 0.25 0.5\r\n", encoding="utf-8")
    tally = Tally()
    assert [picture.file for picture in read_labels(folder, "yolo", tally)] == ["a.png"]
    assert (tally.records, tally.rejected) == (1, {})


def test_a_label_file_without_an_image_is_named_and_counted(folder: Path) -> None:
    (folder / "classes.txt").write_text("dog\n")
    for name in ("a", "gone"):
        (folder / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.5\n0 0.2 0.2 0.1 0.1\n")
    with pytest.raises(BadRecord, match=r"gone\.txt: no image in .*'gone'"):
        read_labels(folder, "yolo")
    tally = Tally(skip_bad=True)
    assert len(read_labels(folder, "yolo", tally)) == 1
    assert (tally.records, tally.rejected) == (4, {"image_missing": 2})


def test_lines_that_are_no_centers_are_doubted_and_the_user_may_say_what_they_are(folder: Path) -> None:
    boxes = [(60, 0, 20, 30), (55, 40, 25, 20), (0, 30, 30, 30), (70, 50, 10, 10), (10, 10, 40, 50)]
    forms: dict[str, list[tuple[float, ...]]] = {
        "xywh-shares": [(x / 80, y / 60, w / 80, h / 60) for x, y, w, h in boxes],
        "corners-shares": [(x / 80, y / 60, (x + w) / 80, (y + h) / 60) for x, y, w, h in boxes],
        "corners": [(x, y, x + w, y + h) for x, y, w, h in boxes],
        "xywh-percent": [(x / 0.8, y / 0.6, w / 0.8, h / 0.6) for x, y, w, h in boxes],
    }
    (folder / "classes.txt").write_text("dog\n")
    for form, lines in forms.items():
        text = "".join(f"0 {' '.join(map(str, line))}\n" for line in lines)
        (folder / "labels" / "a.txt").write_text(text)
        if form.endswith("-shares"):
            tally = Tally(skip_bad=True)
            read_labels(folder, "yolo", tally)
            assert tally.doubts == {"boxes_not_centers": 5}
        tally = Tally()
        (picture,) = read_labels(folder, "yolo", tally, boxes=form)
        assert [region.box.xywh for region in picture.regions] == boxes
        assert not tally.doubts
