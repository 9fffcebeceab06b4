"""A leaderboard of published scores and the user's own results; every score is a fraction of 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmeb_eval.data.tasks import GROUPS, list_group_tasks, tasks
from mmeb_eval.report.published import PublishedScore, PublishedSource, is_on_published_data, read_published_scores
from mmeb_eval.run.results import HEADLINE_METRIC, Result, compute_group_means, list_models
from scar.errors import UnknownName

if TYPE_CHECKING:
    from rich.table import Table

BENCHMARK_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "MMEB": ("classification", "vqa", "retrieval", "grounding", "IND", "OOD", "MMEB"),
    "SCaR": (*list_group_tasks("SCaR"), "SCaR"),
}
"""Benchmark -> the columns of its leaderboard; rows are sorted by the last one."""

OTHER_DATA = "not on the published data"
"""Label of the user's own results whose number of queries differs from the published data."""


@dataclass(frozen=True, slots=True)
class LeaderboardCell:
    """A score of one model on one task or group.

    Attributes:
        share: the score, 0 to 1; None for a group with results on only some of its tasks.
        text: what is shown in place of such a score, such as ``incomplete 3/10``; the mark ``°`` behind a mean that was
            computed here from published scores; else empty.
        published: the published score; None for the user's own result and for a mean that was computed here.
    """

    share: float | None
    text: str = ""
    published: PublishedScore | None = None


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """The scores of one model.

    Attributes:
        model: name of the model.
        setting: see `PublishedScore`; for the user's own results, `OTHER_DATA` or empty.
        source: where the scores were published; None for the user's own results.
        cells: name of a column -> its cell; a column without a score is missing.
    """

    model: str
    setting: str
    source: PublishedSource | None
    cells: Mapping[str, LeaderboardCell]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A leaderboard.

    Attributes:
        columns: names of tasks and groups; rows are sorted by the last one.
        rows: the best first, those without a score last.
    """

    columns: tuple[str, ...]
    rows: tuple[LeaderboardRow, ...]

    def to_rich_table(self) -> Table:
        """The leaderboard as a table for a terminal."""
        from rich.table import Table

        title = f"{HEADLINE_METRIC}, 0 to 1: {self.columns[-1]}"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
        table.add_column("model", overflow="fold", min_width=12)
        for column in self.columns:
            head = column.removeprefix("SCAR_").removesuffix("_val")
            table.add_column(head, justify="right", overflow="fold", min_width=6)
        table.add_column("source", overflow="fold", min_width=6)
        for row in self.rows:
            texts = [format_cell(row.cells[column]) if column in row.cells else "-" for column in self.columns]
            source = row.source.id if row.source else "yours†" if row.setting == OTHER_DATA else "yours"
            name = f"{row.model} ({row.setting})" if row.source and row.setting else row.model
            table.add_row(name, *texts, source, style=None if row.source else "bold")
        return table

    def list_notes(self) -> list[str]:
        """Footnotes of the table as lines.

        There is a line for each published source, with its title, metric and scale; a line for ``†`` and for ``°`` if
        the table has that mark; and a line for each score with ``*``, which says what is wrong with the score.
        """
        sources = dict.fromkeys(row.source for row in self.rows if row.source)
        cells = [(row, cell) for row in self.rows for cell in row.cells.values()]
        lines = [f"{each.id}: {each.title}, {each.cite}; {each.metric}, {_describe_scale(each)}" for each in sources]
        if any(row.setting == OTHER_DATA for row in self.rows):
            lines.append(f"†: {OTHER_DATA}, so its scores cannot be compared with the others")
        if any(is_computed_mean(row, cell) for row, cell in cells):
            lines.append("°: computed from the source's scores per task; the source prints no mean")
        for row, cell in cells:
            if cell.published and cell.published.note:
                lines.append(
                    f"*: {row.source.id if row.source else ''}, {row.model}, {cell.published.name}: "
                    f"{cell.published.score} as printed; {cell.published.note}"
                )
        return lines

    def list_json_rows(self) -> list[dict[str, Any]]:
        """One JSON object for each cell: the number as printed with its unit, and as a fraction of 1."""
        return [_make_json_row(row, column, cell) for row in self.rows for column, cell in row.cells.items()]


def make_leaderboards(
    benchmark: str | None = None,
    group_name: str | None = None,
    results: Sequence[Result] = (),
    sheets: Sequence[PublishedScore] = (),
) -> list[Leaderboard]:
    """Make leaderboards of the published scores and the user's own results.

    A model becomes a row if it has a score on any task among the columns, or in any column if no column is a task.

    Args:
        benchmark: a key of `BENCHMARK_COLUMNS`; None makes one leaderboard for each of them.
        group_name: a key of `GROUPS`; makes one leaderboard, whose columns are the group's tasks and the group. None
            uses the columns of `BENCHMARK_COLUMNS`.
        results: the user's own results.
        sheets: scores from score sheets, see `mmeb_eval.report.sheets.read_sheet_scores`.

    Raises:
        UnknownName: there is no such benchmark or group, or the group's tasks are not all of the benchmark.
    """
    if benchmark is not None and benchmark not in BENCHMARK_COLUMNS:
        raise UnknownName("benchmark", benchmark, BENCHMARK_COLUMNS, f"it is one of {', '.join(BENCHMARK_COLUMNS)}.")
    if group_name is not None and group_name not in GROUPS:
        raise UnknownName("group", group_name, GROUPS, f"it is one of {', '.join(GROUPS)}.")
    if group_name is not None:
        chosen = [(*list_group_tasks(group_name), group_name)]
        if benchmark is not None and {tasks()[name].benchmark for name in list_group_tasks(group_name)} != {benchmark}:
            raise UnknownName(
                "group of " + benchmark, group_name, (), f"its tables are {', '.join(BENCHMARK_COLUMNS[benchmark])}."
            )
    else:
        chosen = [columns for name, columns in BENCHMARK_COLUMNS.items() if benchmark in (None, name)]
    return [_make_leaderboard(columns, results, sheets) for columns in chosen]


def format_cell(cell: LeaderboardCell) -> str:
    """The text of a cell, such as ``0.612``; ``°`` marks a mean that was computed here, ``*`` a score with a note."""
    if cell.share is None:
        return cell.text
    return f"{cell.share:.3f}{cell.text}{'*' if cell.published and cell.published.note else ''}"


def is_computed_mean(row: LeaderboardRow, cell: LeaderboardCell) -> bool:
    """Whether a published model's cell holds a mean that was computed here because the source prints none."""
    return row.source is not None and cell.published is None


