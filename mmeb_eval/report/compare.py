"""Compare two runs: which is better on which task, how significant that is, and in which settings they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmeb_eval.data.tasks import GROUPS, list_group_tasks
from mmeb_eval.report.statistics import (
    Clusters,
    Hits,
    bootstrap_difference_interval,
    correct_p_values,
    find_detectable_difference,
    find_hits,
    mcnemar_p_value,
    sign_flip_p_value,
)
from mmeb_eval.report.summary import sort_task_names
from mmeb_eval.run.results import Result, list_models, read_result, read_results
from scar.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

SETTING_ORDER = (
    "dataset", "format", "files", "queries", "candidates", "model", "embedder.revision", "embedder.processor",
    "embedder.min_pixels", "embedder.max_pixels", "embedder.dtype", "embedder.profile", "layout", "region", "ties",
    "embedder", "fingerprint", "trusted_vectors", "batch_size", "versions",
)  # fmt: skip
"""Settings in the order in which differences are listed: those that can change scores most come first."""

BETTER = {"first is better": "first", "second is better": "second", "no sure difference": "unsure"}
"""Verdict -> what stands for it in a table."""

TABLE_NOTE = (
    "p: corrected for the number of rows (Holm). shows: the smallest difference that the task can show, in 4 of 5 "
    "cases at p < 0.05, between models that differ on as many queries as these."
)

SIGNIFICANCE = 0.05
"""Two runs count as different if the corrected p-value is below this."""


@dataclass(frozen=True, slots=True)
class PairedScore:
    """Scores of both runs on a task, or their means over a group of tasks.

    Attributes:
        name: name of the task or group.
        a: hit@1 of the first run, 0 to 1.
        b: hit@1 of the second run, 0 to 1.
        low: lower end of the 95 % interval of a - b.
        high: upper end of that interval.
        p: two-sided p-value of the hypothesis that both runs are equally good. A task has the exact McNemar test, a
            group of several tasks, or a task with several queries an image, has a sign-flip test.
        corrected: ``p`` after Holm's correction, which for a task is over all compared tasks, for a group over all
            compared groups.
        detectable: the smallest difference that the task can show, see
            `mmeb_eval.report.statistics.find_detectable_difference`; None for a group.
    """

    name: str
    a: float
    b: float
    low: float
    high: float
    p: float
    corrected: float
    detectable: float | None = None

    @property
    def verdict(self) -> str:
        """In words, which run is better; or that none surely is, if ``corrected`` is not below `SIGNIFICANCE`."""
        if self.corrected >= SIGNIFICANCE:
            return "no sure difference"
        return "first is better" if self.a > self.b else "second is better"


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A setting in which two runs differ.

    Attributes:
        name: name of the setting; that of a nested one has dots, such as ``embedder.dtype``.
        task: the first task on which the runs differ in it.
        a: its value in the first run on that task; None if the run lacks it.
        b: its value in the second run, likewise.
    """

    name: str
    task: str
    a: Any
    b: Any

    def __str__(self) -> str:
        return f"{self.name} (on {self.task}): {self.a} against {self.b}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of two runs.

    Attributes:
        a: name of the first run's model.
        b: name of the second run's model.
        tasks: scores on the tasks that both runs have.
        groups: mean scores over the groups of which both runs have every task.
        only_a: tasks that only the first run has.
        only_b: tasks that only the second run has.
        settings: all differences in settings, those that can change scores most first.
    """

    a: str
    b: str
    tasks: tuple[PairedScore, ...]
    groups: tuple[PairedScore, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    settings: tuple[SettingDifference, ...]

    def to_rich_tables(self) -> list[Table]:
        """Tables for a terminal: one of the tasks and, if there are groups, one of these."""
        from rich.table import Table

        tables = []
        for title, rows in (("task", self.tasks), ("group", self.groups)):
            heading = f"hit@1 by {title}: {self.a} (first), {self.b} (second)"
            table = Table(title=heading, title_justify="left", box=None, padding=(0, 1, 0, 0))
            table.add_column(title, no_wrap=True)
            for head in ("first", "second", "difference, 95 %", "p", *(["shows"] if title == "task" else [])):
                table.add_column(head, justify="right")
            table.add_column("better")
            for row in rows:
                difference = f"{row.a - row.b:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
                shows = [] if row.detectable is None else [f"{row.detectable:.3f}"]
                p = "<0.001" if row.corrected < 0.001 else f"{row.corrected:.3f}"
                table.add_row(row.name, f"{row.a:.3f}", f"{row.b:.3f}", difference, p, *shows, BETTER[row.verdict])
            if rows:
                tables.append(table)
        return tables


def read_run(folder: Path) -> list[Result]:
    """Read the results of one model.

    Args:
        folder: the folder of a model, ``<output>/<model>``, or an output folder that holds one model only.

    Raises:
        DataError: the folder holds no results, or those of several models (the message lists the models' folders); or
            it is a file.
    """
    if folder.is_file():
        raise DataError(f"{folder}: is a file, not a folder; give the folder of a model, below the --output of a run.")
    files = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    results = [read_result(path) for path in files] if files else read_results(folder)
    if len(models := list_models(results)) > 1:
        folders = ", ".join(str(path) for path in sorted({path.parent for path in folder.glob("*/*.json")}))
        raise DataError(f"{folder}: results of {len(models)} models; name one of {folders}.")
    return results


def compare_results(first: Sequence[Result], second: Sequence[Result], *, seed: int = 0) -> Comparison:
    """Compare two runs query by query.

    Args:
        first: results of one model.
        second: results of another model, or of the same one with other settings.
        seed: seed of the resampling.

    Raises:
        DataError: the runs have no task in common; or the queries or candidates of a common task differ, or a result of
            an early version does not tell them.
    """
    a, b = ({result.task: result for result in results} for results in (first, second))
    common = sort_task_names(a.keys() & b.keys())
    if not common:
        raise DataError(f"no task in common: {', '.join(sorted(a))} against {', '.join(sorted(b))}.")
    for name in common:
        for what in ("queries", "candidates"):
            of_a, of_b = a[name].settings.get(what), b[name].settings.get(what)
            if of_a is None or of_a != of_b or len(a[name].ranks) != len(b[name].ranks):
                raise DataError(
                    f"{name}: the runs were not asked the same {what} ({of_a} against {of_b}), so their answers "
                    f"cannot be paired; score both on one data folder."
                )
    paired_hits = {
        name: (find_hits(a[name].ranks), find_hits(b[name].ranks), a[name].clusters or b[name].clusters or ())
        for name in common
    }
    complete = [name for name in GROUPS if set(list_group_tasks(name)) <= set(common)]
    return Comparison(
        a=first[0].model,
        b=second[0].model,
        tasks=_make_paired_scores({name: [paired_hits[name]] for name in common}, seed),
        groups=_make_paired_scores(
            {name: [paired_hits[task] for task in list_group_tasks(name)] for name in complete}, seed
        ),
        only_a=tuple(sorted(a.keys() - b.keys())),
        only_b=tuple(sorted(b.keys() - a.keys())),
        settings=tuple(find_setting_differences([(a[name], b[name]) for name in common])),
    )


def find_setting_differences(pairs: Sequence[tuple[Result, Result]]) -> list[SettingDifference]:
    """Settings that differ between two runs on any task, each once, those that can change scores most first.

    Args:
        pairs: for each task, the results of the first and of the second run.
    """
    differences: dict[str, SettingDifference] = {}
    for a, b in pairs:
        of_a, of_b = (
            _flatten_settings({"model": a.model, **a.settings}),
            _flatten_settings({"model": b.model, **b.settings}),
        )
        for name in of_a.keys() | of_b.keys():
            if of_a.get(name) != of_b.get(name):
                differences.setdefault(name, SettingDifference(name, a.task, of_a.get(name), of_b.get(name)))
    return sorted(differences.values(), key=lambda setting: (_find_setting_rank(setting.name), setting.name))


def _make_paired_scores(
    pairs: Mapping[str, Sequence[tuple[Hits, Hits, Clusters]]], seed: int
) -> tuple[PairedScore, ...]:
    """Make the scores of all tasks, or of all groups; p-values are corrected over all of them."""
    sides = {
        name: ([a for a, _, _ in hits], [b for _, b, _ in hits], [own for _, _, own in hits])
        for name, hits in pairs.items()
    }
    p_values = [
        mcnemar_p_value(a[0], b[0]) if len(a) == 1 and not clusters[0] else sign_flip_p_value(a, b, clusters, seed=seed)
        for a, b, clusters in sides.values()
    ]
    rows = []
    for (name, (a, b, clusters)), p, corrected in zip(sides.items(), p_values, correct_p_values(p_values), strict=True):
        low, high = bootstrap_difference_interval(a, b, clusters, seed=seed)
        shows = find_detectable_difference(a[0], b[0], clusters[0]) if len(a) == 1 else None
        rows.append(PairedScore(name, _average_hits(a), _average_hits(b), low, high, p, corrected, shows))
    return tuple(rows)


def _average_hits(tasks: Sequence[Hits]) -> float:
    """Mean over tasks of each task's share of hits."""
    return sum(float(hits.mean()) for hits in tasks) / len(tasks)


def _flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one flat mapping; names of nested settings are joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flatten_settings(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _find_setting_rank(name: str) -> int:
    """Index in `SETTING_ORDER` of the longest prefix of a name."""
    ranks = [rank for rank, prefix in enumerate(SETTING_ORDER) if name == prefix or name.startswith(f"{prefix}.")]
    return max(ranks, key=lambda rank: len(SETTING_ORDER[rank]), default=len(SETTING_ORDER))
