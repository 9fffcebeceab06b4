"""Renders a report as Markdown tables, for a README or an issue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mmeb_eval.report.cost_table import COST_HEADINGS, COST_NOTE, make_cost_rows
from mmeb_eval.report.curves import Curve
from mmeb_eval.report.statistics import CHANCE_STANDARD_ERRORS, CONFIDENCE
from mmeb_eval.report.strategy_table import PAPER_CAVEAT, StrategyTable
from mmeb_eval.report.summary import Score, Summary
from mmeb_eval.run.results import HEADLINE_METRIC


def render_markdown(summary: Summary, curves: Sequence[Curve], strategies: StrategyTable | None) -> str:
    """The report as Markdown tables; empty ``curves``, or None for ``strategies``, leaves their section out."""
    lines = ["# Evaluation report", ""]
    lines += [
        f"{HEADLINE_METRIC}, 0 to 1, with its {CONFIDENCE:.0%} interval. Ties count as each model's settings say.",
        "",
    ]
    if summary.doubts:
        lines += ["Doubtful:", "", *(f"- {_escape_cell(line)}" for line in summary.doubts), ""]
    if summary.groups:
        lines += ["## Groups of tasks", "", *_make_score_lines(summary, summary.groups, summary.means)]
    for family, members in summary.families.items():
        lines += [f"## {family}", "", *_make_score_lines(summary, members, summary.scores)]
    if weak := summary.at_chance:
        lines += [f"No better than chance, within {CHANCE_STANDARD_ERRORS} standard errors:", ""]
        lines += [f"- {_escape_cell(model)} on {_escape_cell(task)}" for model, task in weak] + [""]
    if rows := make_cost_rows(summary.costs):
        lines += ["## Costs", "", COST_NOTE, "", *_make_header_lines(COST_HEADINGS), *map(_make_table_line, rows), ""]
    if curves:
        lines += ["## Robustness", "", *_make_curve_lines(curves)]
    if strategies:
        lines += ["## The paper's table in small", "", render_strategy_table(strategies), ""]
    if summary.published:
        sources = dict.fromkeys(score.source for scores in summary.published.values() for score in scores)
        lines += ["Published scores are from:", ""]
        lines += [f"- {each.id}: {each.title}, {each.cite}, {each.metric} in {each.unit}" for each in sources] + [""]
    return "\n".join(lines)


def _make_score_lines(
    summary: Summary, names: Sequence[str], scores: Mapping[tuple[str, str], Score | str]
) -> list[str]:
    """Lines of a Markdown table with a row for each task or group and a column for each model."""
    lines = _make_header_lines(["", "chance", *summary.models, "best published"])
    for name in names:
        found = [scores.get((model, name), "not run") for model in summary.models]
        chance = next((f"{score.chance:.3f}" for score in found if isinstance(score, Score)), "-")
        cells = [score if isinstance(score, str) else _format_score(score) for score in found]
        published = summary.published.get(name)
        best = f"{published[0].share:.3f} {published[0].label}" if published else "-"
        lines.append(_make_table_line([name, chance, *cells, best]))
    return [*lines, ""]


def render_strategy_table(strategies: StrategyTable) -> str:
    """A Markdown table with a row for each region strategy, under a sentence that explains the numbers."""
    lines = [
        f"{strategies.about}. {PAPER_CAVEAT}",
        "",
        *_make_header_lines(["region given by", *strategies.headings]),
    ]
    for row in strategies.rows:
        paper = [f"{score.share:.3f} ({score.model})" if score else "-" for score in row.published_scores]
        lines.append(_make_table_line([row.title, *("-" if cell is None else str(cell) for cell in row.cells), *paper]))
    return "\n".join(lines)


def _make_curve_lines(curves: Sequence[Curve]) -> list[str]:
    """Lines of a Markdown table with a row for each level of each curve."""
    head = ["task", "probe", "level", "model", "queries", HEADLINE_METRIC, "undisturbed, same queries", "chance"]
    lines = _make_header_lines(head)
    for curve in curves:
        for point in curve.points:
            score = f"{point.hit:.3f} [{point.low:.3f}, {point.high:.3f}]"
            texts = [curve.task, curve.title, f"{point.level} ({curve.unit})", curve.model, f"{point.queries:,}"]
            lines.append(_make_table_line([*texts, score, f"{point.undisturbed:.3f}", f"{curve.chance:.3f}"]))
    return [*lines, ""]


def _format_score(score: Score) -> str:
    """The text of a score with its interval."""
    cut = f" ({score.texts_cut:,} texts cut)" if score.texts_cut else ""
    marks = " (chance)" * score.at_chance + " (unchecked)" * score.unchecked + " (first queries alone)" * score.limited
    return f"{score.hit:.3f} [{score.low:.3f}, {score.high:.3f}]{marks}{cut}"


def _make_header_lines(head: Sequence[str]) -> list[str]:
    """Header and delimiter lines of a Markdown table."""
    return [_make_table_line(head), _make_table_line(["---", *["---:"] * (len(head) - 1)])]


def _make_table_line(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(map(_escape_cell, cells))} |"


def _escape_cell(text: str) -> str:
    """A text on one line, its Markdown escaped."""
    return re.sub(r"([\\`*_<|])", r"\\\1", " ".join(text.split()))
