"""Disturbed prompts are as far off as they say, inside of the image, and the same again with the same seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pycocotools import mask as coco

from mmeb_eval.item import Points
from mmeb_eval.regions.perturb import Target, click_beside, jitter_box, paint_part, pick_other_box
from scar.sample import Box, Mask

IOUS = (0.9, 0.8, 0.7, 0.6, 0.5)


@some.composite
def targets(draw: Any) -> Target:
    """A box anywhere in an image, also at its edges, filling it, or thinner than a pixel."""
    width, height = draw(some.integers(1, 4000)), draw(some.integers(1, 4000))
    edges = []
    for side in (width, height):
        low = draw(some.floats(0, 0.99)) * side * draw(some.booleans())
        high = low + (side - low) * (draw(some.floats(0.001, 1)) if draw(some.booleans()) else 1)
        edges.append((low, high))
    (x0, x1), (y0, y1) = edges
    return Target((width, height), Box(x0, y0, x1, y1))


def inside(target: Target, box: Box) -> bool:
    return 0 <= box.x0 < box.x1 <= target.size[0] and 0 <= box.y0 < box.y1 <= target.size[1]


@given(targets(), some.integers(0, 2**32), some.sampled_from(IOUS))
def test_a_jittered_box_overlaps_as_it_says_and_stays_in_the_image(target: Target, seed: int, iou: float) -> None:
    box = jitter_box(target, np.random.default_rng(seed), iou=iou)
    assert inside(target, box)
    (found,) = coco.iou([list(box.xywh)], [list(target.box.xywh)], [0])[0]
    assert found == pytest.approx(iou, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_a_count_of_points_finds_the_same_overlap(seed: int) -> None:
    target = Target((100, 80), Box(20, 30, 60, 50))
    x, y = np.meshgrid((np.arange(2000) + 0.5) / 20, (np.arange(1600) + 0.5) / 20)  # 400 points a pixel

    def covers(box: Box) -> Any:
        return (x >= box.x0) & (x < box.x1) & (y >= box.y0) & (y < box.y1)

    for iou in IOUS:
        a, b = covers(target.box), covers(jitter_box(target, np.random.default_rng(seed), iou=iou))
        assert np.count_nonzero(a & b) / np.count_nonzero(a | b) == pytest.approx(iou, abs=0.01)


def test_a_stronger_jitter_is_the_same_one_carried_further() -> None:
    target = Target((1000, 1000), Box(400, 400, 600, 600))
    for seed in range(20):
        boxes = [jitter_box(target, np.random.default_rng(seed), iou=iou) for iou in IOUS]
        moves = [np.subtract([b.x0, b.y0, b.x1, b.y1], [400, 400, 600, 600]) for b in boxes]
        ways = [move / np.linalg.norm(move) for move in moves]
        assert np.allclose(ways, ways[0])
        assert np.all(np.diff([np.linalg.norm(move) for move in moves]) > 0)


@given(targets(), some.integers(0, 2**32), some.sampled_from((4, 8, 16, 32, 64)))
def test_a_click_is_so_many_pixels_beside_the_box_or_there_is_no_room(target: Target, seed: int, off: int) -> None:
    click = click_beside(target, np.random.default_rng(seed), off=off)
    box, (width, height) = target.box, target.size
    if click is None:
        assert max(box.x0, box.y0, width - box.x1, height - box.y1) <= off
        return
    ((x, y),) = click.xy
    assert click.labels == (1,)
    assert 0 <= x < width
    assert 0 <= y < height
    gap = math.hypot(max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1))
    assert gap == pytest.approx(off)


def test_a_click_that_is_not_off_hits_the_thing() -> None:
    ring = np.zeros((40, 60), dtype=bool)
    ring[10:30, 20:50] = True
    ring[15:25, 25:45] = False
    box = Box(20, 10, 50, 30)
    assert click_beside(Target((60, 40), box), np.random.default_rng(0), off=0) == Points(((35.0, 20.0),), (1,))
    click = click_beside(Target((60, 40), box, Mask.from_array(ring)), np.random.default_rng(0), off=0)
    assert click is not None
    ((x, y),) = click.xy
    assert ring[int(y), int(x)]


@given(some.integers(0, 2**32))
def test_a_partial_mask_has_its_share_of_the_pixels_and_less_is_a_part_of_more(seed: int) -> None:
    pixels = np.random.default_rng(seed).random((13, 17)) < 0.4
    pixels[3, 4] = True
    target = Target((17, 13), Box(0, 0, 17, 13), Mask.from_array(pixels))
    before = pixels
    for share in (1, 0.75, 0.5, 0.25, 0.0001):
        mask = paint_part(target, np.random.default_rng(seed), share=share)
        assert mask is not None
        part = mask.to_array()
        assert part.sum() == max(1, round(share * pixels.sum()))
        assert not (part & ~before).any()
        before = part


def test_a_partial_mask_is_on_one_side_of_a_line() -> None:
    target = Target((80, 60), Box(0, 0, 80, 60), Mask.from_array(np.ones((60, 80), dtype=bool)))
    for seed in range(10):
        mask = paint_part(target, np.random.default_rng(seed), share=0.5)
        assert mask is not None
        rows, columns = np.nonzero(mask.to_array())
        gone_rows, gone_columns = np.nonzero(~mask.to_array())
        way = np.array([columns.mean() - gone_columns.mean(), rows.mean() - gone_rows.mean()])
        kept, gone = np.c_[columns, rows] @ way, np.c_[gone_columns, gone_rows] @ way
        assert np.mean(kept > np.median(gone)) > 0.95
    assert paint_part(Target((80, 60), Box(0, 0, 80, 60)), np.random.default_rng(0), share=0.5) is None


def test_the_control_is_another_thing_or_what_lies_beside_the_box() -> None:
    rng = np.random.default_rng(0)
    box = Box(10, 10, 30, 30)
    near, far = Box(12, 12, 50, 50), Box(50, 50, 60, 60)
    assert pick_other_box(Target((100, 80), box, others=(box, near, far)), rng) == far
    assert pick_other_box(Target((100, 80), box, others=(box, near)), rng) == near
    assert pick_other_box(Target((100, 80), box, others=(box, Box(11, 10, 30, 30))), rng) == Box(30, 0, 100, 80)
    assert pick_other_box(Target((100, 80), Box(0, 0, 100, 80)), rng) is None


@given(targets())
def test_the_control_never_touches_the_box_where_the_image_has_no_other_thing(target: Target) -> None:
    box = pick_other_box(target, np.random.default_rng(0))
    if box is not None:
        assert inside(target, box)
        assert box.iou(target.box) == 0
