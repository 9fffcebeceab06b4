"""Choose the ``lite`` tasks of tasks.toml: two of each family, which rank published models as all 36 tasks do.

Run it with ``python benchmarks/lite_tasks.py``. A choice fits the models that it was made with too well.
So the choice is also made without each model in turn, and judged on that model.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from mmeb_eval.data.tasks import list_group_tasks, tasks
from mmeb_eval.report.published import read_published_scores

FAMILIES = ("classification", "vqa", "retrieval", "grounding")
PER_FAMILY = 2
TASKS = list_group_tasks("MMEB")


def read_scores() -> NDArray[np.float64]:
    """Read the (models, tasks) scores of all models that have published scores on all 36 tasks."""
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for score in read_published_scores():
        if score.name in TASKS:
            rows.setdefault((score.source.id, score.model, score.setting), {})[score.name] = score.share
    return np.array([[row[name] for name in TASKS] for row in rows.values() if len(row) == len(TASKS)])


def sum_choices(table: NDArray[np.float64], family: str) -> tuple[list[tuple[int, ...]], NDArray[np.float64]]:
    """Every choice of `PER_FAMILY` tasks (columns) of a family, and the (choices, models) sums of their scores."""
    members = [column for column, name in enumerate(TASKS) if tasks()[name].family == family]
    choices = list(combinations(members, PER_FAMILY))
    return choices, np.array([table[:, choice].sum(axis=1) for choice in choices])


def compute_tau(means: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...) Kendall's tau between (..., models) means of scores and the (models,) means over all tasks (``whole``)."""
    i, j = np.triu_indices(len(whole), 1)
    tau: NDArray[np.float64] = (np.sign(means[..., i] - means[..., j]) * np.sign(whole[i] - whole[j])).mean(axis=-1)
    return tau


def choose_columns(table: NDArray[np.float64]) -> list[int]:
    """Choose the tasks (columns) with the highest tau; among equals, those whose means differ least from the whole."""
    whole = table.mean(axis=1)
    (a, first), (b, second), (c, third), (d, fourth) = (sum_choices(table, family) for family in FAMILIES)
    rest = (third[:, None] + fourth[None]).reshape(-1, len(table))
    best: tuple[float, float, list[int]] = (-1.0, 0.0, [])
    for one, other in ((one, other) for one in range(len(a)) for other in range(len(b))):
        means = (first[one] + second[other] + rest) / (len(FAMILIES) * PER_FAMILY)
        tau = compute_tau(means, whole).round(9)
        apart = np.where(tau == tau.max(), ((means - whole) ** 2).mean(axis=1), np.inf)
        row = int(np.argmin(apart))
        if (tau.max(), -apart[row]) > best[:2]:
            best = float(tau.max()), -float(apart[row]), [*a[one], *b[other], *c[row // len(d)], *d[row % len(d)]]
    return best[2]


def format_spread(differences: Sequence[float]) -> str:
    return f"{np.sqrt(np.mean(np.square(differences))):.3f} in the mean square, {np.abs(differences).max():.3f} at most"


def main() -> None:
    table = read_scores()
    whole = table.mean(axis=1)
    chosen = choose_columns(table)
    means = table[:, chosen].mean(axis=1)
    console = Console()
    console.print(f"{len(table)} models; chosen: {', '.join(TASKS[column] for column in chosen)}")
    console.print(f"tau {compute_tau(means, whole):.3f}; means apart by {format_spread(list(means - whole))}")
    signs, differences = [], []
    for out in range(len(table)):
        own = table[:, choose_columns(np.delete(table, out, axis=0))].mean(axis=1)
        others = np.arange(len(table)) != out
        signs += list(np.sign(own[out] - own[others]) * np.sign(whole[out] - whole[others]))
        differences.append(own[out] - whole[out])
    console.print(
        f"chosen without the model judged: tau {np.mean(signs):.3f}; means apart by {format_spread(differences)}"
    )


if __name__ == "__main__":
    main()
