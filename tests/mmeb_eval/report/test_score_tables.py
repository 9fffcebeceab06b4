"""No score is shown without its chance level and interval; scores at chance are marked."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from mmeb_eval.data.tasks import list_group_tasks, tasks
from mmeb_eval.report.score_tables import list_chance_warnings, make_score_tables
from mmeb_eval.report.summary import summarise_results
from mmeb_eval.run.results import Result
from tests.mmeb_eval.report.toy import make_result


def make_results(model: str, names: tuple[str, ...], value: float = 0.5) -> list[Result]:
    """Results of four queries; the score is `value`."""
    result = replace(make_result((1, 2, 3, 4)), model=model, metrics={"hit@1": value}, chance=0.25)
    return [replace(result, task=name) for name in names]


def print_tables(results: list[Result]) -> str:
    console = Console(width=400, file=io.StringIO(), color_system=None)
    for table in make_score_tables(results):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_no_score_is_shown_without_its_chance_level() -> None:
    results = [*make_results("one", list_group_tasks("SCaR")), *make_results("two", ("VOC2007", "COCO_mini"), 0.0)]
    rows = {line.split("│")[1].strip(): line for line in print_tables(results).splitlines() if line.count("│") == 5}
    assert set(rows) >= {*list_group_tasks("SCaR"), "VOC2007", "COCO_mini", "SCaR", "MMEB", "classification"}
    for name in (*list_group_tasks("SCaR"), "VOC2007", "COCO_mini", "SCaR"):
        assert rows[name].split("│")[2].strip() == "0.250"
    assert rows["SCaR"].split("│")[3].strip().startswith("0.500 [")
    assert rows["SCaR"].split("│")[4].strip() == "-"
    for group in ("MMEB", "classification"):
        assert f"incomplete 1/{len(list_group_tasks(group))}" in rows[group]


def test_scores_near_chance_are_marked_and_warned_of() -> None:
    bad, good = make_results("bad", ("GQA", "DocVQA"), 0.25), make_results("good", ("GQA",), 1.0)
    good = [
        replace(result, ranks=(1,) * 400, counts={"queries": 400, "candidates": 1600, "items": 1, "ties": 0})
        for result in good
    ]
    baseline = make_results("random", ("GQA",), 0.25)
    assert list_chance_warnings(summarise_results([*bad, *good, *baseline])) == [
        "WARNING: bad: 2 of 2 scores are within three standard errors of chance: GQA, DocVQA."
    ]
    shown = print_tables([*bad, *good, *baseline])
    assert shown.count("0.250 [") == 3
    (row,) = [line for line in shown.splitlines() if line.startswith("│ GQA")]
    assert [cell.strip().endswith("*") for cell in row.split("│")[3:6]] == [True, False, True]


def test_scores_of_a_table_are_in_the_order_of_the_tasks() -> None:
    results = make_results("m", ("GQA", "DocVQA", "OK-VQA"))
    rows = [line.split("│")[1].strip() for line in print_tables(results).splitlines() if line.startswith("│")]
    assert rows[:3] == [name for name in tasks() if name in ("GQA", "DocVQA", "OK-VQA")]


def test_texts_that_the_model_cuts_are_counted_beside_the_score() -> None:
    whole, cut = make_results("whole", ("GQA",)), make_results("cut", ("GQA", "DocVQA"))
    cut[0] = replace(cut[0], counts={**cut[0].counts, "texts_cut": 1234})
    shown = print_tables([*whole, *cut])
    (row,) = [line for line in shown.splitlines() if line.startswith("│ GQA")]
    assert row.split("│")[3].strip().endswith("]*") or row.split("│")[3].strip().endswith("]")
    assert row.split("│")[4].strip().endswith(", 1,234 cut")
    assert "cut: texts beyond the model's limit, whose end it did not read" in " ".join(shown.split())
    assert "cut:" not in print_tables(whole)
