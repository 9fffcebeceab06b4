"""Boxes of random things, written in every form: the form is found, and boxes that are right are left alone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scar.accounting import Tally
from scar.annotations.box_form import XYWH, BoxForm, Numbers
from scar.annotations.box_form_finder import find_box_form
from scar.annotations.coco_index import index_annotations
from scar.errors import InputError
from tests.scar.annotations.box_writing import FILE, BoxSample, draw_boxes, find_form, make_samples, write_box
from tests.scar.annotations.reading import read_pictures
from tests.shared import SHARED

if TYPE_CHECKING:
    from tests.conftest import World

DATA = SHARED / "data"

FORMS = [BoxForm(layout, unit) for unit in ("pixels", "shares") for layout in ("xywh", "corners", "center")]
"""Forms that many boxes tell without anything else."""


@pytest.mark.parametrize("size", [(640, 480), (500, 500), (300, 900)])
@pytest.mark.parametrize("evidence", ["outline", "area", "mask area", "nothing"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_form_of_many_boxes_is_found(form: BoxForm, evidence: str, size: tuple[int, int]) -> None:
    for seed in range(20):
        boxes = draw_boxes(Random(seed), 60, *size)
        assert find_form(make_samples(boxes, form, evidence, *size), FILE) == form


@pytest.mark.parametrize("evidence", ["outline", "area"])
@pytest.mark.parametrize("place", [0.1, 0.3])
def test_corners_near_the_origin_are_told_by_outlines_and_areas(evidence: str, place: float) -> None:
    boxes = draw_boxes(Random(1), 30, 640, 480, place)
    samples = make_samples(boxes, BoxForm("corners"), evidence, 640, 480)
    assert find_form(samples, FILE) == BoxForm("corners")


@pytest.mark.parametrize("evidence", ["outline", "area", "mask area", "nothing"])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 100])
def test_right_boxes_are_left_alone(count: int, evidence: str) -> None:
    for seed in range(50):
        rng = Random(f"{seed}/{count}")
        place = rng.choice([0.05, 0.3, 1, 1])
        samples = make_samples(draw_boxes(rng, count, 640, 480, place), XYWH, evidence, 640, 480)
        assert find_form(samples, FILE) == XYWH


def test_things_in_the_middle_of_each_image_are_left_alone() -> None:
    """Their boxes would all do as corners, but none leaves its image."""
    boxes = [(100 + i % 7, 80 + i % 5, 300 + i, 250 + i % 30) for i in range(200)]
    assert find_form(make_samples(boxes, XYWH, "nothing", 640, 480), FILE) == XYWH


@pytest.mark.parametrize(("share", "pixels"), [(0.05, 500), (1, 1), (1, 2)])
def test_boxes_that_overflow_a_little_or_seldom_are_left_alone(share: float, pixels: float) -> None:
    boxes = []
    for i, (x, y, w, h) in enumerate(draw_boxes(Random(5), 100, 640, 480)):
        boxes.append((640 - w + pixels, y, w, h) if i < 100 * share else (x, y, w, h))
    assert find_form(make_samples(boxes, XYWH, "nothing", 640, 480), FILE) == XYWH


@pytest.mark.parametrize("evidence", ["area", "nothing"])
def test_an_area_made_of_wrong_boxes_hides_nothing(evidence: str) -> None:
    boxes = [write_box(BoxForm("corners"), box, 640, 480) for box in draw_boxes(Random(2), 60, 640, 480)]
    assert find_form(make_samples(boxes, XYWH, evidence, 640, 480), FILE) == BoxForm("corners")


def test_boxes_that_fit_in_no_form_are_refused() -> None:
    boxes = [(x * 3, y * 3, w * 3, h * 3) for x, y, w, h in draw_boxes(Random(3), 40, 640, 480)]
    with pytest.raises(InputError, match=r"boxes.json: \d+ of 40 boxes leave their images by far; write them as \[x"):
        find_form(make_samples(boxes, XYWH, "nothing", 640, 480), FILE)


def test_boxes_that_fit_in_several_forms_are_refused() -> None:
    samples = [BoxSample((0.4, 0.4, 0.5, 0.5), 640, 480)] * 3
    with pytest.raises(InputError, match=r"boxes.json: its boxes are shares of the image: they may be x, y.* or"):
        find_form(samples, FILE)


def test_boxes_and_polygons_in_shares_are_refused() -> None:
    samples = [BoxSample((0.4, 0.4, 0.5, 0.5), 640, 480, (0.4, 0.4, 0.9, 0.9))]
    with pytest.raises(InputError, match="its boxes and polygons are shares of the image"):
        find_form(samples, FILE)


@pytest.mark.parametrize("right", [0, 2])
def test_boxes_apart_from_their_outlines_are_refused(right: int) -> None:
    samples = [BoxSample((9, 9, 50, 50), 640, 480, (9, 9, 59, 59))] * right
    samples += [
        BoxSample((x - 200, y, w, h), 640, 480, (x, y, x + w, y + h))
        for x, y, w, h in [(300, 20, 90, 40), (400, 100, 60, 60), (500, 40, 80, 90)]
    ]
    with pytest.raises(InputError, match=r"boxes.json: its boxes are not where its polygons or masks are"):
        find_form(samples, FILE)


@pytest.mark.parametrize("evidence", [math.nan, 1])
def test_a_form_that_is_not_nearer_to_the_outlines_is_not_taken(evidence: float) -> None:
    """All boxes lie too far to the right, and some leave the image; as center boxes none would."""
    things = [(200 + i, 150 + i, 100, 90) for i in range(40)] + [(550, 150 + i, 80, 90) for i in range(20)]
    samples = [
        BoxSample((x + (40 if x < 500 else 50), y, w, h), 640, 480, (x, y, x + w, y + h), evidence * w * h)
        for x, y, w, h in things
    ]
    with pytest.raises(InputError, match="20 of 60 boxes leave their images by far; write them as"):
        find_form(samples, FILE)


@pytest.mark.parametrize("form", [BoxForm("corners"), BoxForm("center")], ids=lambda form: form.name)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_boxes_of_several_forms_are_refused(share: float, form: BoxForm) -> None:
    boxes = draw_boxes(Random(6), 100, 640, 480, 0.45)
    some = round(100 * share)
    for evidence in ["outline", *(["area"] if form.layout == "corners" and share < 0.5 else [])]:
        samples = make_samples(boxes[:some], form, evidence, 640, 480)
        samples += make_samples(boxes[some:], XYWH, evidence, 640, 480)
        with pytest.raises(
            InputError, match=r"\d+ of 100 boxes are the c.*, and others are not|not where its polygons"
        ):
            find_form(samples, FILE)


@pytest.mark.parametrize("factor", [0.01, 0.5])
def test_boxes_that_are_too_small_for_their_areas_are_refused(factor: float) -> None:
    samples = [
        BoxSample((x * factor, y * factor, w * factor, h * factor), 640, 480, area=0.6 * w * h)
        for x, y, w, h in draw_boxes(Random(7), 40, 640, 480)
    ]
    with pytest.raises(InputError, match="its areas are larger than its boxes"):
        find_form(samples, FILE)


@pytest.mark.parametrize("loose", [0.1, 0.3])
def test_boxes_that_are_drawn_loosely_are_left_alone(loose: float) -> None:
    samples = [
        BoxSample(
            (x - loose * w, y - loose * h, w * (1 + 2 * loose), h * (1 + 2 * loose)),
            640,
            480,
            (x, y, x + w, y + h),
        )
        for x, y, w, h in draw_boxes(Random(4), 40, 640, 480)
    ]
    assert find_form(samples, FILE) == XYWH


@pytest.mark.parametrize("numbers", [(0, 0, 0, 0), (5, 5, -1, 3), (math.nan, 1, 2, 3), (1, 1, math.inf, 3)])
def test_boxes_of_no_size_say_nothing(numbers: Numbers) -> None:
    assert find_form([BoxSample(numbers, 640, 480)] * 20, FILE) == XYWH
    assert find_form([], FILE) == XYWH


@pytest.mark.parametrize("number", [10**400, 1e300, -(10**19), float("nan"), True, "x", None])
def test_numbers_that_no_image_has_say_nothing(world: World, number: Any) -> None:
    for annotation in world.annotations:
        annotation["area"] = number
        annotation["segmentation"] = [[1, 2, 3, 4, 5, number]]
    world.write()
    assert index_annotations(world.instances_file, False, Path("images")).reading.box_form == XYWH


@pytest.mark.parametrize("with_masks", [True, False])
@pytest.mark.parametrize("form", [form for form in FORMS if form != XYWH], ids=lambda form: form.name)
def test_pictures_are_the_same_in_every_form(world: World, form: BoxForm, with_masks: bool) -> None:
    for annotation in world.annotations:
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
        if not with_masks:
            annotation["segmentation"] = []
    world.write()
    expected = [region.box for picture in read_pictures(world.source(), Tally()) for region in picture.regions]
    for annotation in world.annotations:
        x, y, w, h = annotation["bbox"]
        annotation["bbox"] = write_box(form, (x, y, w, h), 120, 90)
    world.write()
    tally = Tally()
    boxes = [region.box for picture in read_pictures(world.source(), tally) for region in picture.regions]
    for box, wanted in zip(boxes, expected, strict=True):
        assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((wanted.x0, wanted.y0, wanted.x1, wanted.y1), abs=1e-4)
    assert tally.repaired == {form.name: 9}


def test_clipped_boxes_are_counted(world: World) -> None:
    world.annotations[0]["bbox"] = [100, 60, 40, 20]
    world.annotations[1]["bbox"] = [-0.005, 10, 40, 20]
    for annotation in world.annotations:
        annotation["segmentation"] = None
    world.write()
    tally = Tally()
    assert len(read_pictures(world.source(), tally)) == 3
    assert tally.repaired == {"box_clipped": 1}


@pytest.mark.parametrize("counts", ["list", "text"])
def test_run_lengths_are_outlines_too(world: World, counts: str) -> None:
    from scar.sample import Mask

    for annotation in world.annotations:
        x, y, w, h = (round(number) for number in annotation["bbox"])
        pixels = np.zeros((90, 120), bool)
        pixels[y : y + h, x : x + w] = True
        runs = np.diff(np.flatnonzero(np.diff(pixels.T.ravel(), prepend=False, append=True)), prepend=0)
        rle: Any = runs.tolist() if counts == "list" else Mask.from_array(pixels).counts
        if counts == "list":
            rle.append(pixels.size - sum(rle))
        annotation["segmentation"] = {"size": [90, 120], "counts": rle}
        annotation["bbox"] = [x, y, x + w, y + h]
    world.write()
    assert index_annotations(world.instances_file, False, Path("images")).reading.box_form == BoxForm("corners")


@pytest.mark.parametrize("box", [[1, 1, 9, 1, 9, 9, 1, 9], {"x": 1, "y": 2}, "10", [1, 2, "x", 4]])
def test_boxes_of_another_shape_are_refused_with_the_right_one(world: World, box: Any) -> None:
    world.annotations[0]["bbox"] = box
    world.write()
    with pytest.raises(InputError, match=r"annotations\[0\]: .*a box is \[x, y, width, height\] in pixels; rotated"):
        read_pictures(world.source(), Tally())


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no {DATA}")
@pytest.mark.parametrize(
    "file", sorted(DATA.rglob("instances_*.json")), ids=lambda path: f"{path.parts[-3]}/{path.name}"
)
@pytest.mark.parametrize("without", [(), ("segmentation",), ("segmentation", "area")], ids=str)
def test_real_boxes_are_left_alone(file: Path, without: tuple[str, ...], tmp_path: Path) -> None:
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        for key in without:
            del annotation[key]
    path = tmp_path / file.name
    path.write_text(json.dumps(content))
    assert index_annotations(path, False, Path("images")).reading.box_form == XYWH
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        annotation["bbox"] = [x, y, x + w, y + h]
    path.write_text(json.dumps(content))
    assert index_annotations(path, False, Path("images")).reading.box_form == BoxForm("corners")


def draw_sloppy_boxes(rng: np.random.Generator, manner: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """x, y, width and height of boxes that annotators drew, and the sizes of their images; none is far outside."""
    count, size = int(rng.choice([8, 20, 60, 300])), np.array([(640, 480), (480, 640)][rng.integers(2)])
    sides = size * np.clip(rng.lognormal(np.log(rng.choice([0.12, 0.25, 0.45])), 0.5, (count, 2)), 0.02, 0.9)
    corners = rng.random((count, 2)) * (size - sides)
    if manner == "shaky":
        corners += rng.normal(0, 4, (count, 2))
    if manner == "overhanging":  # all reach a few pixels beyond the right or the lower edge, or both
        beyond = size - sides + rng.uniform(1, rng.integers(3, 11), (count, 2))
        which = rng.integers(0, 3, count)
        corners = np.where(np.stack((which != 1, which != 0), axis=1), beyond, corners)
    return np.hstack((corners, sides)), np.tile(size, (count, 1))


@pytest.mark.parametrize("manner", ["inside", "shaky", "overhanging"])
@pytest.mark.parametrize("is_fraction", [False, True])
def test_sloppy_boxes_are_read_in_their_form_or_refused(manner: str, is_fraction: bool) -> None:
    """Without outlines and areas; the numbers were tuned on even seeds, these are odd ones."""
    right, wrong = {"xywh": 0, "corners": 0, "center": 0}, {"xywh": 0, "corners": 0, "center": 0}
    for seed in range(1, 200, 2):
        boxes, sizes = draw_sloppy_boxes(np.random.default_rng(seed), manner)
        for layout in right:
            form = BoxForm(layout, "shares" if is_fraction else "pixels")  # type: ignore[arg-type]
            starts, sides = boxes[:, :2], boxes[:, 2:]
            pairs = {
                "xywh": (starts, sides),
                "corners": (starts, starts + sides),
                "center": (starts + sides / 2, sides),
            }
            numbers = np.hstack(pairs[layout]) / (np.hstack((sizes, sizes)) if is_fraction else 1)
            nothing = np.full((len(boxes), 4), np.nan)
            try:
                found = find_box_form(numbers, sizes, nothing, nothing[:, 0], FILE)
            except InputError:
                continue
            right[layout] += found == form
            wrong[layout] += found != form
    assert wrong["xywh"] == 0
    assert wrong["corners"] <= 2
    assert wrong["center"] <= (0 if is_fraction else 25)  # small ones hardly leave their images, whatever they mean
    assert min(right.values()) >= (75 if is_fraction or manner != "overhanging" else 90)
    assert is_fraction or right["xywh"] == 100
