"""The small readers: first, last and broken records of LabelMe, YOLO, VOC and panoptic files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scar.accounting import Tally
from scar.errors import BadRecord, InputError
from scar.sample import Box
from tests.scar.annotations.reading import HEIGHT, WIDTH, read_labels


def write_labelme(folder: Path, name: str, *shapes: dict[str, Any], **changes: Any) -> None:
    content = {"shapes": shapes, "imagePath": f"{name}.png", "imageHeight": HEIGHT, "imageWidth": WIDTH} | changes
    (folder / "labels" / f"{name}.json").write_text(json.dumps(content))


def shape(
    label: str, points: Sequence[Sequence[float]], kind: str | None = "polygon", **changes: Any
) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind} | changes


def test_labelme_reads_rectangles_polygons_groups_and_circles(folder: Path) -> None:
    square = [[10, 10], [20, 10], [20, 20], [10, 20]]
    write_labelme(
        folder,
        "a",
        shape("dog", [[30, 40], [10, 20]], "rectangle", description=" the old dog "),
        shape("cat", square, group_id=3),
        shape("cat", [[40, 10], [50, 10], [50, 20]], group_id=3),
        shape("ball", [[40, 30], [40, 40]], "circle"),
        shape("nose", [[1, 1]], "point"),
    )
    write_labelme(folder, "b", shape("cup", square, None), imagePath="C:\\shots\\sub\\b.png", imageHeight=None)
    tally = Tally()
    first, last = read_labels(folder, "labelme", tally)
    assert [region.category for region in first.regions] == ["dog", "cat", "ball"]
    assert [region.box for region in first.regions[:2]] == [Box(10, 20, 30, 40), Box(10, 10, 50, 20)]
    assert first.regions[0].phrases == ("the old dog",)
    assert first.regions[0].with_mask().mask is None
    mask = first.regions[1].with_mask().mask
    assert mask is not None
    assert mask.to_array()[12, 15]
    assert not mask.to_array()[12, 30]
    assert first.regions[2].box.center == pytest.approx((40, 30), abs=0.1)
    assert (last.file, last.width, last.height, len(last.regions)) == ("sub/b.png", WIDTH, HEIGHT, 1)
    assert (tally.records, tally.rejected) == (5, {"no_area": 1})


def write_voc(folder: Path, name: str, objects: str, size: str = "") -> None:
    text = f"<annotation><filename>{name}.png</filename>{size}{objects}</annotation>"
    (folder / "labels" / f"{name}.xml").write_text(text)


def voc_object(name: str, corners: tuple[float, float, float, float]) -> str:
    box = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"


def test_voc_reads_boxes_and_sizes(folder: Path) -> None:
    write_voc(folder, "a", voc_object("dog", (10, 20, 30, 40)) + voc_object("cat", (1.5, 2, 81, 60)))
    zeros = "<size><width>0</width><height>0</height></size>"
    write_voc(folder, "b", voc_object("cup", (1, 2, 3, 4)), zeros)
    tally = Tally()
    first, last = read_labels(folder, "voc", tally)
    assert [(region.category, region.box) for region in first.regions] == [
        ("dog", Box(10, 20, 30, 40)),
        ("cat", Box(1.5, 2, 80, 60)),
    ]
    assert (last.file, last.width, last.height) == ("sub/b.png", WIDTH, HEIGHT)
    assert tally.repaired == {"box_clipped": 1}


@pytest.mark.parametrize(
    ("source", "corner", "left"),
    [
        ("<database>The VOC2007 Database</database><annotation>PASCAL VOC2007</annotation>", 1, 0),
        ("<database>The VOC2012 Database</database>", 11, 10),
        ("<database>The VOC2012 Database</database>", 0, 0),
        ("<database>Unknown</database><annotation>Unknown</annotation>", 1, 1),
        ("<database>roboflow.com</database>", 11, 11),
    ],
)
def test_only_pascal_voc_counts_pixels_from_1(source: str, corner: int, left: int, folder: Path) -> None:
    """Its box from 1 to 80 is the whole width of an image of 80 pixels; a corner at 0 shows that it was changed."""
    write_voc(folder, "a", f"<source>{source}</source>" + voc_object("dog", (corner, corner, WIDTH, HEIGHT)))
    tally = Tally()
    assert read_labels(folder, "voc", tally)[0].regions[0].box == Box(left, left, WIDTH, HEIGHT)
    assert tally.repaired["box_from_1"] == int(left != corner)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<annotation><object>", "no XML that can be read"),
        ("<html></html>", "its root is <html>"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><annotation/>', "it defines XML entities"),
        ("<annotation><object><name>dog</name></object></annotation>", "has not the numbers xmin"),
        ("<annotation><object><name/></object></annotation>", "it has no name"),
    ],
)
def test_a_broken_file_of_voc_is_named(content: str, problem: str, folder: Path) -> None:
    write_voc(folder, "b", voc_object("cup", (1, 2, 30, 40)))
    (folder / "labels" / "a.xml").write_text(content)
    with pytest.raises(BadRecord, match=problem):
        read_labels(folder, "voc")
    tally = Tally(skip_bad=True)
    assert [picture.regions[0].category for picture in read_labels(folder, "voc", tally) if picture.regions] == ["cup"]
    assert tally.records == 1 + tally.rejected.total()


@pytest.mark.parametrize("reader", ["labelme", "yolo", "voc"])
def test_an_annotation_without_image_is_named_and_an_empty_folder_is_refused(reader: str, folder: Path) -> None:
    (folder / "classes.txt").write_text("dog\n")
    with pytest.raises(InputError, match=r"has no \*"):
        read_labels(folder, reader)
    for name in ("a", "c"):
        write_labelme(folder, name, shape("dog", [[1, 1], [30, 30]], "rectangle"))
        (folder / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.5")
        write_voc(folder, name, voc_object("dog", (1, 1, 30, 30)))
    with pytest.raises(BadRecord, match=r"no image in .*, or more than one, is 'c"):
        read_labels(folder, reader)
    tally = Tally(skip_bad=True)
    assert len(read_labels(folder, reader, tally)) == 1
    assert (tally.records, tally.rejected) == (2, {"image_missing": 1})


def test_panoptic_reads_segments_with_their_masks(folder: Path) -> None:
    ids = np.zeros((HEIGHT, WIDTH), np.int64)
    ids[10:30, 20:40], ids[40:50, 5:70] = 70_000, 300
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    (folder / "panoptic").mkdir()
    Image.fromarray(colours).save(folder / "panoptic" / "a.png")
    segments = [
        {"id": 70_000, "category_id": 1, "bbox": [20, 10, 20, 20], "iscrowd": 0, "area": 400},
        {"id": 300, "category_id": 9, "bbox": [5, 40, 65, 10], "iscrowd": 0, "area": 650},
        {"id": 5, "category_id": 1, "bbox": [5, 4, 6, 10], "iscrowd": 0, "area": 60},
    ]
    content = {
        "annotations": [{"image_id": 3, "file_name": "a.png", "segments_info": segments}],
        "images": [{"id": 3, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "dog", "isthing": 1}, {"id": 9, "name": "grass", "isthing": 0}],
    }
    path = folder / "panoptic.json"
    path.write_text(json.dumps(content))
    (picture,) = read_labels(folder, "panoptic", instances=path)
    dog, grass, nothing = picture.regions
    assert (dog.category, dog.box, grass.category) == ("dog", Box(20, 10, 40, 30), "grass")
    mask = dog.with_mask().mask
    assert mask is not None
    assert np.array_equal(mask.to_array(), ids == 70_000)
    with pytest.raises(BadRecord, match=r"no pixel of a\.png has its id"):
        nothing.with_mask()
    path.rename(folder / "other.json")
    with pytest.raises(InputError, match=r"other: no such folder; the PNGs of other\.json belong there"):
        read_labels(folder, "panoptic", instances=folder / "other.json")
