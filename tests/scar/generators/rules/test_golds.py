"""The chosen gold follows the order of reasons, its share, and nothing of its batch."""

from pathlib import Path

import numpy as np
import pytest

from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.generator import Gold, GoldTask, Rejected
from scar.generators.rules.golds import NO_EVIDENCE, OVER_SHARE, RANKED, draw_rank, write_golds
from scar.generators.rules.true_captions import list_true_captions
from scar.sample import Box, Mask, Picture, Region

WIDTH, HEIGHT = 320, 240


def region_of(number: int, category: str, x0: int, y0: int, x1: int, y1: int) -> Region:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[y0:y1, x0:x1] = True
    return Region(number, Box(x0, y0, x1, y1), category, Mask.from_array(pixels))


def tasks_of(*regions: Region, scene: str | None = None) -> list[GoldTask]:
    picture = Picture(1, "a.jpg", WIDTH, HEIGHT, regions, scene=scene)
    evidence = PictureEvidence(picture)
    return [GoldTask(Path("a.jpg"), evidence, region, f"0/Mini/eval/{region.id}") for region in regions]


def test_what_masks_show_comes_before_ranks() -> None:
    table = region_of(1, "dining table", 20, 120, 300, 220)
    cups = [region_of(2, "cup", 60, 80, 100, 140), region_of(3, "cup", 250, 10, 290, 70)]
    _, on_table, apart = write_golds(tasks_of(table, *cups))
    assert isinstance(on_table, Gold)
    assert (on_table.reason, on_table.caption.text) == ("mask", "a cup on a table")
    assert isinstance(apart, Gold)
    assert apart.reason in ("ordinal", "direction", "mask")


def test_a_rank_over_its_share_is_rejected_for_that_reason() -> None:
    zebras = [region_of(number, "zebra", 20 + 100 * number, 100, 90 + 100 * number, 180) for number in range(3)]
    tasks = tasks_of(*zebras)
    assert {gold.reason for gold in write_golds(tasks) if isinstance(gold, Gold)} == {"ordinal"}
    below = {RANKED: draw_rank(tasks[0], "ordinal") / 2}
    assert write_golds(tasks, below) == [Rejected(OVER_SHARE)] * 3


def test_a_thing_alone_without_a_place_has_no_gold() -> None:
    assert write_golds(tasks_of(region_of(1, "bear", 40, 40, 200, 200))) == [Rejected(NO_EVIDENCE)]


def test_a_thing_alone_is_told_by_its_position_where_the_place_is_known() -> None:
    (gold,) = write_golds(tasks_of(region_of(1, "dog", 10, 90, 60, 150), scene="beach"))
    assert isinstance(gold, Gold)
    assert (gold.reason, gold.caption.text) == ("position", "a dog on the left of a picture of a beach")


def test_the_place_alone_comes_before_directions_and_after_what_masks_show() -> None:
    oven, cat = region_of(1, "oven", 10, 40, 60, 150), region_of(2, "cat", 200, 150, 240, 190)
    (alone,) = write_golds(tasks_of(oven, scene="kitchen"))
    assert isinstance(alone, Gold)
    assert (alone.reason, alone.caption.text) == ("annotated", "an oven in a kitchen")
    sofa = region_of(3, "couch", 180, 120, 300, 200)
    _, told, _ = write_golds(tasks_of(oven, cat, sofa, scene="kitchen"))
    assert isinstance(told, Gold)
    assert told.reason == "mask"
    _, told = write_golds(tasks_of(oven, cat, scene="kitchen"))
    assert isinstance(told, Gold)
    assert told.caption.text == "a cat in a kitchen"


@pytest.mark.parametrize(("scene", "expected"), [("baseball field", False), ("parking lot", True)])
def test_outdoors_the_place_alone_is_said_of_what_is_in_it_anywhere(scene: str, expected: bool) -> None:
    car = region_of(1, "car", 10, 190, 60, 235)
    picture = Picture(1, "a.jpg", WIDTH, HEIGHT, (car,), (f"A car at a {scene}.",) * 2)
    found = list_true_captions(PictureEvidence(picture), car)
    assert any(true.is_scene_only for true in found) == expected


def test_no_gold_depends_on_its_batch() -> None:
    zebras = [region_of(number, "zebra", 20 + 100 * number, 100, 90 + 100 * number, 180) for number in range(3)]
    tasks = tasks_of(*zebras, region_of(9, "dog", 10, 190, 60, 235), scene="field")
    together = write_golds(tasks)
    assert [write_golds([task])[0] for task in tasks] == together
    assert write_golds(tasks[::-1])[::-1] == together
    assert write_golds([]) == []
