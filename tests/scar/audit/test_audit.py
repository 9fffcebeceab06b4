"""The audit of a folder finds what is planted and nothing in noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from scar import audit
from scar.audit.findings import list_findings
from scar.cli import app
from scar.sample import PARTS


def test_a_planted_word_is_found_and_named(leaky: Path) -> None:
    report = audit(leaky)
    figures = report["sources"]["Toy/eval"]
    assert figures["blind"]["n-grams"]["kinds"]["scene"]["hit"] == 1
    assert figures["telltales"]["gold"][0][0] == "lighthouse"
    assert figures["elements"]["scene"]["never_gold"] == 1
    assert figures["elements"]["scene"]["divergence"] == 1
    assert any("best judge in a part" in line and "scene) 1.000" in line for line in list_findings(report))


def test_nothing_is_found_where_all_words_are_drawn_alike(fair_report: dict[str, Any]) -> None:
    for figures in fair_report["sources"].values():
        for rate in figures["blind"].values():
            assert rate["hit"] < 0.15
            assert all(abs(kind["hit"] - 0.25) < 0.1 for kind in rate["kinds"].values())
    assert list_findings(fair_report) == []


def test_published_folders_without_provenance_are_read(fair: Path, tmp_path: Path) -> None:
    for path in fair.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    figures = audit(tmp_path)["sources"]
    assert set(figures["Toy/eval"]["blind"]["n-grams"]["kinds"]) == set(PARTS)
    assert figures["Toy/train"]["blind"]["n-grams"]["kinds"] == {}
    assert figures["Toy/train"]["blind"]["n-grams"]["chance"] == 0.5
    assert figures["Toy/eval"]["elements"] == {}
    assert figures["Toy/eval"]["position"] == {"gold": {"0": 1.0}}


def test_larger_files_are_drawn_from(fair: Path) -> None:
    report = audit(fair, trained_on=50)
    assert report == audit(fair, trained_on=50)
    assert report != audit(fair, trained_on=50, seed=1)
    assert report["sources"]["Toy/eval"]["samples"] == 300


def test_a_folder_without_corpus_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["audit", str(tmp_path)])
    assert result.exit_code == 2
    assert "no parquet file" in result.output
