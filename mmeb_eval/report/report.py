"""Write a report about results: a self-contained HTML page, Markdown or JSON, by the suffix of the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.report.curves import Curve, make_curves
from mmeb_eval.report.gallery import find_failures
from mmeb_eval.report.leaderboard import format_cell, make_leaderboards
from mmeb_eval.report.plots import draw_curves
from mmeb_eval.report.published import PublishedScore
from mmeb_eval.report.statistics import CHANCE_STANDARD_ERRORS, CONFIDENCE
from mmeb_eval.report.summary import Score, Summary, is_baseline, summarise_results
from mmeb_eval.report.ways import StrategyScore, StrategyTable, make_strategy_table
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.common.files import write_bytes
from scar.common.html import render_page
from scar.errors import EvalError, UnknownName

PAGES_FOLDER = Path(__file__).with_name("pages")
"""Folder of the templates; ``report.html`` is the page."""

COLOUR_COUNT, SHAPE_COUNT = 8, 7
"""Number of colours and mark shapes of the page; the pair identifies a model."""

BEST_PUBLISHED_COUNT = 3
"""Number of published scores shown beside a group's bars."""

PAPER_CAVEAT = (
    "The paper's columns are means over its five tasks, of far larger models on photographs: what compares is "
    "which row is above which, not the numbers."
)


def write_report(
    results: Sequence[Result],
    out: Path,
    *,
    data: Sequence[TaskFiles] = (),
    probe_results: Sequence[Result] = (),
    strategy_scores: Sequence[StrategyScore] = (),
    max_failures: int = 24,
) -> None:
    """Write a report; the suffix gives its format: ``.html``, ``.md`` or ``.json``.

    The HTML page needs no network and no other file.

    Args:
        results: the scores to show; models keep their order.
        out: the file; an existing one is replaced.
        data: rows and images of tasks, of which the HTML page shows the worst failures.
        probe_results: results with disturbed prompts, shown as robustness curves.
        strategy_scores: scores of the miniature for each region strategy, shown beside the paper's.
        max_failures: over all models.

    Raises:
        UnknownName: the suffix is none of the three.
        DataError: no results, a probe result without its undisturbed one, or data or an image that cannot be used.
        ScarError: a SCaR folder cannot be read.
        EvalError: the file cannot be written.
    """
    ways = make_strategy_table(strategy_scores) if strategy_scores else None
    formats: Mapping[str, Callable[[], str]] = {
        ".html": lambda: _render_html(results, data, make_curves(results, probe_results), ways, max_failures),
        ".md": lambda: _render_markdown(summarise_results(results), make_curves(results, probe_results), ways),
        ".json": lambda: _render_json(
            results, summarise_results(results), make_curves(results, probe_results), strategy_scores
        ),
    }
    if out.suffix not in formats:
        raise UnknownName("report format", out.suffix, formats, f"--out FILE ends in {', '.join(formats)}.")
    text = formats[out.suffix]()
    if out.is_dir():
        raise EvalError(f"{out}: a folder; give --out FILE.")
    write_bytes(text.encode(), out)


def _render_html(
    results: Sequence[Result],
    data: Sequence[TaskFiles],
    robust: Sequence[Curve],
    ways: StrategyTable | None,
    count: int,
) -> str:
    """The report as an HTML page."""
    summary = summarise_results(results)
    seeing = [model for model in summary.models if not is_baseline(model)]
    floors = [model for model in summary.models if is_baseline(model)]
    looks = {
        model: (f"series-{place % COLOUR_COUNT}", f"shape-{place % SHAPE_COUNT}") for place, model in enumerate(seeing)
    }
    looks |= {model: ("floor", f"shape-{place % SHAPE_COUNT}") for place, model in enumerate(floors)}
    return render_page(
        "report.html",
        PAGES_FOLDER,
        headline=HEADLINE_METRIC,
        confidence=f"{CONFIDENCE:.0%}".replace("%", " %"),
        errors=CHANCE_STANDARD_ERRORS,
        best=BEST_PUBLISHED_COUNT,
        summary=summary,
        seeing=seeing,
        floors=floors,
        looks=looks,
        queries=sum({result.task: result.counts["queries"] for result in results}.values()),
        figures=draw_curves(robust),
        ways=ways,
        failures=find_failures(results, data, count),
        boards=make_leaderboards(results=results),
        settings={
            model: _collect_settings([result for result in results if result.model == model])
            for model in summary.models
        },
        called=_name_published,
        show=format_cell,
        paper=PAPER_CAVEAT,
    )


