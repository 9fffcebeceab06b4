"""Robustness curves: a model's scores with perturbed prompts, beside its score with exact ones.

Names in code and files say ``undisturbed`` for exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmeb_eval.regions.robustness import PROBES
from mmeb_eval.report.statistics import Hits, bootstrap_interval, find_hits
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Scores at one level of a probe.

    Attributes:
        level: name of the level in the probe.
        hit: `HEADLINE_METRIC` with perturbed prompts, 0 to 1.
        low: lower end of the 95 % interval of `hit`.
        high: upper end of the 95 % interval of `hit`.
        queries: number of queries whose prompt could be perturbed; only these are scored.
        undisturbed: `HEADLINE_METRIC` of the same queries with exact prompts.
    """

    level: str
    hit: float
    low: float
    high: float
    queries: int
    undisturbed: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores of a model on a task while its prompts get worse.

    Attributes:
        model: name of the model.
        task: name of the task.
        probe: name of the probe in `mmeb_eval.regions.robustness.PROBES`.
        title: title of the probe.
        unit: what the names of its levels measure.
        chance: expected score of guessing.
        undisturbed: score over all queries with exact prompts.
        points: a point for each level that has a result, the mildest first.
    """

    model: str
    task: str
    probe: str
    title: str
    unit: str
    chance: float
    undisturbed: float
    points: tuple[CurvePoint, ...]


def make_curves(results: Sequence[Result], probe_results: Sequence[Result]) -> list[Curve]:
    """Make one curve for each model, task and probe.

    Args:
        results: results with exact prompts; may include other models and tasks.
        probe_results: results with perturbed prompts.

    Raises:
        DataError: a probe result has no result with exact prompts on the same data and under the same tie rule, or
            names an unknown probe or level.
    """
    ordinary = {(result.model, result.task): result for result in results if "probe" not in result.settings}
    by_curve: dict[tuple[str, str, str], dict[str, Result]] = {}
    for result in probe_results:
        name, level = result.settings["probe"]["name"], result.settings["probe"]["level"]
        where = f"{result.model} on {result.task}: probe {name}, level {level}"
        base = ordinary.get((result.model, result.task))
        if base is None or any(base.settings[key] != result.settings[key] for key in ("files", "ties")):
            way_out = "run `mmeb-eval probe` again"
            raise DataError(f"{where}: no ordinary result on the same data and with the same tie rule; {way_out}.")
        if name not in PROBES or level not in PROBES[name].levels:
            raise DataError(
                f"{where}: this version has no such probe; delete its file and run `mmeb-eval probe` again."
            )
        by_curve.setdefault((result.model, result.task, name), {})[level] = result
    return [_make_curve(ordinary[model, task], name, by_level) for (model, task, name), by_level in by_curve.items()]


def _make_curve(undisturbed: Result, name: str, by_level: dict[str, Result]) -> Curve:
    """Make the curve of one model, task and probe."""
    probe = PROBES[name]
    undisturbed_hits = find_hits(undisturbed.ranks)
    return Curve(
        model=undisturbed.model,
        task=undisturbed.task,
        probe=name,
        title=probe.title,
        unit=probe.unit,
        chance=undisturbed.chance,
        undisturbed=undisturbed.metrics[HEADLINE_METRIC],
        points=tuple(
            _make_point(level, by_level[level], undisturbed_hits) for level in probe.levels if level in by_level
        ),
    )


def _make_point(level: str, result: Result, undisturbed_hits: Hits) -> CurvePoint:
    """Make the point of one level; ``undisturbed_hits`` are the hits of all queries with undisturbed prompts."""
    import numpy as np

    low, high = bootstrap_interval([find_hits(result.ranks)])
    same_queries = np.delete(undisturbed_hits, result.settings["probe"]["left_out"])
    hit = result.metrics[HEADLINE_METRIC]
    return CurvePoint(level, hit, min(low, hit), max(high, hit), len(result.ranks), float(same_queries.mean()))


def group_curves(curves: Sequence[Curve]) -> list[list[Curve]]:
    """Curves of all models, one list for each task and probe, in the order in which these first occur."""
    together: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        together.setdefault((curve.task, curve.probe), []).append(curve)
    return list(together.values())


def make_curve_tables(curves: Sequence[Curve]) -> list[Table]:
    """Tables for a terminal: one for each task and probe, with the levels as rows."""
    from rich.table import Table

    tables = []
    for group in group_curves(curves):
        first = group[0]
        table = Table(title=f"{HEADLINE_METRIC} on {first.task}: {first.title}, {first.unit}", title_justify="left")
        for head in ("level", "model", "queries", "disturbed", "undisturbed", "chance"):
            table.add_column(head, justify="left" if head in ("level", "model") else "right", overflow="fold")
        for level in PROBES[first.probe].levels:
            points = [(curve, point) for curve in group for point in curve.points if point.level == level]
            for curve, point in points:
                score = f"{point.hit:.3f} [{point.low:.3f}, {point.high:.3f}]"
                numbers = f"{point.queries:,}", score, f"{point.undisturbed:.3f}", f"{curve.chance:.3f}"
                table.add_row(level, curve.model, *numbers, end_section=curve is group[-1])
        tables.append(table)
    return tables
