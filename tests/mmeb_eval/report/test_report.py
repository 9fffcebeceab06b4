"""A report is written in every format, the same each time, or an error says why not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import list_group_tasks
from mmeb_eval.report.report import write_report
from mmeb_eval.report.strategy_table import REGION_STRATEGIES, Stage, StrategyScore
from mmeb_eval.run.results import Result
from scar.common.files import hash_file
from scar.errors import DataError, EvalError, ScarError, UnknownName
from tests.mmeb_eval.report.toy import MINE, QUERIES, Page, make_full_results


@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_the_bytes_are_the_same_each_time(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path, suffix: str
) -> None:
    for name in ("a", "b"):
        write_report(toy_results, (tmp_path / name).with_suffix(suffix), data=find_scar_tasks(toy_corpus))
    assert (tmp_path / "a").with_suffix(suffix).read_bytes() == (tmp_path / "b").with_suffix(suffix).read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_json_has_every_number_with_its_unit(toy_results: list[Result], tmp_path: Path) -> None:
    write_report([*toy_results, *make_full_results("a", 0.5, list_group_tasks("grounding"))], tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    mine = [row for row in content["tasks"] if row["model"] == MINE]
    assert [(row["task"], row["hit"], row["chance"], row["queries"]) for row in mine] == [("Toy", 0.5, 0.1, QUERIES)]
    assert mine[0]["metrics"] == toy_results[1].metrics
    means = {row["group"]: row for row in content["groups"] if row["model"] == "a"}
    assert (means["grounding"]["hit"], means["MMEB"]["missing"]) == (
        0.5,
        f"incomplete 4/{len(list_group_tasks('MMEB'))}",
    )
    assert {row["name"] for row in content["published"]} == {"grounding", *list_group_tasks("grounding")}
    by_unit = {row["unit"]: row for row in content["published"]}
    assert by_unit["percent"]["share"] == by_unit["percent"]["score"] / 100
    assert by_unit["fraction"]["score"] == by_unit["fraction"]["share"]


def test_the_table_in_small_stands_in_every_format(toy_results: list[Result], tmp_path: Path) -> None:
    own: dict[Stage, tuple[float, float]] = {"before": (0.125, 0.25), "after": (0.5, 0.75)}
    measured = [
        StrategyScore(way, stage, 7, draw, hit, 1000, 0.1, "m")
        for way in REGION_STRATEGIES
        for stage, hits in own.items()
        for draw, hit in enumerate(hits)
    ]
    for suffix in ("html", "md", "json"):
        write_report(toy_results, tmp_path / f"report.{suffix}", strategy_scores=measured)
    page = Page((tmp_path / "report.html").read_text())
    assert page.texts["b"].count("0.188") == page.texts["b"].count("0.625") == len(REGION_STRATEGIES)
    assert {"before the SCaR stage, seed 7", "paper, after SCaR-train"} <= set(page.texts["th"])
    row = "| box as prompt and in words | 0.188 ± 0.088 | 0.625 ± 0.177 | 0.304 (VIRTUE-2B) | 0.562 (VIRTUE-2B) |"
    assert row in (tmp_path / "report.md").read_text().splitlines()
    assert len(json.loads((tmp_path / "report.json").read_text())["region_strategies"]) == len(measured)


def test_no_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results to show; `mmeb-eval --model NAME --tasks DIR` makes some"):
        write_report([], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_suffix_that_is_no_format_is_an_error(toy_results: list[Result], tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown report format '\.htm': did you mean \.html\?"):
        write_report(toy_results, tmp_path / "report.htm")


@pytest.mark.parametrize("damage", ["missing picture", "broken picture", "broken rows"])
def test_a_corpus_that_cannot_be_shown_is_named(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path, damage: str
) -> None:
    results = toy_results
    rows = toy_corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    if damage == "missing picture":
        (toy_corpus / "images" / "5.png").unlink()
    if damage == "broken picture":
        (toy_corpus / "images" / "5.png").write_bytes(b"no image")
    if damage == "broken rows":
        rows.write_bytes(b"PAR1")
        files = {"files": {rows.name: hash_file(rows)}}
        results = [dataclasses.replace(own, settings={**own.settings, **files}) for own in toy_results]
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(ScarError, match=r"5\.png|SCaR_eval_Toy"):
        write_report(results, tmp_path / "report.html", data=find_scar_tasks(toy_corpus))
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_folder_in_the_way_is_an_error(toy_results: list[Result], tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(EvalError, match=r"report\.html: a folder; give --out FILE"):
        write_report(toy_results, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.html"]
