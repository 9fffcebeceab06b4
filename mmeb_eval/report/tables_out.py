"""Renders the scores of a report as CSV, a row for each score, and as a LaTeX table for a paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import astuple, fields

from mmeb_eval.report.summary import Score, Summary
from mmeb_eval.run.cost import Cost
from mmeb_eval.run.results import HEADLINE_METRIC

COST_COLUMNS = tuple(field.name for field in fields(Cost))
"""Columns of what the vectors of a task cost; empty where nobody measured it."""

CSV_COLUMNS = (
    "model", "kind", "name", "family", "metric", "score", "low", "high", "chance", "queries", "ties", "at_chance",
    "unchecked", "limited", "note", *COST_COLUMNS,
)  # fmt: skip
"""Columns of the CSV: ``kind`` is task or group, ``low`` and ``high`` end the 95 % interval, scores are fractions."""

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""Characters that LaTeX reads as commands -> what stands for them."""


LIMITED_MARK = r"\textasciitilde{}"
"""Mark of a score on the first queries alone, in LaTeX."""


def render_csv(summary: Summary) -> str:
    """A row for each score on a task, then one for each mean over a group; a mean that is incomplete has a note."""
    family_of = {task: family for family, members in summary.families.items() for task in members}
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for kind, scores in (("task", summary.scores), ("group", summary.means)):
        for (model, name), score in scores.items():
            head = [model, kind, name, family_of.get(name, ""), HEADLINE_METRIC]
            if isinstance(score, str):
                writer.writerow([*head, *[""] * 9, score, *[""] * len(COST_COLUMNS)])
            else:
                numbers = [repr(round(value, 6)) for value in (score.hit, score.low, score.high, score.chance)]
                marks = score.at_chance, score.unchecked, score.limited
                cost = summary.costs.get((model, name)) if kind == "task" else None
                costs = [""] * len(COST_COLUMNS) if cost is None else list(astuple(cost))
                writer.writerow([*head, *numbers, score.queries, score.ties, *marks, "", *costs])
    return output.getvalue()


def render_latex(summary: Summary) -> str:
    """A table for the package booktabs: a row for each task or group, a column for each model, hit@1 in percent.

    The highest score of a row is bold. An asterisk marks one that is no better than chance,
    a tilde one of the first queries alone, a dash one that is missing.
    """
    columns = "l" + "r" * (len(summary.models) + 1)
    head = ["", "chance", *summary.models]
    lines = [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", _make_row(head)]
    for family, members in summary.families.items():
        lines += ["\\midrule", f"\\multicolumn{{{len(head)}}}{{l}}{{\\emph{{{_escape(family)}}}}} \\\\"]
        lines += [_make_score_row(summary, task, summary.scores) for task in members]
    if summary.groups:
        lines += ["\\midrule", *(_make_score_row(summary, group, summary.means) for group in summary.groups)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _make_score_row(summary: Summary, name: str, scores: Mapping[tuple[str, str], Score | str]) -> str:
    """The line of a task or group."""
    found = [scores.get((model, name)) for model in summary.models]
    best = max((score.hit for score in found if isinstance(score, Score)), default=None)
    chance = next((f"{100 * score.chance:.1f}" for score in found if isinstance(score, Score)), "--")
    cells = []
    for score in found:
        if not isinstance(score, Score):
            cells.append("--")
            continue
        text = f"{100 * score.hit:.1f}{'*' * score.at_chance}{LIMITED_MARK * score.limited}"
        cells.append(f"\\textbf{{{text}}}" if score.hit == best and len(found) > 1 else text)
    return " & ".join([_escape(name), chance, *cells]) + " \\\\"


def _make_row(cells: list[str]) -> str:
    """A line of texts."""
    return " & ".join(map(_escape, cells)) + " \\\\"


def _escape(text: str) -> str:
    """A text as LaTeX shows it."""
    return "".join(LATEX_ESCAPES.get(character, character) for character in text)
