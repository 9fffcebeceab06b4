"""What is doubtful about boxes is said, and only where chance would hardly make them; a form that a user says holds."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scar.accounting import Tally
from scar.annotations.box_doubts import list_doubts
from scar.annotations.box_form import BOX_FORMS, XYWH, BoxForm, Layout, Numbers, Unit
from scar.annotations.coco_index import index_annotations
from scar.common.tables import read_toml
from scar.errors import InputError
from scar.recipe import Source
from tests.scar.annotations.box_writing import BoxSample, draw_boxes, find_form, make_samples, write_box
from tests.scar.annotations.reading import read_pictures
from tests.shared import SHARED

if TYPE_CHECKING:
    from tests.conftest import World

DATA = SHARED / "data"
LARGE = (1500, 1300)


def doubt(samples: list[BoxSample], form: BoxForm = XYWH) -> list[str]:
    return list_doubts(
        form,
        np.array([sample.numbers for sample in samples]),
        np.array([(sample.width, sample.height) for sample in samples]),
        np.array([sample.outline for sample in samples]),
        np.array([sample.area for sample in samples]),
    )


@pytest.mark.parametrize("layout", ["xywh", "corners", "center"])
@pytest.mark.parametrize(("unit", "size"), [("percent", (640, 480)), ("thousandths", LARGE)])
def test_boxes_of_a_scale_are_never_read_as_pixels_in_silence(
    unit: Unit, size: tuple[int, int], layout: Layout
) -> None:
    """Whole numbers, few boxes, without areas and outlines: read as what they are, doubted or refused."""
    for seed in range(40):
        for count in (8, 30, 100):
            boxes = draw_boxes(Random(f"{seed}/{count}"), count, *size)
            samples = make_samples(boxes, BoxForm(layout, unit), "nothing", *size)
            samples = [sample._replace(numbers=round_up(sample.numbers)) for sample in samples]
            try:
                found = find_form(samples, Path("boxes.json"))
            except InputError:
                continue
            assert found == BoxForm(layout, unit) or f"boxes_{unit}" in doubt(samples, found)


def round_up(numbers: Numbers) -> Numbers:
    first, second, third, fourth = (float(math.ceil(number)) for number in numbers)
    return first, second, third, fourth


@pytest.mark.parametrize("place", [0.15, 0.3, 0.45])
def test_corners_that_fit_as_sides_are_doubted(place: float) -> None:
    for seed in range(40):
        boxes = draw_boxes(Random(seed), 20, 640, 480, place)
        samples = make_samples(boxes, BoxForm("corners"), "nothing", 640, 480)
        assert find_form(samples, Path("boxes.json")) == XYWH
        assert "boxes_corners" in doubt(samples)


@pytest.mark.parametrize("count", [1, 2, 5, 10, 100])
def test_things_anywhere_are_not_doubted(count: int) -> None:
    """One box in a hundred files may look like corners by chance; many boxes never do."""
    doubted = 0
    for seed in range(300):
        boxes = draw_boxes(Random(f"{seed}/{count}"), count, *LARGE)
        doubted += bool(doubt(make_samples(boxes, XYWH, "nothing", *LARGE)))
    assert doubted <= 300 * 0.02


def test_outlines_and_areas_of_boxes_leave_no_doubt() -> None:
    boxes = draw_boxes(Random(1), 40, 640, 480, 0.2)
    corners = [write_box(BoxForm("corners"), box, 640, 480) for box in boxes]
    assert doubt(make_samples(corners, XYWH, "outline", 640, 480)) == []
    assert doubt(make_samples(corners, XYWH, "nothing", 640, 480)) == ["boxes_corners"]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no {DATA}")
@pytest.mark.parametrize(
    "file", sorted(DATA.rglob("instances_*.json")), ids=lambda path: f"{path.parts[-3]}/{path.name}"
)
def test_real_boxes_are_not_doubted(file: Path, tmp_path: Path) -> None:
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        del annotation["segmentation"], annotation["area"]
    path = tmp_path / file.name
    path.write_text(json.dumps(content))
    assert not index_annotations(path, False, Path("images")).tally.doubts


def test_every_doubt_has_a_sentence_with_the_way_out() -> None:
    folder = Path(list_doubts.__code__.co_filename).parent
    sentences = read_toml(folder / "doubts.toml", InputError)
    assert sentences.keys() == {"boxes_corners", "boxes_percent", "boxes_thousandths", "boxes_not_centers"}
    for sentence in sentences.values():
        named = re.findall(r"(?:--boxes |, | or )([a-z]+(?:-[a-z]+)+|corners|xywh)\b", sentence)
        assert "xywh" in named
        assert set(named) <= BOX_FORMS.keys()


def fit_as_sides(world: World, form: BoxForm, with_polygons: bool) -> list[Any]:
    """Write boxes that fit as x, y, width and height whatever they are, and return the right ones."""
    boxes = []
    for number, annotation in enumerate(world.annotations):
        box = (5.0 + 2 * number, 4.0 + number, 20.0, 16.0)
        boxes.append(box)
        annotation["bbox"] = write_box(form, box, 120, 90)
        x, y, w, h = box
        annotation["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]] if with_polygons else []
        annotation.pop("area", None)
    world.write()
    return boxes


@pytest.mark.parametrize("option", [option for option, form in BOX_FORMS.items() if form != XYWH])
@pytest.mark.parametrize("with_polygons", [False, True])
def test_what_the_user_says_is_read(world: World, option: str, with_polygons: bool) -> None:
    form = BOX_FORMS[option]
    boxes = fit_as_sides(world, form, with_polygons)
    tally = Tally()
    source = replace_boxes(world.source(), option)
    regions = [region for picture in read_pictures(source, tally) for region in picture.regions]
    found = {region.id: (region.box.x0, region.box.y0, region.box.width, region.box.height) for region in regions}
    wanted = {annotation["id"]: box for annotation, box in zip(world.annotations, boxes, strict=True)}
    assert found.keys() == wanted.keys()
    for number, box in wanted.items():
        assert found[number] == pytest.approx(box, abs=1e-6)
    assert tally.repaired == {form.name: len(boxes)}
    assert not tally.doubts


def replace_boxes(source: Source, boxes: str) -> Source:
    import msgspec

    return msgspec.structs.replace(source, boxes=boxes)


def test_doubts_are_counted_and_end_with_what_the_user_says(world: World) -> None:
    for annotation in world.annotations:
        annotation["bbox"] = [3, 4, 6, 7]
        annotation["segmentation"] = []
        annotation.pop("area", None)
    world.write()
    for boxes, doubts in ((None, {"boxes_corners": len(world.annotations)}), ("xywh", {})):
        assert index_annotations(world.instances_file, False, Path("images"), None, boxes).tally.doubts == doubts


@pytest.mark.parametrize("layout", ["xywh", "corners"])
@pytest.mark.parametrize(("unit", "size"), [("percent", (640, 480)), ("thousandths", LARGE)])
def test_boxes_of_a_scale_in_a_file_are_counted_as_doubtful(
    layout: Layout, unit: Unit, size: tuple[int, int], world: World
) -> None:
    del world.annotations[:]
    for image in world.images:
        image["width"], image["height"] = size
    for number, box in enumerate(draw_boxes(Random(2), 20, *size)):
        numbers = round_up(write_box(BoxForm(layout, unit), box, *size))
        world.add_annotation(number + 1, world.images[number % 3]["id"], 1, numbers)
        world.annotations[-1]["segmentation"] = []
        world.annotations[-1].pop("area", None)
    world.write()
    assert f"boxes_{unit}" in index_annotations(world.instances_file, False, Path("images")).tally.doubts


@pytest.mark.parametrize("layout", ["xywh", "corners", "center"])
def test_polygons_in_percent_like_their_boxes_are_doubted_and_told(layout: Layout, world: World) -> None:
    """The polygons agree with the boxes, but both are in percent."""
    form = BoxForm(layout, "percent")
    del world.annotations[:]
    for image in world.images:
        image["width"], image["height"] = 640, 480
    for number, box in enumerate(draw_boxes(Random(5), 20, 640, 480)):
        numbers = write_box(form, box, 640, 480)
        world.add_annotation(number + 1, world.images[number % 3]["id"], 1, numbers)
        x, y, w, h = write_box(BoxForm("xywh", "percent"), box, 640, 480)
        world.annotations[-1]["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        world.annotations[-1].pop("area", None)
    world.write()
    index = index_annotations(world.instances_file, False, Path("images"))
    assert index.tally.doubts == {"boxes_percent": 20}
    with pytest.raises(InputError, match=r"polygons or masks are; both are in this unit; write both in pixels"):
        index_annotations(world.instances_file, False, Path("images"), None, form.option)


def test_a_form_in_which_boxes_are_apart_from_their_polygons_is_refused(world: World) -> None:
    for annotation in world.annotations:
        annotation["bbox"] = [50, 40, 30, 20]
        annotation["segmentation"] = [[50, 40, 80, 40, 80, 60, 50, 60]]
    world.write()
    with pytest.raises(
        InputError, match=r"\(center\), its boxes are not where its polygons or masks are; leave --boxes"
    ):
        index_annotations(world.instances_file, False, Path("images"), None, "center")


def test_a_form_in_which_boxes_leave_their_images_is_refused(world: World) -> None:
    world.write()
    with pytest.raises(
        InputError, match=r"as x, y, width, height as shares of the image \(xywh-shares\), 9 of 9 boxes"
    ):
        index_annotations(world.instances_file, False, Path("images"), None, "shares")
