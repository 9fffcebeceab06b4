"""The table of tasks: every row, the facts in them, and what is said of a bad row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.data.tasks import (
    GROUPS,
    Task,
    get_task,
    get_tasks,
    list_group_tasks,
    make_scar_task,
    read_task_table,
    tasks,
)
from mmeb_eval.report.published import read_published_scores
from mmeb_eval.templates.fused import JOINS
from scar.errors import DataError, UnknownName

GOOD_ROW = """
[defaults.SCaR]
family = "region"
query = "image+text+box"
join = "region"
candidates = "text"
key = "text"
choices = 10
[Mine]
benchmark = "SCaR"
"""


def test_the_table_has_the_published_counts() -> None:
    sizes = {name: len(list_group_tasks(name)) for name in GROUPS}
    assert sizes == {
        "classification": 10, "vqa": 10, "retrieval": 12, "grounding": 4, "IND": 20, "OOD": 16, "MMEB": 36, "SCaR": 5,
        "lite": 8,
    }  # fmt: skip
    assert sum(get_task(name).queries for name in list_group_tasks("SCaR")) == 47_145


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.name)
def test_each_row_agrees_with_itself(task: Task) -> None:
    assert task.join in JOINS
    assert (task.join == "text") == (task.query == "text")
    assert (task.join == "region") == (task.benchmark == "SCaR") == (task.source != "")
    assert (task.key == "text") == (task.candidates == "text")
    assert (task.train != "") == (task.domain == "IND" or task.benchmark == "SCaR")
    assert task.choices >= 2
    assert task.queries > 0


def test_each_row_agrees_with_the_reference(golden: Any) -> None:
    reference = golden("tasks.json")["tasks"]
    assert {row["name"] for row in reference} <= tasks().keys()
    modality = {"I": "image", "T": "text", "I+T": "image+text", "I+T+bbox": "image+text+box"}
    family = {"Visual-interactive": "region"}
    for row in reference:
        task = get_task(row["name"])
        assert task.benchmark == row["benchmark"]
        assert task.family == family.get(row["meta_task"], row["meta_task"].lower())
        assert task.domain == (row["distribution"] or "")
        assert task.query == modality[row["query_modality"]]
        assert task.candidates == modality[row["target_modality"]]
        assert task.choices == row["candidates_per_paper"]
        assert task.train == (row["train_subset"] or "")
        assert task.dataset == row["hf_dataset"]
        if task.benchmark == "SCaR":
            assert f"SCaR_eval_{task.source}.parquet" == row["parquet_file_in_readme"]
        else:
            assert f"{task.images}/" == row["image_root"]
            assert task.queries == row["queries_per_paper"]
    parsers = Counter((row["parser"], get_task(row["name"]).join, get_task(row["name"]).key) for row in reference)
    assert parsers == {
        ("image_cls", "space", "text"): 10,
        ("image_qa", "newline", "text"): 10,
        ("image_t2i", "text", "image"): 6,
        ("image_i2i_vg", "newline", "image+text"): 8,
        ("image_i2t", "space", "text"): 2,
        ("scar_i2t", "region", "text"): 5,
    }


def test_an_unknown_task_is_met_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"unknown task 'VOC2017': did you mean VOC2007\? `mmeb-eval tasks` shows"):
        get_task("VOC2017")


def test_a_scar_file_is_the_official_task_or_one_of_its_own() -> None:
    assert make_scar_task("RefCOCO_plus") == get_task("SCAR_RefCOCO_plus_val")
    own = make_scar_task("COCO_mini")
    assert (own.name, own.source, own.family, own.choices, own.queries) == ("COCO_mini", "COCO_mini", "region", 10, 0)
    assert make_scar_task("GQA").name != "GQA"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('fmaily = "vqa"', r"bad.toml, \[Mine\]: unknown column 'fmaily': did you mean family\?"),
        ('family = "vaq"', r"bad.toml, \[Mine\]: family = 'vaq' is none of 'classification', 'vqa'"),
        ("family = 3", r"\[Mine\]: family = 3 is none of"),
        ('choices = "ten"', r"\[Mine\]: choices = 'ten': Expected `int`"),
        ("choices = true", r"\[Mine\]: choices = True: Expected `int`"),
        ("dataset = 1", r"\[Mine\]: dataset = 1: Expected `str`"),
        ('name = "Other"', r"\[Mine\]: unknown column 'name'"),
    ],
)
def test_a_bad_column_or_value_is_named_with_file_and_row(tmp_path: Path, line: str, message: str) -> None:
    table = tmp_path / "bad.toml"
    table.write_text(GOOD_ROW + line)
    with pytest.raises(DataError, match=message):
        read_task_table(table)


def test_a_row_without_a_needed_column_is_named(tmp_path: Path) -> None:
    table = tmp_path / "bad.toml"
    table.write_text('[Mine]\nbenchmark = "MMEB"\nfamily = "vqa"\n')
    with pytest.raises(DataError, match=r"\[Mine\]: no column query, join, candidates, key, choices; the columns are"):
        read_task_table(table)


@pytest.mark.parametrize("text", ["[Mine", "Mine = 3\n"])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    table = tmp_path / "bad.toml"
    table.write_text(text)
    with pytest.raises(DataError, match=r"bad.toml"):
        read_task_table(table)


def test_a_good_row_takes_its_benchmarks_defaults(tmp_path: Path) -> None:
    table = tmp_path / "good.toml"
    table.write_text(GOOD_ROW)
    assert read_task_table(table)["Mine"].choices == 10


def test_lite_is_two_tasks_of_each_family_that_order_the_published_models_as_all_do() -> None:
    chosen = [task.name for task in get_tasks("lite")]
    assert Counter(tasks()[name].family for name in chosen) == dict.fromkeys(
        ("classification", "vqa", "retrieval", "grounding"), 2
    )
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for score in read_published_scores():
        rows.setdefault((score.source.id, score.model), {})[score.name] = score.share
    mmeb = [name for name in list_group_tasks("MMEB") if any(name in row for row in rows.values())]
    whole = [row for row in rows.values() if set(mmeb) <= row.keys()]
    assert len(whole) == 18

    def mean(row: dict[str, float], names: Sequence[str]) -> float:
        return sum(row[name] for name in names) / len(names)

    by_all = sorted(whole, key=lambda row: mean(row, mmeb))
    assert sorted(whole, key=lambda row: mean(row, chosen)) == by_all
    assert max(abs(mean(row, chosen) - mean(row, mmeb)) for row in whole) < 0.025


def test_sets_of_tasks_have_names() -> None:
    assert get_tasks("all") == list(tasks().values())
    assert [task.name for task in get_tasks("lite")] == list(list_group_tasks("lite"))


def test_groups_are_named_in_any_case_and_lists_take_spaces() -> None:
    assert [task.name for task in get_tasks("scar")] == list(list_group_tasks("SCaR"))
    names = [task.name for task in get_tasks("VOC2007, vqa ,GQA, MMEB,")]
    assert names[:2] == ["VOC2007", list_group_tasks("vqa")[0]]
    assert len(names) == len(set(names)) == len(list_group_tasks("MMEB"))
    with pytest.raises(UnknownName, match=r"unknown task 'vqx'"):
        get_tasks("VOC2007, vqx")
