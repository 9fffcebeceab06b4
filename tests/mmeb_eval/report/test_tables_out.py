"""CSV holds every score once and reads back; LaTeX names cannot become commands, and the best score is bold."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from mmeb_eval.data.tasks import list_group_tasks
from mmeb_eval.report.markdown import render_markdown
from mmeb_eval.report.report import write_report
from mmeb_eval.report.score_tables import LIMITED, format_score
from mmeb_eval.report.summary import Score, summarise_results
from mmeb_eval.report.tables_out import CSV_COLUMNS, render_csv, render_latex
from tests.mmeb_eval.report.toy import make_full_results

GROUNDING = list_group_tasks("grounding")
RESULTS = [*make_full_results("a_b & 50%", 0.5, GROUNDING), *make_full_results("c,d", 0.75, GROUNDING[:1])]


def test_csv_has_a_row_for_each_score() -> None:
    summary = summarise_results(RESULTS)
    rows = list(csv.DictReader(io.StringIO(render_csv(summary))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == len(summary.scores) + len(summary.means)
    found = {(row["model"], row["name"]): row for row in rows}
    assert float(found["c,d", "MSCOCO"]["score"]) == 0.75
    assert found["c,d", "grounding"]["note"] == "incomplete 1/4"
    assert float(found["a_b & 50%", "grounding"]["low"]) <= 0.5 <= float(found["a_b & 50%", "grounding"]["high"])


def test_latex_escapes_names_and_marks_the_best() -> None:
    lines = render_latex(summarise_results(RESULTS)).splitlines()
    assert lines[0] == r"\begin{tabular}{lrrr}"
    assert lines[2] == r" & chance & a\_b \& 50\% & c,d \\"
    assert r"MSCOCO & 10.0 & 50.0 & \textbf{75.0} \\" in lines
    assert r"RefCOCO & 10.0 & \textbf{50.0} & -- \\" in lines
    assert all(line.count(" & ") in (0, 3) for line in lines)


def test_every_format_marks_scores_of_the_first_queries_alone() -> None:
    trial = [replace(result, settings={**result.settings, "limit": result.counts["queries"]}) for result in RESULTS]
    summary = summarise_results(trial)
    rows = list(csv.DictReader(io.StringIO(render_csv(summary))))
    assert {row["limited"] for row in rows if row["score"]} == {"True"}
    assert r"MSCOCO & 10.0 & 50.0\textasciitilde{} & \textbf{75.0\textasciitilde{}} \\" in render_latex(summary)
    assert all(
        format_score(score).endswith(LIMITED)
        for score in (*summary.scores.values(), *summary.means.values())
        if isinstance(score, Score)
    )
    assert render_markdown(summary, (), None).count("(first queries alone)") == sum(bool(row["score"]) for row in rows)


def test_the_suffix_gives_the_format(tmp_path: Path) -> None:
    for suffix, begin in ((".csv", "model,kind,name"), (".tex", r"\begin{tabular}")):
        write_report(RESULTS, tmp_path / f"scores{suffix}")
        assert (tmp_path / f"scores{suffix}").read_text().startswith(begin)
