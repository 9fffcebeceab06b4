"""The scores that a report of any format shows: with intervals, chance levels and published scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mmeb_eval.data.tasks import GROUPS, list_group_tasks, tasks
from mmeb_eval.report.published import PublishedScore, group_by_name, is_on_published_data, read_published_scores
from mmeb_eval.report.statistics import bootstrap_interval, find_hits, is_at_chance
from mmeb_eval.run.cost import Cost
from mmeb_eval.run.doubts import get_data_digests, list_doubts
from mmeb_eval.run.results import HEADLINE_METRIC, TRUSTED_VECTORS, Result, compute_group_means, is_limited, list_models
from scar.errors import DataError
from scar.sample import NEGATIVES_PER_PART, PARTS, Part

BASELINES = ("constant", "random", "text-only")
"""Names of models that look at nothing, or at the text alone; a useful model must beat them."""

CaptionKind: TypeAlias = Literal["gold"] | Part

CAPTION_KINDS: tuple[CaptionKind, ...] = ("gold", *(part for part in PARTS for _ in range(NEGATIVES_PER_PART)))
"""Kind of each of the ten captions in a SCaR row, in their order."""

OWN_HEADING = "own corpora"
"""Heading of the tasks that are not in the table of tasks: those of the user's own corpora."""