def _collect_settings(results: Sequence[Result]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings of a model as texts: first those that all tasks share, then those of each task."""
    rows = {result.task: _flatten_settings(result.settings) for result in results}
    first = next(iter(rows.values()))
    shared = {key: text for key, text in first.items() if all(own.get(key) == text for own in rows.values())}
    blocks = {"all tasks": shared} if len(rows) > 1 else {}
    blocks |= {task: {k: v for k, v in own.items() if len(rows) == 1 or k not in shared} for task, own in rows.items()}
    return [(name, list(block.items())) for name, block in blocks.items() if block]


def _flatten_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as texts; a nested setting gets both names."""
    rows = {}
    for key, value in settings.items():
        entries = value if isinstance(value, dict) else {"": value}
        for name, entry in entries.items():
            rows[f"{key} {name}".strip()] = entry if isinstance(entry, str) else json.dumps(entry)
    return rows


def _name_published(score: PublishedScore) -> str:
    """Name and setting of a published model."""
    return f"{score.model} ({score.setting})" if score.setting else score.model


def _render_markdown(summary: Summary, robust: Sequence[Curve], ways: StrategyTable | None) -> str:
    """The report as Markdown tables."""
    lines = ["# Evaluation report", ""]
    lines += [
        f"{HEADLINE_METRIC}, 0 to 1, with its {CONFIDENCE:.0%} interval. Ties count as each model's settings say.",
        "",
    ]
    if summary.groups:
        lines += ["## Groups of tasks", "", *_make_score_lines(summary, summary.groups, summary.means)]
    for family, members in summary.families.items():
        lines += [f"## {family}", "", *_make_score_lines(summary, members, summary.scores)]
    if weak := summary.at_chance:
        lines += [f"No better than chance, within {CHANCE_STANDARD_ERRORS} standard errors:", ""]
        lines += [f"- {_escape_cell(model)} on {_escape_cell(task)}" for model, task in weak] + [""]
    if robust:
        lines += ["## Robustness", "", *_make_curve_lines(robust)]
    if ways:
        lines += ["## The paper's table in small", "", render_strategy_table(ways), ""]
    if summary.published:
        sources = dict.fromkeys(score.source for scores in summary.published.values() for score in scores)
        lines += ["Published scores are from:", ""]
        lines += [f"- {each.id}: {each.title}, {each.cite}, {each.metric} in {each.unit}" for each in sources] + [""]
    return "\n".join(lines)


def _make_score_lines(
    summary: Summary, names: Sequence[str], scores: Mapping[tuple[str, str], Score | str]
) -> list[str]:
    """A Markdown table with a row a task or group and a column a model."""
    lines = _make_header_lines(["", "chance", *summary.models, "best published"])
    for name in names:
        own = [scores.get((model, name), "not run") for model in summary.models]
        chance = next((f"{score.chance:.3f}" for score in own if isinstance(score, Score)), "-")
        cells = [score if isinstance(score, str) else _format_score(score) for score in own]
        best = summary.published.get(name)
        lines.append(
            _make_table_line([name, chance, *cells, f"{best[0].share:.3f} {_name_published(best[0])}" if best else "-"])
        )
    return [*lines, ""]


def render_strategy_table(ways: StrategyTable) -> str:
    """A Markdown table with a row a region strategy, and a sentence above it that explains the numbers."""
    lines = [f"{ways.about}. {PAPER_CAVEAT}", "", *_make_header_lines(["told the region by", *ways.headings])]
    for row in ways.rows:
        paper = [f"{score.share:.3f} ({score.model})" if score else "-" for score in row.published_scores]
        lines.append(_make_table_line([row.title, *("-" if cell is None else str(cell) for cell in row.cells), *paper]))
    return "\n".join(lines)


def _make_curve_lines(robust: Sequence[Curve]) -> list[str]:
    """A Markdown table with a row for each level of each curve."""
    head = ["task", "probe", "level", "model", "queries", HEADLINE_METRIC, "undisturbed, same queries", "chance"]
    lines = _make_header_lines(head)
    for curve in robust:
        for point in curve.points:
            score = f"{point.hit:.3f} [{point.low:.3f}, {point.high:.3f}]"
            texts = [curve.task, curve.title, f"{point.level} ({curve.unit})", curve.model, f"{point.queries:,}"]
            lines.append(_make_table_line([*texts, score, f"{point.undisturbed:.3f}", f"{curve.chance:.3f}"]))
    return [*lines, ""]


def _format_score(score: Score) -> str:
    """The text of a score with its interval."""
    return f"{score.hit:.3f} [{score.low:.3f}, {score.high:.3f}]" + (" (chance)" if score.at_chance else "")


def _make_header_lines(head: Sequence[str]) -> list[str]:
    """Header and delimiter lines of a Markdown table."""
    return [_make_table_line(head), _make_table_line(["---", *["---:"] * (len(head) - 1)])]


def _make_table_line(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(map(_escape_cell, cells))} |"


def _escape_cell(text: str) -> str:
    """A text on one line, its Markdown escaped."""
    return re.sub(r"([\\`*_<|])", r"\\\1", " ".join(text.split()))


def _render_json(
    results: Sequence[Result], summary: Summary, robust: Sequence[Curve], measured: Sequence[StrategyScore]
) -> str:
    """All numbers of a report as JSON, without the lists per query."""
    settings = {(result.model, result.task): result.settings for result in results}
    metrics = {(result.model, result.task): result.metrics for result in results}
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
            }
            for (model, task), score in summary.scores.items()
        ],
        "groups": [
            {"model": model, "group": name} | ({"missing": score} if isinstance(score, str) else _mean_to_json(score))
            for (model, name), score in summary.means.items()
        ],
        "curves": [asdict(curve) for curve in robust],
        "ways": [asdict(score) for score in measured],
        "published": [_published_to_json(score) for scores in summary.published.values() for score in scores],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _published_to_json(score: PublishedScore) -> dict[str, Any]:
    """A published score as a JSON object: as printed, and as a fraction of 1."""
    row = {key: getattr(score, key) for key in ("name", "model", "setting", "score", "share", "note")}
    return row | {key: getattr(score.source, key) for key in ("metric", "unit", "cite", "url")}


def _mean_to_json(score: Score) -> dict[str, Any]:
    """A mean as a JSON object, without the fields that only a task has."""
    row = asdict(score)
    return {key: row[key] for key in ("hit", "low", "high", "chance", "queries", "ties")}
