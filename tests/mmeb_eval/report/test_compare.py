"""Two runs are paired query by query, and the first thing in which they differ is named."""

from __future__ import annotations

import json
from dataclasses import replace
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.tasks import list_group_tasks, tasks
from mmeb_eval.report.compare import SETTING_ORDER, compare_results, find_setting_differences, read_run
from mmeb_eval.run.results import Result, write_result
from scar.errors import DataError

SETTINGS = {
    "dataset": "x",
    "files": {"a.parquet": "00"},
    "queries": "q",
    "candidates": "c",
    "layout": "plain",
    "region": "none",
    "ties": "against",
    "batch_size": 8,
    "embedder": {"revision": "1", "dtype": "float32"},
    "versions": {"numpy": "2"},
}


def result(model: str, task: str, right: list[bool], **settings: Any) -> Result:
    ranks = tuple(1 if hit else 2 for hit in right)
    return Result(
        model=model,
        task=task,
        metrics={"hit@1": sum(right) / len(right)},
        counts={"queries": len(right), "candidates": 10 * len(right), "items": 1, "ties": 0, "repeats": 0},
        chance=0.1,
        settings={**SETTINGS, **settings},
        ranks=ranks,
        top=tuple((0, 1) for _ in ranks),
        margins=tuple(0.1 for _ in ranks),
    )


def test_a_task_is_tested_on_the_queries_that_only_one_of_them_hits() -> None:
    a = result("a", "GQA", [True] * 30 + [False] * 12 + [True] * 8)
    b = result("b", "GQA", [False] * 30 + [True] * 12 + [True] * 8)
    (row,) = compare_results([a], [b]).tasks
    assert (row.a, row.b) == (38 / 50, 20 / 50)
    assert row.p == pytest.approx(2 * sum(comb(42, k) for k in range(13)) / 2**42)
    assert row.corrected == row.p
    assert row.verdict == "first is better"
    assert row.low < row.a - row.b < row.high
    (other,) = compare_results([b], [a]).tasks
    assert (other.verdict, other.p) == ("second is better", row.p)
    assert compare_results([a], [replace(a, model="b")]).tasks[0].verdict == "no sure difference"


def test_many_tasks_make_a_lucky_one_no_difference() -> None:
    names = list(tasks())
    lucky = [True] * 8 + [False] * 42
    a = [result("a", name, lucky if name == "GQA" else [False] * 50) for name in names]
    b = [result("b", name, [False] * 50) for name in names]
    alone = compare_results([run for run in a if run.task == "GQA"], b).tasks[0]
    found = compare_results(a, b)
    row = next(row for row in found.tasks if row.name == "GQA")
    assert alone.corrected == alone.p == row.p < 0.05
    assert row.corrected == pytest.approx(min(1, len(names) * row.p))
    assert row.verdict == "no sure difference"
    assert [row.name for row in found.tasks] == names


def test_groups_are_compared_where_both_have_all_of_their_tasks() -> None:
    rng = np.random.default_rng(0)
    names = [*list_group_tasks("SCaR"), "GQA"]
    a = [result("a", name, (rng.random(60) < 0.6).tolist()) for name in names]
    b = [result("b", name, (rng.random(60) < 0.2).tolist()) for name in names]
    found = compare_results(a, b)
    assert {row.name for row in found.groups} >= {"SCaR"}
    assert "vqa" not in {row.name for row in found.groups}
    row = next(row for row in found.groups if row.name == "SCaR")
    own = [task for task in found.tasks if task.name in list_group_tasks("SCaR")]
    assert row.a == pytest.approx(sum(task.a for task in own) / len(own))
    assert row.verdict == "first is better"
    assert 1 / 10_001 <= row.p < 0.01
    assert compare_results(a, b) == found
    fewer = compare_results(a, [run for run in b if run.task != names[0]])
    assert fewer.only_a == (names[0],)
    assert "SCaR" not in {row.name for row in fewer.groups}


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"batch_size": 9, "versions": {"numpy": "3"}}, "batch_size"),
        ({"region": "crop", "batch_size": 9}, "region"),
        ({"embedder": {"revision": "2", "dtype": "bfloat16"}, "region": "crop"}, "embedder.revision"),
        ({"embedder": {"revision": "1", "dtype": "bfloat16"}, "layout": "qwen2_vl"}, "embedder.dtype"),
        ({"files": {"a.parquet": "11"}, "embedder": {"revision": "2"}}, "files.a.parquet"),
        ({"embedder": {"revision": "1", "dtype": "float32", "seed": 3}}, "embedder.seed"),
        ({"ties": "official", "embedder": {"revision": "1", "dtype": "float32", "seed": 3}}, "ties"),
        ({"new": 1}, "new"),
    ],
)
def test_the_most_important_difference_is_named_first(changes: dict[str, Any], first: str) -> None:
    a, b = result("m", "GQA", [True]), result("m", "GQA", [True], **changes)
    found = find_setting_differences([(a, b)])
    assert found[0].name == first
    assert found[0].task == "GQA"
    assert find_setting_differences([(a, a)]) == []
    assert len(set(SETTING_ORDER)) == len(SETTING_ORDER)


@pytest.mark.parametrize("what", ["queries", "candidates"])
def test_other_questions_are_not_paired(what: str) -> None:
    with pytest.raises(DataError, match=rf"GQA: the runs were not asked the same {what} \(. against other\), so their"):
        compare_results([result("a", "GQA", [True])], [result("b", "GQA", [True], **{what: "other"})])


def test_runs_without_a_common_task_are_refused() -> None:
    with pytest.raises(DataError, match="no task in common: GQA against VOC2007"):
        compare_results([result("a", "GQA", [True])], [result("b", "VOC2007", [True])])


def test_the_command_line(tmp_path: Path) -> None:
    for model, hits in (("a", [True] * 20), ("b", [False] * 20)):
        write_result(result(model, "GQA", hits), tmp_path)
    write_result(result("a", "VOC2007", [True]), tmp_path)
    shown = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert shown.exit_code == 0, shown.output
    (row,) = [line.split() for line in shown.output.splitlines() if line.startswith("GQA ")]
    assert row == ["GQA", "1.000", "0.000", "+1.000", "[+0.832,", "+1.000]", "<0.001", "0.626", "first"]
    assert max(map(len, shown.output.split("p: corrected")[0].splitlines())) <= 80
    assert "they differ first in model (on GQA): a against b" in shown.output
    assert "only the first run has VOC2007" in shown.output
    as_json = json.loads(
        CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]).output
    )
    assert as_json["tasks"][0]["p"] == pytest.approx(2 / 2**20)
    assert as_json["only_a"] == ["VOC2007"]
    refused = CliRunner().invoke(app, ["compare", str(tmp_path), str(tmp_path / "b")])
    assert refused.exit_code == 2
    with pytest.raises(DataError, match=r"results of 2 models; name one of .*a, .*b\."):
        read_run(tmp_path)
    with pytest.raises(DataError, match="no results"):
        read_run(tmp_path / "nothing")
