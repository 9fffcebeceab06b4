"""Statistics of scores: bootstrap intervals, paired tests between two runs, and a test against chance.

Intervals and paired tests take hits: for each query of a task, whether the right candidate ranks first. The score of a
task is its share of hits, that of a group of tasks the mean of their scores. Queries about one image are not
independent: where a task has several, its images are resampled, each with all its queries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scar.common.statistics import sign_test

Hits: TypeAlias = NDArray[np.bool_]
"""(Q,) whether the right candidate of each query ranks first, in the order of the data."""

Clusters: TypeAlias = Sequence[int]
"""Number of each query's cluster, in the order of the data; empty if every query is a cluster of its own."""

CONFIDENCE = 0.95
"""Confidence level of every interval."""

POWER = 0.8
"""Probability with which a task shows the difference that `find_detectable_difference` names."""

FEWEST_DISCORDANT = 6
"""Fewest queries that one model alone must hit for p < 0.05 in the exact test: 2 / 2**6 is below, 2 / 2**5 is not."""

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


def bootstrap_interval(tasks: Sequence[Hits], clusters: Sequence[Clusters] = (), *, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of the mean of the tasks' scores: clusters are resampled within each task.

    If no task has both hits and misses, resampling shows no spread. Each end of the interval is then moved outward by
    the largest share of queries that a sample of this size misses entirely with a probability of 2.5 %. The interval is
    slightly too narrow where only a handful of queries are hits or misses (coverage measured in ``LOG.md``).

    Args:
        tasks: hits of one model: one array for a task, several for a group.
        clusters: the clusters of each task's queries; none means that every query is one.
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
    low, high = _find_bootstrap_ends(tasks, clusters, seed)
    return Interval(max(0.0, low), min(1.0, high))


def bootstrap_difference_interval(
    a: Sequence[Hits], b: Sequence[Hits], clusters: Sequence[Clusters] = (), *, seed: int = 0
) -> Interval:
    """Percentile bootstrap interval of the score of ``a`` minus that of ``b``; a query is resampled for both at once.

    See `bootstrap_interval` for the resampling.

    Args:
        a: hits of one model: one array for each task.
        b: hits of the other model, for the same tasks and queries in the same order.
        clusters: see `bootstrap_interval`.
        seed: seed of the resampling.

    Returns:
        Both ends of the interval, -1 to 1.

    Raises:
        ValueError: there is no task or a task without queries, or the numbers of tasks or queries differ.
    """
    low, high = _find_bootstrap_ends(_subtract_hits(a, b), clusters, seed)
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


def sign_flip_p_value(
    a: Sequence[Hits], b: Sequence[Hits], clusters: Sequence[Clusters] = (), *, seed: int = 0
) -> float:
    """Two-sided p-value of "both models are equally good on this group of tasks", by a permutation test.

    A model's score is the mean over tasks of its share of hits. The difference of both scores is compared with
    `RESAMPLES` differences, each after swapping the models' answers to random clusters. For a single task whose queries
    are clusters of their own, `mcnemar_p_value` computes the same p-value exactly.

    Args:
        a: hits of one model: one array for each task.
        b: hits of the other model, for the same tasks and queries in the same order.
        clusters: see `bootstrap_interval`.
        seed: seed of the swapping.

    Raises:
        ValueError: there is no task or a task without queries, or the numbers of tasks or queries differ.
    """
    differences = _subtract_hits(a, b)
    rng = np.random.default_rng(seed)
    flipped = np.zeros(RESAMPLES)
    for difference, own in zip(differences, clusters or [()] * len(differences), strict=True):
        sums = np.abs(_sum_clusters(difference, own)[0])
        for size, count in zip(*np.unique(sums[sums > 0], return_counts=True), strict=True):
            flipped += size * (2 * rng.binomial(count, 0.5, RESAMPLES) - count) / len(difference)
    observed = abs(math.fsum(difference.mean() for difference in differences))
    as_far = np.count_nonzero(np.abs(flipped) >= observed - 1e-12)  # sums in another order differ in the last digits
    return float((1 + as_far) / (1 + RESAMPLES))


def find_detectable_difference(a: Hits, b: Hits, clusters: Clusters = ()) -> float:
    """The smallest difference of two scores that a task of this size shows, for models that differ as often as these.

    A difference of that size is found by a test at the level 1 - `CONFIDENCE` with a probability of `POWER`, before any
    correction for several tasks. It is at least that of `FEWEST_DISCORDANT` queries, which the exact test needs.

    Args:
        a: (Q,) hits of one model.
        b: (Q,) hits of the other model, for the same queries in the same order.
        clusters: the clusters of the queries.

    Raises:
        ValueError: there is no query, or the numbers of queries differ.

    Source: O. S. Miettinen, The matched pairs design in the case of all-or-none responses, Biometrics 24 (1968), with
    the normal approximation.

    >>> hits = np.arange(1000) % 2 == 0
    >>> round(find_detectable_difference(hits, np.roll(hits, 1)), 3), find_detectable_difference(hits, hits)
    (0.089, 0.006)
    """
    (difference,) = _subtract_hits([a], [b])
    sums, _ = _sum_clusters(difference, clusters)
    error = math.sqrt(float(np.square(sums, dtype=np.float64).sum())) / len(a)
    normal = NormalDist()
    factor = normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)
    return min(1.0, max(factor * error, FEWEST_DISCORDANT / len(a)))


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


