"""What a report says about results, whatever its format: scores, their intervals, floors and published baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mmeb_eval.data.tasks import GROUPS, group, tasks
from mmeb_eval.report.published import Published, by_name, comparable, published
from mmeb_eval.report.statistics import hits, interval, no_better_than_chance
from mmeb_eval.run.results import HEADLINE, Result, group_means, models_of
from scar.errors import DataError
from scar.sample import NEGATIVES_PER_PART, PARTS, Part

FLOORS = ("constant", "random", "text-only")
"""Names of the models that a score must beat."""

Kind: TypeAlias = Literal["gold"] | Part

KINDS: tuple[Kind, ...] = ("gold", *(part for part in PARTS for _ in range(NEGATIVES_PER_PART)))
"""Of a SCaR row's captions, in their order."""

OWN = "own corpora"
"""Heading of tasks that are none of the 41."""


@dataclass(frozen=True, slots=True)
class Score:
    """A model's score on a task, or its mean over a complete group.

    Attributes:
        hit: `HEADLINE`, 0 to 1.
        low: lower end of its interval; `high` is the upper one.
        high: see `low`.
        chance: what guessing gives.
        queries: how many were asked.
        ties: in how many of them a wrong candidate scores exactly as the right one.
        at_chance: of a task: whether it is no better than chance.
        first: of a SCaR task: share of queries in which each kind of caption came first; else empty.
    """

    hit: float
    low: float
    high: float
    chance: float
    queries: int
    ties: int
    at_chance: bool
    first: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """All models on all tasks.

    Attributes:
        models: their names, in the order of the results.
        families: heading -> tasks.
        scores: by model and task; what was not run is not there.
        groups: those that any model has results in, whole benchmarks first.
        means: by model and group: the score, or how much of the group is there, such as ``incomplete 3/10``.
        published: by task and group: published scores, the best first, where the results are on the published data.
    """

    models: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]]
    scores: Mapping[tuple[str, str], Score]
    groups: tuple[str, ...]
    means: Mapping[tuple[str, str], Score | str]
    published: Mapping[str, tuple[Published, ...]]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the order of their families."""
        return tuple(task for members in self.families.values() for task in members)

    @property
    def at_chance(self) -> list[tuple[str, str]]:
        """Models and tasks whose score is no better than chance, floors left out."""
        return [key for key, score in self.scores.items() if score.at_chance and not is_floor(key[0])]


def is_floor(model: str) -> bool:
    """Whether a model is one of `FLOORS`, however it is told the region."""
    return model.split("+")[0] in FLOORS


def summarise(results: Sequence[Result]) -> Summary:
    """Scores, intervals and baselines of results.

    Raises:
        DataError: there are none.
    """
    if not results:
        raise DataError("report: no results to show; `mmeb-eval --model NAME --tasks DIR` makes some.")
    models = models_of(results)
    means: dict[tuple[str, str], Score | str] = {}
    for model in models:
        own = {result.task: result for result in results if result.model == model}
        for mean in group_means(own.values()):
            found = [own[name] for name in group(mean.group) if name in own]
            means[model, mean.group] = _score(found) if mean.mean is not None else str(mean)
    order = {name: place for place, name in enumerate(tasks())}
    names = sorted({result.task for result in results}, key=lambda name: (order.get(name, len(order)), name))
    families: dict[str, tuple[str, ...]] = {}
    for name in names:
        heading = tasks()[name].family if name in tasks() else OWN
        families[heading] = (*families.get(heading, ()), name)
    present = [name for name in GROUPS if any(own == name for _, own in means)]
    groups = tuple(sorted(present, key=lambda name: GROUPS[name][0] != "benchmark"))
    return Summary(
        models=tuple(models),
        families=families,
        scores={(result.model, result.task): _score([result]) for result in results},
        groups=groups,
        means=means,
        published=_published(results, names, groups),
    )


def _score(results: Sequence[Result]) -> Score:
    """The mean over tasks, which may be one, with its interval."""
    mean = sum(result.metrics[HEADLINE] for result in results) / len(results)
    low, high = interval([hits(result.ranks) for result in results])
    queries = sum(result.counts["queries"] for result in results)
    chance = sum(result.chance for result in results) / len(results)
    alone = len(results) == 1
    return Score(
        hit=mean,
        low=min(low, mean),
        high=max(high, mean),
        chance=chance,
        queries=queries,
        ties=sum(result.counts["ties"] for result in results),
        at_chance=alone and no_better_than_chance(mean, chance, queries),
        first=first_kinds(results[0]) if alone else {},
    )


def first_kinds(result: Result) -> dict[str, float]:
    """Shares by kind on a SCaR task, whose candidates stand in a fixed order: gold, then three of each part."""
    known = tasks().get(result.task)
    if known is not None and known.benchmark != "SCaR":
        return {}
    if result.counts["candidates"] != len(KINDS) * result.counts["queries"]:
        return {}
    first = [KINDS[best[0]] for best in result.top]
    return {kind: first.count(kind) / len(first) for kind in dict.fromkeys(KINDS)}


def _published(
    results: Sequence[Result], names: Sequence[str], groups: Sequence[str]
) -> dict[str, tuple[Published, ...]]:
    """Published scores of those tasks and groups that were asked with the published data."""
    other = {result.task for result in results if not comparable(result)}
    asked = {result.task for result in results}
    wanted = [name for name in names if name not in other]
    wanted += [name for name in groups if not other & set(group(name)) and asked >= set(group(name))]
    known = by_name(published())
    return {name: tuple(sorted(known[name], key=lambda score: -score.share)) for name in wanted if name in known}
