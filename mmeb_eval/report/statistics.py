"""Statistics of scores: bootstrap intervals, paired tests between two runs, and a test against chance.

Intervals and paired tests take hits: for each query of a task, whether the right candidate ranks first. The score of a
task is its share of hits, that of a group of tasks the mean of their scores. Queries are assumed to be independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scar.common.statistics import sign_test

Hits: TypeAlias = NDArray[np.bool_]
"""(Q,) whether the right candidate of each query ranks first, in the order of the data."""

CONFIDENCE = 0.95
"""Confidence level of every interval."""

RESAMPLES = 10_000
"""Number of resamples for an interval or a sign-flip test."""

CHANCE_STANDARD_ERRORS = 3
"""A score that is at most this many standard errors above chance counts as no better than chance."""


class Interval(NamedTuple):
    """Ends of an interval with the confidence level `CONFIDENCE`."""

    low: float
    high: float


def find_hits(ranks: ArrayLike) -> Hits:
    """(Q,) hits from the (Q,) ranks of the right candidates, 1 = best."""
    return np.equal(ranks, 1)


def bootstrap_interval(tasks: Sequence[Hits], *, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of the mean of the tasks' scores: queries are resampled within each task.

    If no task has both hits and misses, resampling shows no spread. Each end of the interval is then moved outward by
    the largest share of queries that a sample of this size misses entirely with a probability of 2.5 %. The interval is
    slightly too narrow where only a handful of queries are hits or misses (coverage measured in ``LOG.md``).

    Args:
        tasks: hits of one model: one array for a task, several for a group.
        seed: seed of the resampling.

    Returns:
        Both ends of the interval, 0 to 1.

    Raises:
        ValueError: there is no task, or a task without queries.

    Source: B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979); percentiles.

    >>> low, high = bootstrap_interval([np.arange(1000) < 300])
    >>> (round(low, 2), round(high, 2))
    (0.27, 0.33)
    """
    low, high = _find_bootstrap_ends(tasks, seed)
    return Interval(max(0.0, low), min(1.0, high))


def bootstrap_difference_interval(a: Sequence[Hits], b: Sequence[Hits], *, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of the score of ``a`` minus that of ``b``; a query is resampled for both at once.

    See `bootstrap_interval` for the resampling.

    Args:
        a: hits of one model: one array for each task.
        b: hits of the other model, for the same tasks and queries in the same order.
        seed: seed of the resampling.

    Returns:
        Both ends of the interval, -1 to 1.

    Raises:
        ValueError: there is no task or a task without queries, or the numbers of tasks or queries differ.
    """
    low, high = _find_bootstrap_ends(_subtract_hits(a, b), seed)
    return Interval(max(-1.0, low), min(1.0, high))


def mcnemar_p_value(a: Hits, b: Hits) -> float:
    """Exact two-sided p-value of "both models are equally good on this task".

    Under this hypothesis, a query that only one model hits is hit by either model with equal probability.

    Args:
        a: (Q,) hits of one model.
        b: (Q,) hits of the other model, for the same queries in the same order.

    Raises:
        ValueError: there is no query, or the numbers of queries differ.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947); exact binomial form.

    >>> mcnemar_p_value(np.array([True] * 5 + [False]), np.array([False] * 6))
    0.0625
    """
    (difference,) = _subtract_hits([a], [b])
    return sign_test(int(np.count_nonzero(difference > 0)), int(np.count_nonzero(difference < 0)))


def sign_flip_p_value(a: Sequence[Hits], b: Sequence[Hits], *, seed: int = 0) -> float:
    """Two-sided p-value of "both models are equally good on this group of tasks", by a permutation test.

    A model's score is the mean over tasks of its share of hits. The difference of both scores is compared with
    `RESAMPLES` differences, each after swapping the models' answers to random queries. For a single task,
    `mcnemar_p_value` computes the same p-value exactly.

    Args:
        a: hits of one model: one array for each task.
        b: hits of the other model, for the same tasks and queries in the same order.
        seed: seed of the swapping.

    Raises:
        ValueError: there is no task or a task without queries, or the numbers of tasks or queries differ.
    """
    differences = _subtract_hits(a, b)
    rng = np.random.default_rng(seed)
    flipped = np.zeros(RESAMPLES)
    for difference in differences:
        discordant = int(np.count_nonzero(difference))
        flipped += (2 * rng.binomial(discordant, 0.5, RESAMPLES) - discordant) / len(difference)
    observed = abs(math.fsum(difference.mean() for difference in differences))
    as_far = np.count_nonzero(np.abs(flipped) >= observed - 1e-12)  # sums in another order differ in the last digits
    return float((1 + as_far) / (1 + RESAMPLES))


def correct_p_values(p_values: Sequence[float]) -> list[float]:
    """Correct p-values of several tests by Holm's method, in the order given; it bounds the risk of any false positive.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statistics 6 (1979).

    >>> correct_p_values([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def standard_error(share: float, queries: int) -> float:
    """Standard error of a score: of the share of hits (0 to 1) among ``queries`` queries."""
    return math.sqrt(share * (1 - share) / queries)


def is_at_chance(score: float, chance: float, queries: int) -> bool:
    """Whether a score is at most `CHANCE_STANDARD_ERRORS` standard errors above chance, or below it.

    The standard error is that of guessing on this many queries: a score of 0 counts as chance even if chance is small.

    >>> is_at_chance(0.0, 0.001, 1000), is_at_chance(0.3, 0.1, 1000)
    (True, False)
    """
    return score <= chance + CHANCE_STANDARD_ERRORS * standard_error(chance, queries)


def _find_bootstrap_ends(tasks: Sequence[NDArray[np.generic]], seed: int) -> tuple[float, float]:
    """Ends of the bootstrap interval: quantiles of the mean, over tasks, of the mean over resampled queries."""
    if not tasks or not all(len(observed) for observed in tasks):
        raise ValueError("an interval needs at least one task, and a task at least one query.")
    rng = np.random.default_rng(seed)
    resampled = np.zeros(RESAMPLES)
    for observed in tasks:
        values, counts = np.unique(observed, return_counts=True)
        resampled += (
            rng.multinomial(len(observed), counts / len(observed), RESAMPLES)
            @ values.astype(np.float64)
            / len(observed)
        )
    tail = (1 - CONFIDENCE) / 2
    low, high = map(float, np.quantile(resampled / len(tasks), (tail, 1 - tail)))
    # the largest share of queries of which a sample of this size has none with probability `tail`
    unseen = (1 - tail ** (1 / min(map(len, tasks)))) / len(tasks) if low == high else 0.0
    return low - unseen, high + unseen


def _subtract_hits(a: Sequence[Hits], b: Sequence[Hits]) -> list[NDArray[np.int8]]:
    """For each task, (Q,) differences of hits: 1 where only ``a`` hits, -1 where only ``b`` hits, else 0."""
    lengths = [len(hits) for hits in a], [len(hits) for hits in b]
    if lengths[0] != lengths[1] or 0 in lengths[0] or not a:
        raise ValueError(f"a paired test needs the same queries on both sides, found {lengths[0]} and {lengths[1]}.")
    return [hits_a.astype(np.int8) - hits_b.astype(np.int8) for hits_a, hits_b in zip(a, b, strict=True)]
