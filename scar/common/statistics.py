"""Intervals, divergences and tests that several reports use."""

from __future__ import annotations

import math
from collections.abc import Mapping

Z_95 = 1.959964
"""97.5 % quantile of the standard normal distribution."""


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % confidence interval, (low, high), of a share (0 to 1) of hits in ``count`` trials (Wilson, 1927).

    ``count`` is at least 1. Hits need not be whole, as a tie may count as a fraction of a hit; scipy's ``binomtest``
    takes whole hits only.

    >>> [round(end, 3) for end in wilson_interval(0.5, 10)]
    [0.237, 0.763]
    """
    square = Z_95 * Z_95
    middle = share + square / (2 * count)
    reach = Z_95 * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return (middle - reach) / (1 + square / count), (middle + reach) / (1 + square / count)


def jensen_shannon_divergence(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """Jensen-Shannon divergence, in bits, of two distributions given as counts: 0 if equal, 1 if they share no key.

    >>> jensen_shannon_divergence({"a": 2, "b": 1}, {"a": 4, "b": 2}), jensen_shannon_divergence({"a": 1}, {"b": 1})
    (0.0, 1.0)
    """
    import numpy as np
    from scipy.special import rel_entr

    counts = [(first.get(key, 0), second.get(key, 0)) for key in {**first, **second}]
    shares = np.array(counts, np.float64).reshape(-1, 2)  # (keys, 2)
    shares /= np.maximum(shares.sum(axis=0), 1)
    middle = shares.mean(axis=1, keepdims=True)
    return max(0.0, float(rel_entr(shares, middle).sum()) / 2 / math.log(2))


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p-value of the hypothesis that wins and losses are equally likely; 1 without any.

    >>> round(sign_test(5, 0), 6), sign_test(0, 0)
    (0.0625, 1.0)
    """
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
