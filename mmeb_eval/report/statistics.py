"""How far a score can be trusted: intervals, paired tests between two runs, and distance from chance.

Everything here is about hits: per task, which queries had their right candidate first. A group of tasks is a sequence
of tasks, and its score the mean of the tasks' scores. Queries are taken as independent of each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scar.common.statistics import sign_test

Hits: TypeAlias = NDArray[np.bool_]
"""(Q,) whether each query of a task was answered rightly, in the order of the data."""

CONFIDENCE = 0.95
"""Of every interval."""

RESAMPLES = 10_000
"""Draws behind an interval or a test of a group."""

CHANCE_STANDARD_ERRORS = 3
"""A score at most so many standard errors above chance is no better than chance."""


class Interval(NamedTuple):
    """Both ends of a `CONFIDENCE` interval."""

    low: float
    high: float


def find_hits(ranks: ArrayLike) -> Hits:
    """(Q,) hits of (Q,) ranks of right candidates, 1 = best."""
    return np.equal(ranks, 1)


def bootstrap_interval(tasks: Sequence[Hits], *, seed: int = 0) -> Interval:
    """Interval of the mean of the tasks' scores, by drawing each task's queries again with replacement.

    How often each value is drawn is drawn at once, which is the same and needs no time. Where no query differs from
    the others of its task, drawing again shows nothing; then the interval reaches as far as could have gone unseen. It
    is a little narrow where only a handful of queries are hits, or all but a handful (coverage measured in ``LOG.md``).

    Args:
        tasks: of one model; one for the interval of a task, several for that of a group.
        seed: of the draw.

    Returns:
        Both ends, 0 to 1.

    Raises:
        ValueError: no task, or one without queries.

    Source: B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979); percentiles.

    >>> low, high = interval([np.arange(1000) < 300])
    >>> (round(low, 2), round(high, 2))
    (0.27, 0.33)
    """
    low, high = _find_bootstrap_ends(tasks, seed)
    return Interval(max(0.0, low), min(1.0, high))


def bootstrap_difference_interval(a: Sequence[Hits], b: Sequence[Hits], *, seed: int = 0) -> Interval:
    """Likewise for the score of ``a`` less that of ``b``: queries are drawn together with both models' answers.

    Raises:
        ValueError: no task, one without queries, or tasks that have not the same queries.
    """
    low, high = _find_bootstrap_ends(_subtract_hits(a, b), seed)
    return Interval(max(-1.0, low), min(1.0, high))


def mcnemar_p_value(a: Hits, b: Hits) -> float:
    """Two-sided p of two models being equally good on a task; exact.

    Of the queries that one of them hits and the other does not, each has half of them then.

    Raises:
        ValueError: they have not the same queries.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947); exact binomial form.

    >>> mcnemar(np.array([True] * 5 + [False]), np.array([False] * 6))
    0.0625
    """
    (difference,) = _subtract_hits([a], [b])
    return sign_test(int(np.count_nonzero(difference > 0)), int(np.count_nonzero(difference < 0)))


def sign_flip_p_value(a: Sequence[Hits], b: Sequence[Hits], *, seed: int = 0) -> float:
    """Two-sided p of two models being equally good on a group of tasks.

    The difference of the means is held against `RESAMPLES` others in which a coin says for each query whose answer is
    whose; on one task this is what `mcnemar_p_value` computes without a draw.

    Raises:
        ValueError: no task, one without queries, or tasks that have not the same queries.
    """
    differences = _subtract_hits(a, b)
    rng = np.random.default_rng(seed)
    flipped = np.zeros(RESAMPLES)
    for own in differences:
        apart = int(np.count_nonzero(own))
        flipped += (2 * rng.binomial(apart, 0.5, RESAMPLES) - apart) / len(own)
    seen = abs(math.fsum(own.mean() for own in differences))
    as_far = np.count_nonzero(np.abs(flipped) >= seen - 1e-12)  # sums in another order differ in the last digits
    return float((1 + as_far) / (1 + RESAMPLES))


def correct_p_values(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for there being many: below 0.05, at most 5 % risk that any of them is there by luck.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statistics 6 (1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def standard_error(share: float, queries: int) -> float:
    """Of a share of hits among so many queries."""
    return math.sqrt(share * (1 - share) / queries)


def is_at_chance(score: float, chance: float, queries: int) -> bool:
    """Whether a score is at most `CHANCE_STANDARD_ERRORS` standard errors above chance, or below it.

    The error is that of guessing, not of the score: no hit at all is no proof of being away from a small chance.

    >>> no_better_than_chance(0.0, 0.001, 1000), no_better_than_chance(0.3, 0.1, 1000)
    (True, False)
    """
    return score <= chance + CHANCE_STANDARD_ERRORS * standard_error(chance, queries)


def _find_bootstrap_ends(tasks: Sequence[NDArray[np.generic]], seed: int) -> tuple[float, float]:
    """Quantiles of the mean over tasks of the mean over queries drawn again."""
    if not tasks or not all(len(own) for own in tasks):
        raise ValueError("an interval needs at least one task, and a task at least one query.")
    rng = np.random.default_rng(seed)
    drawn = np.zeros(RESAMPLES)
    for own in tasks:
        values, counts = np.unique(own, return_counts=True)
        drawn += rng.multinomial(len(own), counts / len(own), RESAMPLES) @ values.astype(np.float64) / len(own)
    tail = (1 - CONFIDENCE) / 2
    low, high = map(float, np.quantile(drawn / len(tasks), (tail, 1 - tail)))
    # the largest share of queries that, with probability `tail`, has no member among those that were asked
    unseen = (1 - tail ** (1 / min(map(len, tasks)))) / len(tasks) if low == high else 0.0
    return low - unseen, high + unseen


def _subtract_hits(a: Sequence[Hits], b: Sequence[Hits]) -> list[NDArray[np.int8]]:
    """Per task, (Q,) 1 where only ``a`` hits, -1 where only ``b`` does, else 0."""
    lengths = [len(own) for own in a], [len(own) for own in b]
    if lengths[0] != lengths[1] or 0 in lengths[0] or not a:
        raise ValueError(f"a paired test needs the same queries on both sides, found {lengths[0]} and {lengths[1]}.")
    return [own.astype(np.int8) - other.astype(np.int8) for own, other in zip(a, b, strict=True)]
