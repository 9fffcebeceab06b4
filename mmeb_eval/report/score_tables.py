"""Scores as tables for a terminal: a row for each task or group, a column for chance and one for each model."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from mmeb_eval.report.summary import Score, Summary, summarise_results
from mmeb_eval.run.results import HEADLINE_METRIC, Result

MISSING = "-"
CUT = "cut"
"""What stands behind the number of texts that exceed a model's limit."""

AT_CHANCE = "*"
"""Mark of a score that is no better than chance, see `mmeb_eval.report.statistics.is_at_chance`."""

UNCHECKED = "?"
"""Mark of a score whose vectors were stored earlier and not checked."""

LIMITED = "~"
"""Mark of a score on the first queries alone."""


def make_score_tables(results: Sequence[Result]) -> list[Table]:
    """Make two tables with 95 % intervals: of the scores on each task, and of the means over groups.

    The second one is left out if the results belong to no group, as those on the user's own corpora.

    Raises:
        DataError: there are no results.
    """
    summary = summarise_results(results)
    table = _make_table(f"{HEADLINE_METRIC} by task", "task", summary)
    for members in summary.families.values():
        for task in members:
            scores = [summary.scores.get((model, task)) for model in summary.models]
            chance = next(score.chance for score in scores if score is not None)
            table.add_row(task, f"{chance:.3f}", *map(format_score, scores), end_section=task == members[-1])
    if not summary.groups:
        return [table]
    means = _make_table(f"{HEADLINE_METRIC}, means over whole groups of tasks", "group", summary)
    for group in summary.groups:
        group_means = [summary.means.get((model, group)) for model in summary.models]
        chances = [f"{score.chance:.3f}" for score in group_means if isinstance(score, Score)]
        means.add_row(group, chances[0] if chances else MISSING, *map(format_score, group_means))
    return [table, means]


def format_score(score: Score | str | None) -> str:
    """A score with its interval and marks. A text, the reason why there is no score, stays; None becomes `MISSING`.

    >>> format_score(Score(hit=0.3, low=0.27, high=0.33, chance=0.1, queries=1000, ties=0, at_chance=False, first={}))
    '0.300 [0.270, 0.330]'
    """
    if not isinstance(score, Score):
        return score or MISSING
    marks = AT_CHANCE * score.at_chance + UNCHECKED * score.unchecked + LIMITED * score.limited
    cut = f", {score.texts_cut:,} {CUT}" if score.texts_cut else ""
    return f"{score.hit:.3f} [{score.low:.3f}, {score.high:.3f}]{marks}{cut}"


def list_chance_warnings(summary: Summary) -> list[str]:
    """One line for each model that is no better than chance on some tasks, with these tasks; none for baselines."""
    lines = []
    for model in dict.fromkeys(model for model, _ in summary.at_chance):
        at_chance = [task for name, task in summary.at_chance if name == model]
        count = sum(name == model for name, _ in summary.scores)
        lines.append(
            f"WARNING: {model}: {len(at_chance)} of {count} scores are within three standard errors of chance: "
            f"{', '.join(at_chance)}."
        )
    return lines


def _make_table(title: str, first: str, summary: Summary) -> Table:
    caption = f"[95 % interval]; {AT_CHANCE} within three standard errors of chance" if first == "task" else None
    if caption and any(score.unchecked for score in summary.scores.values()):
        caption += f"; {UNCHECKED} of stored vectors that were not checked"
    if any(score.limited for score in summary.scores.values()):
        caption = "; ".join(filter(None, (caption, f"{LIMITED} of the first queries alone, see --limit")))
    if caption and any(score.texts_cut for score in summary.scores.values()):
        caption += f"; {CUT}: texts beyond the model's limit, whose end it did not read"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column(first, no_wrap=True)
    table.add_column("chance", justify="right")
    for model in summary.models:
        table.add_column(model, justify="right", overflow="fold")
    return table
