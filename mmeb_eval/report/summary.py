"""What a report says about results, whatever its format: scores, their intervals, floors and published baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mmeb_eval.data.tasks import GROUPS, list_group_tasks, tasks
from mmeb_eval.report.published import PublishedScore, group_by_name, is_on_published_data, read_published_scores
from mmeb_eval.report.statistics import bootstrap_interval, find_hits, is_at_chance
from mmeb_eval.run.results import HEADLINE_METRIC, Result, compute_group_means, list_models
from scar.errors import DataError
from scar.sample import NEGATIVES_PER_PART, PARTS, Part

BASELINES = ("constant", "random", "text-only")
"""Names of the models that a score must beat."""

CaptionKind: TypeAlias = Literal["gold"] | Part

CAPTION_KINDS: tuple[CaptionKind, ...] = ("gold", *(part for part in PARTS for _ in range(NEGATIVES_PER_PART)))
"""Of a SCaR row's captions, in their order."""

OWN_HEADING = "own corpora"
"""Heading of tasks that are none of the 41."""


@dataclass(frozen=True, slots=True)
class Score:
    """A model's score on a task, or its mean over a complete group.

    Attributes:
        hit: `HEADLINE_METRIC`, 0 to 1.
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
    published: Mapping[str, tuple[PublishedScore, ...]]

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the order of their families."""
        return tuple(task for members in self.families.values() for task in members)

    @property
    def at_chance(self) -> list[tuple[str, str]]:
        """Models and tasks whose score is no better than chance, floors left out."""
        return [key for key, score in self.scores.items() if score.at_chance and not is_baseline(key[0])]


def is_baseline(model: str) -> bool:
    """Whether a model is one of `BASELINES`, however it is told the region."""
    return model.split("+")[0] in BASELINES


def summarise_results(results: Sequence[Result]) -> Summary:
    """Scores, intervals and baselines of results.

    Raises:
        DataError: there are none.
    """
    if not results:
        raise DataError("report: no results to show; `mmeb-eval --model NAME --tasks DIR` makes some.")
    models = list_models(results)
    means: dict[tuple[str, str], Score | str] = {}
    for model in models:
        own = {result.task: result for result in results if result.model == model}
        for mean in compute_group_means(own.values()):
            found = [own[name] for name in list_group_tasks(mean.group) if name in own]
            means[model, mean.group] = _make_score(found) if mean.mean is not None else str(mean)
    order = {name: place for place, name in enumerate(tasks())}
    names = sorted({result.task for result in results}, key=lambda name: (order.get(name, len(order)), name))
    families: dict[str, tuple[str, ...]] = {}
    for name in names:
        heading = tasks()[name].family if name in tasks() else OWN_HEADING
        families[heading] = (*families.get(heading, ()), name)
    present = [name for name in GROUPS if any(own == name for _, own in means)]
    groups = tuple(sorted(present, key=lambda name: GROUPS[name][0] != "benchmark"))
    return Summary(
        models=tuple(models),
        families=families,
        scores={(result.model, result.task): _make_score([result]) for result in results},
        groups=groups,
        means=means,
        published=_select_published(results, names, groups),
    )


def _make_score(results: Sequence[Result]) -> Score:
    """The mean over tasks, which may be one, with its interval."""
    mean = sum(result.metrics[HEADLINE_METRIC] for result in results) / len(results)
    low, high = bootstrap_interval([find_hits(result.ranks) for result in results])
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
        at_chance=alone and is_at_chance(mean, chance, queries),
        first=find_first_kinds(results[0]) if alone else {},
    )


def find_first_kinds(result: Result) -> dict[str, float]:
    """Shares by kind on a SCaR task, whose candidates stand in a fixed order: gold, then three of each part."""
    known = tasks().get(result.task)
    if known is not None and known.benchmark != "SCaR":
        return {}
    if result.counts["candidates"] != len(CAPTION_KINDS) * result.counts["queries"]:
        return {}
    first = [CAPTION_KINDS[best[0]] for best in result.top]
    return {kind: first.count(kind) / len(first) for kind in dict.fromkeys(CAPTION_KINDS)}


def _select_published(
    results: Sequence[Result], names: Sequence[str], groups: Sequence[str]
) -> dict[str, tuple[PublishedScore, ...]]:
    """Published scores of those tasks and groups that were asked with the published data."""
    other = {result.task for result in results if not is_on_published_data(result)}
    asked = {result.task for result in results}
    wanted = [name for name in names if name not in other]
    wanted += [
        name for name in groups if not other & set(list_group_tasks(name)) and asked >= set(list_group_tasks(name))
    ]
    known = group_by_name(read_published_scores())
    return {name: tuple(sorted(known[name], key=lambda score: -score.share)) for name in wanted if name in known}
