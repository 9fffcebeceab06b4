"""VIA's annotations and projects: rectangles, polygons, circles, and what the category of a region is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar.accounting import Tally
from scar.annotations.file_kind import find_reader
from scar.errors import BadRecord, InputError
from scar.sample import Box, Picture
from tests.scar.annotations.reading import read_labels

RECT = {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 20}


def region(shape: Any, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def read(folder: Path, content: Any, tally: Tally | None = None) -> list[Picture]:
    path = folder / "labels" / "via.json"
    path.write_text(json.dumps(content))
    return read_labels(folder, "via", tally, instances=path)


def images(*regions: Any, name: str = "a.png") -> dict[str, Any]:
    return {f"{name}99": {"filename": name, "size": 99, "regions": list(regions), "file_attributes": {}}}


def test_shapes_become_boxes_and_masks(folder: Path) -> None:
    polygon = {"name": "polygon", "all_points_x": [10, 30, 30], "all_points_y": [10, 10, 40]}
    circle = {"name": "circle", "cx": 40, "cy": 30, "r": 10}
    ellipse = {"name": "ellipse", "cx": 40, "cy": 30, "rx": 20, "ry": 10, "theta": 1.5707963}
    point = {"name": "point", "cx": 1, "cy": 1}
    tally = Tally()
    things = [region(shape, label="dog") for shape in (RECT, polygon, circle, ellipse, point)]
    (picture,) = read(folder, images(*things), tally)
    boxes = [each.box for each in picture.regions]
    assert boxes[:2] == [Box(10, 20, 40, 40), Box(10, 10, 30, 40)]
    assert boxes[2].xywh == pytest.approx((30, 20, 20, 20), abs=0.1)
    assert boxes[3].xywh == pytest.approx((30, 10, 20, 40), abs=0.1)
    assert [each.with_mask().mask is None for each in picture.regions] == [True, False, False, False]
    assert (tally.records, tally.rejected) == (5, {"no_area": 1})


@pytest.mark.parametrize(
    ("attributes", "category"),
    [
        ({"class": "dog"}, "dog"),
        ({"Species": "red fox"}, "red fox"),
        ({"occluded": "no", "Label": " cup "}, "cup"),
        ({"type": {"cat": False, "dog": True}, "note": "x"}, "dog"),
        ({"label": "", "name": "sofa"}, "sofa"),
    ],
)
def test_the_category_is_a_known_attribute_or_the_only_one(
    attributes: dict[str, Any], category: str, folder: Path
) -> None:
    assert read(folder, images(region(RECT, **attributes)))[0].regions[0].category == category


def test_version_1_numbers_its_regions_and_a_project_has_images_inside(folder: Path) -> None:
    one = images(name="b.png")
    one["b.png99"]["regions"] = {"0": region(RECT, label="dog"), "1": region(RECT, label="cup")}
    assert [each.category for each in read(folder, one)[0].regions] == ["dog", "cup"]
    project = {"_via_settings": {}, "_via_img_metadata": images(region(RECT, label="dog"))}
    assert read(folder, project)[0].file == "a.png"
    assert find_reader(folder / "labels" / "via.json") == "via"


@pytest.mark.parametrize(
    ("bad", "problem", "reason"),
    [
        (region(RECT, colour="red", occluded="no"), "its attributes are 'colour', 'occluded': the cat", "no_category"),
        (region(RECT), "its attributes are none", "no_category"),
        (region({"name": "rect", "x": 1}, label="dog"), "is no region of VIA: KeyError 'y'", "malformed"),
        (region({"name": "blob"}, label="dog"), "its shape is 'blob'", "malformed"),
        (3, "is no region of VIA", "malformed"),
        (
            region({"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]}, label="dog"),
            "is no region of VIA: ValueError",
            "malformed",
        ),
    ],
)
def test_a_broken_region_is_named_and_counted(bad: Any, problem: str, reason: str, folder: Path) -> None:
    content = images(region(RECT, label="dog"), bad)
    with pytest.raises(BadRecord, match=rf"a.png, regions\[1\]: .*{problem}"):
        read(folder, content)
    tally = Tally(skip_bad=True)
    assert len(read(folder, content, tally)[0].regions) == 1
    assert (tally.records, tally.rejected) == (2, {reason: 1})


@pytest.mark.parametrize(("content", "problem"), [([1], "is no file of VIA"), ({}, "no image has an annotated thing")])
def test_what_is_no_file_of_via_is_refused(content: Any, problem: str, folder: Path) -> None:
    with pytest.raises(InputError, match=problem):
        read(folder, content)


def test_entries_without_regions_or_image_are_named(folder: Path) -> None:
    with pytest.raises(BadRecord, match="image k: it has no `filename` or no `regions`"):
        read(folder, {"k": {"filename": "a.png"}})
    with pytest.raises(BadRecord, match=r"no image in .*'z.png'"):
        read(folder, images(region(RECT, label="dog"), name="z.png"))
