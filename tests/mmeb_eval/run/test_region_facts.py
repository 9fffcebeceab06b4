"""Doubts about regions are counted as a reader would count them by hand; tasks without regions have none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmeb_eval.data.cases import Case
from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.region_rows import RegionRows
from mmeb_eval.data.tasks import Task
from mmeb_eval.item import Item
from mmeb_eval.run.region_facts import count_doubtful_queries, describe_leaks

ROOT = Path("photos")
TASK = Task(
    name="mine", benchmark="own", family="region", query="image+text+box", join="region", candidates="text",
    key="text", choices=0,
)  # fmt: skip


def case(image: str, caption: str, *, beyond: bool = False) -> Case:
    return Case(Item("?", ROOT / image), (Item(caption), Item("wrong")), 0, "", "", "row", beyond)


def files(leaked: str = "", *, regions: bool = True) -> TaskFiles:
    kept = RegionRows("regions", leaked=leaked) if regions else None
    return TaskFiles(TASK, (Path("rows.jsonl"),), ROOT, regions=kept, left_out=3)


CASES = [
    case("train/1.jpg", "a bowl"),
    case("train/1.jpg", "a bowl"),
    case("train/1.jpg", "a cup"),
    case("val/1.jpg", "a bowl"),
    case("training/1.jpg", "a bowl", beyond=True),
]
RANKS = np.array([1, 2, 2, 1, 2])


def test_captions_are_shared_within_an_image_alone() -> None:
    assert count_doubtful_queries(files(), CASES) == {"left_out": 3, "shared_captions": 2, "boxes_beyond_image": 1}
    assert count_doubtful_queries(files(), CASES[2:4]) == {"left_out": 3, "shared_captions": 0}


def test_tasks_of_other_formats_have_boxes_alone() -> None:
    assert count_doubtful_queries(files(regions=False), CASES) == {"boxes_beyond_image": 1}
    assert count_doubtful_queries(files(regions=False), CASES[:4]) == {}
    assert describe_leaks(files("train/", regions=False), CASES, RANKS) == {}


def test_leaked_images_are_those_below_the_folder() -> None:
    assert describe_leaks(files("train/"), CASES, RANKS) == {
        "leaked": {"images": "train/", "queries": 3, "hit@1_elsewhere": 0.5}
    }
    assert describe_leaks(files("train/"), CASES[:3], RANKS[:3])["leaked"]["hit@1_elsewhere"] is None


@pytest.mark.parametrize("leaked", ["", "test/"])
def test_without_leaked_images_nothing_is_said(leaked: str) -> None:
    assert describe_leaks(files(leaked), CASES, RANKS) == {}
    assert describe_leaks(replace(files(leaked), limit=1), CASES[:1], RANKS[:1]) == {}