def _make_leaderboard(
    columns: tuple[str, ...], results: Sequence[Result], sheets: Sequence[PublishedScore]
) -> Leaderboard:
    """Make a leaderboard of the rows with a score on any task among the columns; without tasks, in any column."""
    candidates = [
        *_make_published_rows(columns, [*read_published_scores(), *sheets]),
        *_make_own_rows(columns, results),
    ]
    members = [name for name in columns if name in tasks()]
    rows = [row for row in candidates if any(name in row.cells for name in members or columns)]
    rows.sort(key=lambda row: -1.0 if (cell := row.cells.get(columns[-1])) is None else cell.share or 0.0, reverse=True)
    return Leaderboard(columns, tuple(rows))


def _make_published_rows(columns: Sequence[str], published: Sequence[PublishedScore]) -> list[LeaderboardRow]:
    """Make the rows of published models; a group's mean is computed if only scores on its tasks were published."""
    by_model: dict[tuple[PublishedSource, str, str], dict[str, PublishedScore]] = {}
    for score in published:
        by_model.setdefault((score.source, score.model, score.setting), {})[score.name] = score
    rows = []
    for (source, model, setting), scores in by_model.items():
        cells = {}
        for column in columns:
            if column in scores:
                cells[column] = LeaderboardCell(scores[column].share, published=scores[column])
            elif column in GROUPS and all(name in scores for name in list_group_tasks(column)):
                shares = [scores[name].share for name in list_group_tasks(column)]
                cells[column] = LeaderboardCell(sum(shares) / len(shares), "°")
        rows.append(LeaderboardRow(model, setting, source, cells))
    return rows


def _make_own_rows(columns: Sequence[str], results: Sequence[Result]) -> list[LeaderboardRow]:
    """Make the rows of the user's own results; an incomplete group has no mean."""
    rows = []
    for model in list_models(results):
        of_model = [result for result in results if result.model == model]
        cells = {result.task: LeaderboardCell(result.metrics[HEADLINE_METRIC]) for result in of_model}
        for mean in compute_group_means(of_model):
            cells[mean.group] = LeaderboardCell(mean.mean, "" if mean.mean is not None else str(mean))
        cells = {column: cells[column] for column in columns if column in cells}
        rows.append(LeaderboardRow(model, "" if all(map(is_on_published_data, of_model)) else OTHER_DATA, None, cells))
    return rows


def _describe_scale(source: PublishedSource) -> str:
    """How the numbers of a source are shown, in words."""
    return "printed in percent, shown divided by 100" if source.unit == "percent" else "a fraction of 1 as published"


def _make_json_row(row: LeaderboardRow, column: str, cell: LeaderboardCell) -> dict[str, Any]:
    """A cell as a JSON object."""
    printed = cell.published
    return {
        "model": row.model,
        "setting": row.setting,
        "source": row.source.id if row.source else None,
        "cite": row.source.cite if row.source else None,
        "name": column,
        "metric": row.source.metric if row.source else HEADLINE_METRIC,
        "share": cell.share,
        "score": printed.score if printed else None,
        "unit": row.source.unit if printed and row.source else None,
        "computed": is_computed_mean(row, cell),
        "note": printed.note if printed else ("" if cell.share is not None else cell.text),
    }
