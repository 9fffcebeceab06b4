"""Robustness curves say how a score falls, and beside it the undisturbed score of the same queries."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.regions.robustness import PROBES
from mmeb_eval.report.curves import make_curve_tables, make_curves
from mmeb_eval.report.report import write_report
from mmeb_eval.run.results import Result
from scar.errors import DataError
from tests.mmeb_eval.report.toy import make_probe_results, make_result


def test_a_curve_has_the_levels_of_its_probe_and_the_undisturbed_score() -> None:
    curves = make_curves([make_result()], make_probe_results())
    assert [(curve.probe, curve.undisturbed) for curve in curves] == [("box", 1), ("click", 1), ("mask", 1)]
    for curve in curves:
        assert [point.level for point in curve.points] == list(PROBES[curve.probe].levels)


def test_rows_that_cannot_be_asked_are_left_out_and_compared_with_their_own_score() -> None:
    base = make_result((2, 2, 2, 2, *[1] * 16))
    probed = make_result((1,) * 17, probe={"name": "click", "level": "8", "seed": 0, "left_out": [0, 1, 2]})
    (curve,) = make_curves([base], [probed])
    assert (curve.undisturbed, curve.points[0].queries, curve.points[0].undisturbed) == (0.8, 17, 16 / 17)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"files": {"other.parquet": "0"}},
            "no ordinary result on the same data and with the same tie rule; run `mmeb-eval",
        ),
        ({"ties": "official"}, "no ordinary result on the same data and with the same tie rule"),
        ({"probe": {"name": "smell", "level": "1", "left_out": []}}, "this version has no such probe; delete its file"),
        ({"probe": {"name": "box", "level": "0.1", "left_out": []}}, "level 0.1: this version has no such probe"),
    ],
)
def test_probes_that_do_not_belong_are_refused(change: dict[str, Any], message: str) -> None:
    base, (first, *_) = make_result(), make_probe_results()
    with pytest.raises(DataError, match=message):
        make_curves([base], [replace(first, settings={**first.settings, **change})])
    with pytest.raises(DataError, match="no ordinary result"):
        make_curves([], [first])


def test_reports_show_the_curves_with_chance_and_the_undisturbed_score(tmp_path: Path) -> None:
    ordinary: list[Result] = [make_result()]
    probed = make_probe_results()
    for suffix in ("html", "md", "json"):
        write_report(ordinary, tmp_path / f"report.{suffix}", probe_results=probed)
    page = (tmp_path / "report.html").read_text()
    assert (
        'aria-label="jittered box on Toy, IoU with the right box. looks@1: undisturbed 1.000, chance 0.100, 0.9 1.000, '
        '0.8 1.000, 0.7 1.000, 0.6 0.000, 0.5 0.000, elsewhere 0.000."' in page
    )
    assert page.count("<polyline") == page.count('class="undisturbed') == 3
    text = (tmp_path / "report.md").read_text()
    assert "| Toy | jittered box | 0.6 (IoU with the right box) | looks@1 | 20 | 0.000 [0.000, 0.168] | 1.000 |" in text
    rows = json.loads((tmp_path / "report.json").read_text())["curves"]
    assert [(row["probe"], len(row["points"])) for row in rows] == [("box", 6), ("click", 6), ("mask", 4)]
    assert rows[0]["points"][3]["hit"] == 0
    write_report(ordinary, tmp_path / "plain.html")
    assert "Robustness" not in (tmp_path / "plain.html").read_text()
    assert [table.row_count for table in make_curve_tables(make_curves(ordinary, probed))] == [6, 6, 4]
