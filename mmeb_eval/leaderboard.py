"""Results as tables: one row a model, one column a task, no score without its chance level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from mmeb_eval.results import HEADLINE, Result, group_means, models_of, score
from mmeb_eval.tasks import GROUPS, tasks

MISSING = "-"


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A table of texts.

    Attributes:
        title: what its columns have in common.
        columns: names of tasks or groups.
        rows: a model's name and its cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]

    def rich(self) -> Table:
        """For a terminal."""
        table = Table(title=f"{HEADLINE}: {self.title}", title_justify="left")
        table.add_column("model", overflow="fold")
        for column in self.columns:
            table.add_column(column, justify="right")
        for model, cells in self.rows:
            table.add_row(model, *cells)
        return table

    def markdown(self) -> str:
        """For a README.

        >>> print(Leaderboard("SCaR", ("RefCOCOg",), (("constant", ("0.000 (chance 0.100)",)),)).markdown())
        | hit@1: SCaR | RefCOCOg |
        | --- | ---: |
        | constant | 0.000 (chance 0.100) |
        """
        head = [f"{HEADLINE}: {self.title}", *self.columns]
        ruler = ["---", *["---:"] * len(self.columns)]
        lines = [head, ruler, *([model, *cells] for model, cells in self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def leaderboards(results: Sequence[Result]) -> Iterator[Leaderboard]:
    """One table for each family that has results, and one of group means."""
    order = {name: place for place, name in enumerate(tasks())}
    names = sorted({result.task for result in results}, key=lambda name: (order.get(name, len(order)), name))
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(tasks()[name].family if name in tasks() else "own corpora", []).append(name)
    cells = {(result.model, result.task): score(result.metrics[HEADLINE], result.chance) for result in results}
    models = models_of(results)
    for family, members in families.items():
        rows = ((model, tuple(cells.get((model, name), MISSING) for name in members)) for model in models)
        yield Leaderboard(family, tuple(members), tuple(rows))
    means = {
        (model, mean.group): str(mean)
        for model in models
        for mean in group_means(result for result in results if result.model == model)
    }
    groups = tuple(name for name in GROUPS if any(group == name for _, group in means))
    if groups:
        rows = ((model, tuple(means.get((model, name), MISSING) for name in groups)) for model in models)
        yield Leaderboard("means over groups of tasks", groups, tuple(rows))
