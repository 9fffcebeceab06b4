"""Renders a report as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.report.cost_table import COST_HEADINGS, COST_NOTE, make_cost_rows
from mmeb_eval.report.curve_drawings import draw_curves
from mmeb_eval.report.curves import Curve
from mmeb_eval.report.gallery import find_failures
from mmeb_eval.report.leaderboard import format_cell, make_leaderboards
from mmeb_eval.report.statistics import CHANCE_STANDARD_ERRORS, CONFIDENCE
from mmeb_eval.report.strategy_table import PAPER_CAVEAT, StrategyTable
from mmeb_eval.report.summary import is_baseline, summarise_results
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.common.html import render_page

PAGES_FOLDER = Path(__file__).with_name("pages")
"""Folder of the templates; ``report.html`` is the page."""

COLOUR_COUNT, SHAPE_COUNT = 8, 7
"""Number of colours and of mark shapes on the page; colour and shape together identify a model."""

BEST_PUBLISHED_COUNT = 3
"""Largest number of published scores that are shown beside a group's bars."""


def render_html(
    results: Sequence[Result],
    data: Sequence[TaskFiles],
    curves: Sequence[Curve],
    strategies: StrategyTable | None,
    max_failures: int,
) -> str:
    """The report as an HTML page that needs no network and no other file.

    Args:
        results: the scores to show; models keep their order.
        data: tasks with the data from which the worst failures are shown; empty shows none.
        curves: robustness curves; empty shows none.
        strategies: table of region strategies; None shows none.
        max_failures: largest number of failures shown, over all models.

    Raises:
        DataError: there are no results.
        ScarError: rows or images of ``data`` cannot be used.
    """
    summary = summarise_results(results)
    main_models = [model for model in summary.models if not is_baseline(model)]
    baselines = [model for model in summary.models if is_baseline(model)]
    marks = {
        model: (f"series-{index % COLOUR_COUNT}", f"shape-{index % SHAPE_COUNT}")
        for index, model in enumerate(main_models)
    }
    marks |= {model: ("baseline", f"shape-{index % SHAPE_COUNT}") for index, model in enumerate(baselines)}
    return render_page(
        "report.html",
        PAGES_FOLDER,
        headline=HEADLINE_METRIC,
        confidence=f"{CONFIDENCE:.0%}".replace("%", " %"),
        standard_errors=CHANCE_STANDARD_ERRORS,
        best_count=BEST_PUBLISHED_COUNT,
        summary=summary,
        main_models=main_models,
        baselines=baselines,
        marks=marks,
        queries=sum({result.task: result.counts["queries"] for result in results}.values()),
        cost_headings=COST_HEADINGS,
        cost_note=COST_NOTE,
        cost_rows=make_cost_rows(summary.costs),
        figures=draw_curves(curves),
        strategies=strategies,
        failures=find_failures(results, data, max_failures),
        leaderboards=make_leaderboards(results=results),
        settings={model: _collect_settings([own for own in results if own.model == model]) for model in summary.models},
        format_cell=format_cell,
        paper=PAPER_CAVEAT,
    )


def _collect_settings(results: Sequence[Result]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings of a model as texts, under headings: first those that all tasks share, then those of each task."""
    rows = {result.task: _settings_to_texts(result.settings) for result in results}
    first = next(iter(rows.values()))
    shared = {key: text for key, text in first.items() if all(own.get(key) == text for own in rows.values())}
    blocks = {"all tasks": shared} if len(rows) > 1 else {}
    blocks |= {task: {k: v for k, v in own.items() if len(rows) == 1 or k not in shared} for task, own in rows.items()}
    return [(name, list(block.items())) for name, block in blocks.items() if block]


def _settings_to_texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as texts; the name of a nested setting follows that of the setting that holds it."""
    rows = {}
    for key, value in settings.items():
        entries = value if isinstance(value, dict) else {"": value}
        for name, entry in entries.items():
            rows[f"{key} {name}".strip()] = entry if isinstance(entry, str) else json.dumps(entry)
    return rows