@dataclass(frozen=True, slots=True)
class Score:
    """A model's score on a task, or its mean over a complete group. Counts of a group are sums over its tasks.

    Attributes:
        hit: `HEADLINE_METRIC`, 0 to 1.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        chance: expected score of guessing.
        queries: number of queries.
        ties: number of queries in which a wrong candidate scores exactly as the right one.
        at_chance: whether the score of a task is no better than chance, see `mmeb_eval.report.statistics.is_at_chance`;
            False for a group.
        first: kind of caption -> share of queries in which one of this kind ranks first, see `find_first_kinds`; empty
            for a group.
        unchecked: whether stored vectors were used without a check, see ``--trust-stored``.
        limited: whether only the first queries of a task were asked, see ``--limit``.
        texts_cut: number of distinct items whose text exceeds the model's limit, so that its end was not read.
    """

    hit: float
    low: float
    high: float
    chance: float
    queries: int
    ties: int
    at_chance: bool
    first: Mapping[str, float]
    unchecked: bool = False
    limited: bool = False
    texts_cut: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """All models on all tasks.

    Attributes:
        models: names of the models, in the order of the results.
        families: heading -> names of the tasks under it. The heading is the tasks' family, or `OWN_HEADING`.
        scores: (model, task) -> score; missing where the model was not run on the task.
        groups: groups in which any model has results, whole benchmarks first.
        means: (model, group) -> the mean, or a text such as ``incomplete 3/10`` if some tasks have no result.
        published: task or group -> published scores, the best first; missing if any result on it is on other data.
        doubts: lines of `mmeb_eval.run.doubts.list_doubts`.
        costs: (model, task) -> what its vectors cost; missing where nobody measured it.
    """

    models: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]]
    scores: Mapping[tuple[str, str], Score]
    groups: tuple[str, ...]
    means: Mapping[tuple[str, str], Score | str]
    published: Mapping[str, tuple[PublishedScore, ...]]
    doubts: tuple[str, ...] = ()
    costs: Mapping[tuple[str, str], Cost] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the order of their families."""
        return tuple(task for members in self.families.values() for task in members)

    @property
    def at_chance(self) -> list[tuple[str, str]]:
        """(model, task) of each score that is no better than chance, except those of baselines."""
        return [key for key, score in self.scores.items() if score.at_chance and not is_baseline(key[0])]


def is_baseline(model: str) -> bool:
    """Whether a model is one of `BASELINES`, with or without a region strategy such as ``random+crop``."""
    return model.split("+")[0] in BASELINES


def select_baselines(results: Sequence[Result], others: Iterable[Result]) -> list[Result]:
    """Select, from other results, baselines to show beside ``results``.

    Selected is each result of a baseline that is not among the models of ``results``, on one of their tasks with the
    same queries and candidates.
    """
    data = {(result.task, *get_data_digests(result)) for result in results}
    models = {result.model for result in results}
    return [
        other
        for other in others
        if is_baseline(other.model) and other.model not in models and (other.task, *get_data_digests(other)) in data
    ]


def summarise_results(results: Sequence[Result]) -> Summary:
    """Summarise results: scores with intervals, and the published scores that can be compared with them.

    Raises:
        DataError: there are no results.
    """
    if not results:
        raise DataError("report: no results to show; `mmeb-eval --model NAME --tasks DIR` makes some.")
    models = list_models(results)
    means: dict[tuple[str, str], Score | str] = {}
    for model in models:
        by_task = {result.task: result for result in results if result.model == model}
        for mean in compute_group_means(by_task.values()):
            members = [by_task[name] for name in list_group_tasks(mean.group) if name in by_task]
            means[model, mean.group] = _make_score(members) if mean.mean is not None else str(mean)
    names = sort_task_names({result.task for result in results})
    families: dict[str, tuple[str, ...]] = {}
    for name in names:
        heading = tasks()[name].family if name in tasks() else OWN_HEADING
        families[heading] = (*families.get(heading, ()), name)
    present = [name for name in GROUPS if any(group == name for _, group in means)]
    groups = tuple(sorted(present, key=lambda name: GROUPS[name][0] != "benchmark"))
    return Summary(
        models=tuple(models),
        families=families,
        scores={(result.model, result.task): _make_score([result]) for result in results},
        groups=groups,
        means=means,
        published=_select_published(results, names, groups),
        doubts=tuple(list_doubts(results)),
        costs={(result.model, result.task): result.cost for result in results if result.cost is not None},
    )


def sort_task_names(names: Iterable[str]) -> list[str]:
    """Sort names of tasks: those of `tasks` in the order of its table, then all others by name."""
    order = {name: index for index, name in enumerate(tasks())}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def _make_score(results: Sequence[Result]) -> Score:
    """Make the score of one task, or the mean over several, with its interval."""
    mean = sum(result.metrics[HEADLINE_METRIC] for result in results) / len(results)
    low, high = bootstrap_interval(
        [find_hits(result.ranks) for result in results], [result.clusters or () for result in results]
    )
    queries = sum(result.counts["queries"] for result in results)
    chance = sum(result.chance for result in results) / len(results)
    is_task = len(results) == 1
    return Score(
        hit=mean,
        low=min(low, mean),
        high=max(high, mean),
        chance=chance,
        queries=queries,
        ties=sum(result.counts["ties"] for result in results),
        at_chance=is_task and is_at_chance(mean, chance, queries),
        first=find_first_kinds(results[0]) if is_task else {},
        unchecked=any(TRUSTED_VECTORS in result.settings for result in results),
        limited=any(map(is_limited, results)),
        texts_cut=sum(result.counts.get("texts_cut", 0) for result in results),
    )


def find_first_kinds(result: Result) -> dict[str, float]:
    """Kind of caption (``gold``, or the replaced part) -> share of queries in which one of this kind ranks first.

    The order of a SCaR row's ten captions tells their kinds. Empty for a task of MMEB, and if a query has fewer
    distinct candidates.
    """
    task = tasks().get(result.task)
    if task is not None and task.benchmark != "SCaR":
        return {}
    if result.settings.get("format", "SCaR") != "SCaR":
        return {}
    if result.counts["candidates"] != len(CAPTION_KINDS) * result.counts["queries"]:
        return {}
    first = [CAPTION_KINDS[best[0]] for best in result.top]
    return {kind: first.count(kind) / len(first) for kind in dict.fromkeys(CAPTION_KINDS)}


def _select_published(
    results: Sequence[Result], names: Sequence[str], groups: Sequence[str]
) -> dict[str, tuple[PublishedScore, ...]]:
    """Published scores of the tasks and groups whose results are all on the published data."""
    on_other_data = {result.task for result in results if not is_on_published_data(result)}
    present = {result.task for result in results}
    comparable = [name for name in names if name not in on_other_data]
    comparable += [
        name
        for name in groups
        if not on_other_data & set(list_group_tasks(name)) and present >= set(list_group_tasks(name))
    ]
    published = group_by_name(read_published_scores())
    return {
        name: tuple(sorted(published[name], key=lambda score: -score.share)) for name in comparable if name in published
    }