def _find_bootstrap_ends(
    tasks: Sequence[NDArray[np.generic]], clusters: Sequence[Clusters], seed: int
) -> tuple[float, float]:
    """Ends of the bootstrap interval: quantiles of the mean, over tasks, of the mean over resampled clusters."""
    if not tasks or not all(len(observed) for observed in tasks):
        raise ValueError("an interval needs at least one task, and a task at least one query.")
    rng = np.random.default_rng(seed)
    resampled = np.zeros(RESAMPLES)
    numbers = []
    for observed, own in zip(tasks, clusters or [()] * len(tasks), strict=True):
        sums, sizes = _sum_clusters(observed, own)
        kinds, counts = np.unique(np.stack([sizes, sums]), axis=1, return_counts=True)  # few, so that draws are cheap
        drawn = rng.multinomial(len(sums), counts / len(sums), RESAMPLES)  # (RESAMPLES, kinds)
        resampled += (drawn @ kinds[1].astype(np.float64)) / (drawn @ kinds[0])
        numbers.append(len(sums))
    tail = (1 - CONFIDENCE) / 2
    low, high = map(float, np.quantile(resampled / len(tasks), (tail, 1 - tail)))
    # the largest share of clusters of which a sample of this size has none with probability `tail`
    unseen = (1 - tail ** (1 / min(numbers))) / len(tasks) if low == high else 0.0
    return low - unseen, high + unseen


def _sum_clusters(values: NDArray[np.generic], clusters: Clusters) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each cluster, the sum of its queries' values, and the number of its queries."""
    if not len(clusters):
        return values.astype(np.intp), np.ones(len(values), dtype=np.intp)
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} queries, but {len(clusters)} clusters are named.")
    sizes = np.bincount(clusters)
    sums = np.bincount(clusters, weights=values.astype(np.float64), minlength=len(sizes)).round().astype(np.intp)
    return sums[sizes > 0], sizes[sizes > 0]


def _subtract_hits(a: Sequence[Hits], b: Sequence[Hits]) -> list[NDArray[np.int8]]:
    """For each task, (Q,) differences of hits: 1 where only ``a`` hits, -1 where only ``b`` hits, else 0."""
    lengths = [len(hits) for hits in a], [len(hits) for hits in b]
    if lengths[0] != lengths[1] or 0 in lengths[0] or not a:
        raise ValueError(f"a paired test needs the same queries on both sides, found {lengths[0]} and {lengths[1]}.")
    return [hits_a.astype(np.int8) - hits_b.astype(np.int8) for hits_a, hits_b in zip(a, b, strict=True)]
