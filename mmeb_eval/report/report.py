"""Write a report about results as a self-contained HTML page, as Markdown, JSON, CSV or LaTeX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.report.curves import Curve, make_curves
from mmeb_eval.report.html_page import render_html
from mmeb_eval.report.markdown import render_markdown
from mmeb_eval.report.published import PublishedScore
from mmeb_eval.report.statistics import CONFIDENCE
from mmeb_eval.report.strategy_table import StrategyScore, make_strategy_table
from mmeb_eval.report.summary import Score, Summary, summarise_results
from mmeb_eval.report.tables_out import render_csv, render_latex
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.common.files import write_bytes
from scar.errors import EvalError, UnknownName

SUFFIXES = (".html", ".md", ".json", ".csv", ".tex")


def write_report(
    results: Sequence[Result],
    out: Path,
    *,
    data: Sequence[TaskFiles] = (),
    probe_results: Sequence[Result] = (),
    strategy_scores: Sequence[StrategyScore] = (),
    max_failures: int = 24,
) -> None:
    """Write a report; the suffix gives its format: one of `SUFFIXES`.

    The HTML page needs no network and no other file. CSV and LaTeX hold the scores alone.

    Args:
        results: the scores to show; models keep their order.
        out: the file to write; an existing file is replaced.
        data: tasks with the data from which the HTML page shows the worst failures; empty shows none. The other formats
            do not use it.
        probe_results: results with perturbed prompts, shown as robustness curves.
        strategy_scores: scores of the demo model for each region strategy, shown beside the paper's scores.
        max_failures: largest number of failures on the HTML page, over all models.

    Raises:
        UnknownName: the suffix of ``out`` is none of them.
        DataError: there are no results, a result with perturbed prompts lacks the one with exact prompts, or rows or
            images cannot be used.
        ScarError: a SCaR folder cannot be read.
        EvalError: ``out`` is a folder, or the file cannot be written.
    """
    if out.suffix not in SUFFIXES:
        raise UnknownName("report format", out.suffix, SUFFIXES, f"--out FILE ends in {', '.join(SUFFIXES)}.")
    summary = summarise_results(results)
    curves = make_curves(results, probe_results)
    strategies = make_strategy_table(strategy_scores) if strategy_scores else None
    if out.suffix == ".html":
        text = render_html(results, data, curves, strategies, max_failures)
    elif out.suffix == ".md":
        text = render_markdown(summary, curves, strategies)
    elif out.suffix == ".csv":
        text = render_csv(summary)
    elif out.suffix == ".tex":
        text = render_latex(summary)
    else:
        text = _render_json(results, summary, curves, strategy_scores)
    if out.is_dir():
        raise EvalError(f"{out}: a folder; give --out FILE.")
    write_bytes(text.encode(), out)


def _render_json(
    results: Sequence[Result], summary: Summary, curves: Sequence[Curve], strategy_scores: Sequence[StrategyScore]
) -> str:
    """All numbers of a report as JSON, except those of single queries."""
    settings = {(result.model, result.task): result.settings for result in results}
    metrics = {(result.model, result.task): result.metrics for result in results}
    costs = {(result.model, result.task): result.cost and asdict(result.cost) for result in results}
    counts = {(result.model, result.task): result.counts for result in results}
    content = {
        "headline": HEADLINE_METRIC,
        "confidence": CONFIDENCE,
        "tasks": [
            {
                "model": model,
                "task": task,
                **asdict(score),
                "counts": counts[model, task],
                "metrics": metrics[model, task],
                "settings": settings[model, task],
                "cost": costs[model, task],
            }
            for (model, task), score in summary.scores.items()
        ],
        "groups": [
            {"model": model, "group": name} | ({"missing": score} if isinstance(score, str) else _mean_to_json(score))
            for (model, name), score in summary.means.items()
        ],
        "curves": [asdict(curve) for curve in curves],
        "region_strategies": [asdict(score) for score in strategy_scores],
        "doubts": list(summary.doubts),
        "published": [_published_to_json(score) for scores in summary.published.values() for score in scores],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _published_to_json(score: PublishedScore) -> dict[str, Any]:
    """A published score as a JSON object, with the number as printed and as a fraction of 1."""
    row = {key: getattr(score, key) for key in ("name", "model", "setting", "score", "share", "note")}
    return row | {key: getattr(score.source, key) for key in ("metric", "unit", "cite", "url")}


def _mean_to_json(score: Score) -> dict[str, Any]:
    """A mean over a group as a JSON object, without the fields that only the score of a task has."""
    row = asdict(score)
    return {key: row[key] for key in ("hit", "low", "high", "chance", "queries", "ties")}
