"""Costs stand in every format of a report: sums over the tasks of a model, and a dash for what nobody measured."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmeb_eval.report.cost_table import COST_HEADINGS, make_cost_rows
from mmeb_eval.report.report import write_report
from mmeb_eval.run.cost import Cost
from tests.mmeb_eval.report.toy import Page, make_result

ONE = Cost(100, 4.0, 25.0, 32, 64, 2 * 10**9, None)
OTHER = Cost(300, 4.0, 75.0, 16, 64, 3 * 10**9, 5 * 10**8)


def test_a_row_sums_the_tasks_of_a_model() -> None:
    costs = {("a", "x"): ONE, ("b", "x"): replace(ONE, peak_memory=None, seconds=0.0), ("a", "y"): OTHER}
    assert make_cost_rows(costs) == [
        ("a", "2", "400", "8.0", "50.0", "32", "64", "3.0 GB", "500.0 MB"),
        ("b", "1", "100", "0.0", "-", "32", "64", "-", "-"),
    ]
    assert {len(row) for row in make_cost_rows(costs)} == {len(COST_HEADINGS)}
    assert make_cost_rows({("a", "x"): ONE, ("a", "y"): replace(ONE, vector_width=32)})[0][6] == "64/32"
    assert make_cost_rows({}) == []


@pytest.mark.parametrize("suffix", ["html", "md", "json", "csv"])
def test_every_format_has_costs_if_there_are_any(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"report.{suffix}"

    def find(cost: Cost | None) -> bool:
        write_report([replace(make_result(), cost=cost)], path)
        text = path.read_text(encoding="utf-8")
        if suffix == "html":
            return "2.0 GB" in Page(text).texts["td"]
        if suffix == "json":
            return bool((json.loads(text)["tasks"][0]["cost"] or {}).get("peak_memory") == 2 * 10**9)
        if suffix == "csv":
            (row,) = csv.DictReader(text.splitlines())
            return (row["seconds"], row["items"], row["peak_memory"]) == ("4.0", "100", "2000000000")
        return "| looks@1 | 1 | 100 | 4.0 | 25.0 | 32 | 64 | 2.0 GB | - |" in text

    assert find(ONE)
    assert not find(None)
