"""Boxes in percent and thousandths, with y before x, and of resized pictures: read where told, never silently wrong."""

from __future__ import annotations

from random import Random

import pytest

from scar.annotations.box_form import XYWH, BoxForm, Layout, Numbers, Unit
from scar.errors import InputError
from tests.scar.annotations.box_writing import FILE, BoxSample, draw_boxes, find_form, make_samples


@pytest.mark.parametrize("size", [(640, 480), (480, 640)])
@pytest.mark.parametrize("evidence", ["outline", "area", "mask area", "nothing"])
@pytest.mark.parametrize("layout", ["yxhw", "yx-corners"])
def test_y_before_x_is_told_by_outlines_and_by_images(layout: Layout, evidence: str, size: tuple[int, int]) -> None:
    for seed in range(20):
        form, boxes = BoxForm(layout), draw_boxes(Random(seed), 60, *size)
        assert find_form(make_samples(boxes, form, evidence, *size), FILE) == form


def test_corners_of_any_order_that_leave_their_images_are_refused_though_their_areas_agree() -> None:
    boxes = draw_boxes(Random(8), 40, 1280, 960)
    samples = [BoxSample((y, x, y + h, x + w), 640, 480, area=w * h) for x, y, w, h in boxes]
    with pytest.raises(InputError, match=r"the corners x0, y0, x1, y1, but \d+ of 40 leave their images; write"):
        find_form(samples, FILE)


@pytest.mark.parametrize("layout", ["xywh", "corners", "center"])
@pytest.mark.parametrize("unit", ["percent", "thousandths"])
def test_percent_and_thousandths_are_told_by_outlines_and_areas(unit: Unit, layout: Layout) -> None:
    for seed in range(20):
        form, boxes = BoxForm(layout, unit), draw_boxes(Random(seed), 60, 640, 480)
        assert find_form(make_samples(boxes, form, "outline", 640, 480), FILE) == form
        assert find_form(make_samples(boxes, form, "area", 640, 480), FILE) == form


@pytest.mark.parametrize("layout", ["xywh", "corners", "center"])
@pytest.mark.parametrize("size", [(640, 480), (500, 500), (300, 900)])
def test_percent_with_decimals_is_told_by_images(layout: Layout, size: tuple[int, int]) -> None:
    found = []
    for seed in range(40):
        boxes = [*draw_boxes(Random(seed), 60, *size), *place_at_ends(*size)]
        found.append(find_form(make_samples(boxes, BoxForm(layout, "percent"), "nothing", *size), FILE))
    assert set(found) == {BoxForm(layout, "percent")}


def place_at_ends(width: int, height: int) -> list[Numbers]:
    """Boxes at all edges of an image."""
    w, h = width / 7, height / 7
    return [(0, 0, w, h), (width - w, height - h, w, h), (width - w, 3, w, h), (3, height - h, w, h)]


@pytest.mark.parametrize("count", [10, 40, 300])
def test_small_pixel_boxes_near_the_origin_are_no_percent(count: int) -> None:
    """Logos and clocks in the corner of each frame: whole pixels, or not up to 100 on both sides."""
    for seed in range(40):
        rng = Random(seed)
        reach = rng.uniform(30, 92)
        logos = [(rng.uniform(0, reach / 2), rng.uniform(0, 50), rng.uniform(9, reach / 2), 40.0) for _ in range(count)]
        whole = [(float(rng.randint(0, 60)), float(rng.randint(0, 60)), 40.0, 40.0) for _ in range(count)]
        for boxes in (logos, whole):
            assert find_form(make_samples(boxes, XYWH, "nothing", 640, 480), FILE) == XYWH


def test_thousandths_that_leave_their_images_are_refused_by_name() -> None:
    boxes = [*draw_boxes(Random(4), 60, 640, 480), *place_at_ends(640, 480)]
    samples = make_samples(boxes, BoxForm("corners", "thousandths"), "nothing", 640, 480)
    with pytest.raises(
        InputError, match=r"leave their images by far: they may be .*corners.* in thousandths .*--boxes"
    ):
        find_form(samples, FILE)


@pytest.mark.parametrize(("factor", "said"), [(0.5, "4"), (0.25, "16")])
def test_boxes_of_resized_pictures_are_told_by_areas(factor: float, said: str) -> None:
    samples = [
        BoxSample((x * factor, y * factor, w * factor, h * factor), 640, 480, area=w * h)
        for x, y, w, h in draw_boxes(Random(7), 40, 640, 480)
    ]
    with pytest.raises(InputError, match=f"areas .* by {said} times: the boxes are of pictures resized by {factor:g},"):
        find_form(samples, FILE)
