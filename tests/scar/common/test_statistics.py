"""Intervals, divergence and the sign test are what their definitions say."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from scar.common.statistics import jensen_shannon_divergence, sign_test, wilson_interval


@pytest.mark.parametrize("count", [1, 2, 3, 10, 41, 500, 30_000])
def test_the_interval_is_scipys_where_hits_are_whole(count: int) -> None:
    for hits in sorted({count * step // 40 for step in range(41)}):
        wanted = binomtest(hits, count).proportion_ci(0.95, method="wilson")
        assert wilson_interval(hits / count, count) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_the_interval_of_a_fraction_of_a_hit_lies_between_those_of_whole_hits() -> None:
    ends = np.array([wilson_interval(hits / 10, 10) for hits in (3, 3.25, 3.5, 4)])
    assert (np.diff(ends, axis=0) > 0).all()


def test_the_interval_holds_the_rate_about_95_times_of_100() -> None:
    rng = np.random.default_rng(2)
    for rate, count in product((0.1, 0.25, 0.5), (50, 400)):
        shares = rng.binomial(count, rate, 2000) / count
        held = np.mean([low <= rate <= high for low, high in (wilson_interval(share, count) for share in shares)])
        assert 0.93 < held < 0.98


def test_divergence_is_that_of_its_definition() -> None:
    first, second = Counter("aaabbc"), Counter("abbbd")
    p = np.array([3, 2, 1, 0]) / 6
    q = np.array([1, 3, 0, 1]) / 5

    def entropy(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return float(-sum(share * np.log2(share) for share in shares if share))

    wanted = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    assert jensen_shannon_divergence(first, second) == pytest.approx(wanted)


counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 1000), min_size=1)


@given(counts, counts)
def test_divergence_is_symmetric_and_from_0_to_1(first: dict[str, int], second: dict[str, int]) -> None:
    found = jensen_shannon_divergence(first, second)
    assert found == pytest.approx(jensen_shannon_divergence(second, first))
    assert 0 <= found <= 1 + 1e-12
    assert jensen_shannon_divergence(first, first) == 0


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_counts_all_ways_in_which_coins_can_fall(wins: int, losses: int) -> None:
    count, fewer = wins + losses, min(wins, losses)
    tail = sum(comb(count, k) for k in range(fewer + 1)) / 2**count
    assert sign_test(wins, losses) == pytest.approx(min(1.0, 2 * tail))
