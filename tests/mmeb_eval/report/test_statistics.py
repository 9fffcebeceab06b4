"""Intervals and tests agree with slow and obvious ways to compute them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmeb_eval.report.statistics import (
    CHANCE_STANDARD_ERRORS,
    Hits,
    bootstrap_difference_interval,
    bootstrap_interval,
    correct_p_values,
    find_detectable_difference,
    find_hits,
    is_at_chance,
    mcnemar_p_value,
    sign_flip_p_value,
    standard_error,
)


def some(share: float, queries: int, seed: int = 0) -> Hits:
    """Hits of which that share is true, in some order."""
    return np.random.default_rng(seed).permutation(np.arange(queries) < round(share * queries))


@pytest.mark.parametrize("tasks", [[some(0.3, 200)], [some(0.1, 50), some(0.9, 300), some(0.5, 80)]], ids=["one", "3"])
def test_an_interval_is_what_drawing_queries_again_gives(tasks: list[Hits]) -> None:
    rng = np.random.default_rng(1)
    means = np.mean([own[rng.integers(0, len(own), (20_000, len(own)))].mean(axis=1) for own in tasks], axis=0)
    brute = np.quantile(means, (0.025, 0.975))
    spread = max(1 / len(own) for own in tasks) / len(tasks)  # one hit more or less in the smallest task
    assert bootstrap_interval(tasks) == pytest.approx(brute, abs=spread + 1e-9)


def test_an_interval_of_a_difference_keeps_answers_to_one_query_together() -> None:
    rng = np.random.default_rng(2)
    a = [some(0.5, 400, 1), some(0.7, 300, 2)]
    b = [own ^ (rng.random(len(own)) < 0.1) for own in a]  # nearly the same answers: nearly the same score
    low, high = bootstrap_difference_interval(a, b)
    means = []
    for own, other in zip(a, b, strict=True):
        rows = rng.integers(0, len(own), (20_000, len(own)))
        means.append(own[rows].mean(axis=1) - other[rows].mean(axis=1))
    assert (low, high) == pytest.approx(np.quantile(np.mean(means, axis=0), (0.025, 0.975)), abs=0.004)
    alone = bootstrap_interval(a)
    assert high - low < 0.7 * (alone.high - alone.low)
    assert bootstrap_difference_interval(b, a) == pytest.approx((-high, -low), abs=0.004)


@pytest.mark.parametrize(("share", "queries"), [(0.5, 100), (0.3, 300), (0.1, 1000), (0.02, 1000)])
def test_an_interval_holds_the_truth_as_often_as_it_says(share: float, queries: int) -> None:
    """Every number of hits that there can be, weighted by how likely it is."""
    covered = 0.0
    for count in range(queries + 1):
        log = math.lgamma(queries + 1) - math.lgamma(count + 1) - math.lgamma(queries - count + 1)
        weight = math.exp(log + count * math.log(share) + (queries - count) * math.log(1 - share))
        if weight > 1e-6:
            low, high = bootstrap_interval([np.arange(queries) < count])
            covered += weight * (low <= share <= high)
    assert 0.925 < covered < 0.97


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 1)), min_size=1, max_size=5))
def test_an_interval_lies_between_none_and_all_and_holds_the_score(shapes: list[tuple[int, float]]) -> None:
    tasks = [some(share, queries) for queries, share in shapes]
    low, high = bootstrap_interval(tasks)
    assert 0 <= low <= np.mean([own.mean() for own in tasks]) + 1e-12
    assert np.mean([own.mean() for own in tasks]) - 1e-12 <= high <= 1
    assert low < high
    assert bootstrap_interval(tasks) == (low, high)


@pytest.mark.parametrize("queries", [1, 10, 1000])
def test_no_hit_at_all_is_no_proof_of_nought(queries: int) -> None:
    none, every = np.zeros(queries, dtype=np.bool_), np.ones(queries, dtype=np.bool_)
    low, high = bootstrap_interval([none])
    assert low == 0
    assert (1 - high) ** queries == pytest.approx(0.025)
    assert bootstrap_interval([every]) == pytest.approx((1 - high, 1))
    assert bootstrap_difference_interval([every], [every]) == pytest.approx((-high, high))
    assert bootstrap_interval([none] * 36).high == pytest.approx(high / 36)


@pytest.mark.parametrize(("only_a", "only_b"), list(itertools.product((0, 1, 3, 7), repeat=2)))
def test_mcnemar_counts_all_ways_in_which_coins_can_fall(only_a: int, only_b: int) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True, False, True])
    b = np.array([False] * only_a + [True] * only_b + [True, False, True])
    apart = only_a + only_b
    falls = [abs(2 * sum(fall) - apart) >= abs(only_a - only_b) for fall in itertools.product((0, 1), repeat=apart)]
    assert mcnemar_p_value(a, b) == pytest.approx(sum(falls) / len(falls), abs=1e-15)
    assert mcnemar_p_value(b, a) == mcnemar_p_value(a, b)


def test_mcnemar_is_exact_where_factorials_are_huge() -> None:
    """Against the normal approximation with its correction, and against underflow."""
    a, b = some(1.0, 9000), some(0.0, 9000)
    a[:4400], b[:4400] = False, True
    z = (200 - 1) / math.sqrt(9000)
    assert mcnemar_p_value(a, b) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)
    assert mcnemar_p_value(some(1.0, 9000), some(0.0, 9000)) == 0
    assert mcnemar_p_value(a, a) == 1


def test_a_test_over_several_tasks_is_mcnemar_where_there_is_one() -> None:
    for seed in range(5):
        a, b = some(0.5, 120, seed), some(0.4, 120, seed + 10)
        exact = mcnemar_p_value(a, b)
        assert sign_flip_p_value([a], [b]) == pytest.approx(exact, abs=5 * math.sqrt(exact / 10_000))


def test_a_test_over_several_tasks_gives_each_task_one_vote() -> None:
    """Every way in which coins can fall: three queries that differ in a small task, five in a larger one."""
    a = [np.array([True, True, True]), np.array([True] * 1 + [False] * 4 + [True] * 5)]
    b = [np.array([False, False, False]), np.array([False] * 1 + [True] * 4 + [True] * 5)]
    seen = abs(3 / 3 - 3 / 10)
    ways = itertools.product((-1, 1), repeat=8)
    as_far = [abs(sum(way[:3]) / 3 + sum(way[3:]) / 10) >= seen - 1e-12 for way in ways]
    assert sign_flip_p_value(a, b) == pytest.approx(sum(as_far) / 2**8, abs=0.02)
    assert sign_flip_p_value(a, b) == sign_flip_p_value(a, b) == sign_flip_p_value(b, a)


def test_equal_models_differ_by_luck_as_often_as_p_says() -> None:
    rng = np.random.default_rng(3)
    found = [mcnemar_p_value(rng.random(300) < 0.3, rng.random(300) < 0.3) for _ in range(400)]
    assert np.mean(np.array(found) < 0.05) < 0.08


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_rule_of_the_book(p: list[float]) -> None:
    """From the smallest on, reject while p is at most level / those left; stop where it is not."""
    corrected = correct_p_values(p)
    for level in (0.01, 0.05, 0.2):
        order = sorted(range(len(p)), key=lambda index: p[index])
        rejected = set()
        for place, index in enumerate(order):
            if (len(p) - place) * p[index] > level:
                break
            rejected.add(index)
        assert {index for index, value in enumerate(corrected) if value <= level} == rejected
    assert all(own <= value <= 1 for own, value in zip(p, corrected, strict=True))


def test_chance_is_left_behind_by_more_than_three_errors_of_guessing() -> None:
    error = standard_error(0.1, 1000)
    assert error == pytest.approx(np.std(np.random.default_rng(0).binomial(1000, 0.1, 100_000) / 1000), rel=0.02)
    edge = 0.1 + CHANCE_STANDARD_ERRORS * error
    assert is_at_chance(edge, 0.1, 1000)
    assert not is_at_chance(edge + 1e-9, 0.1, 1000)
    assert is_at_chance(0, 0.1, 1000)
    assert is_at_chance(1, 1, 10)


def test_hits_are_first_ranks() -> None:
    assert find_hits((1, 2, 10, 1)).tolist() == [True, False, False, True]


@pytest.mark.parametrize("tasks", [[], [some(0.5, 0)], [some(0.5, 4), some(0.5, 0)]])
def test_nothing_has_no_interval(tasks: Sequence[Hits]) -> None:
    with pytest.raises(ValueError, match="at least one task, and a task at least one query"):
        bootstrap_interval(tasks)


@pytest.mark.parametrize("pair", [([], []), ([some(1, 3)], [some(1, 4)]), ([some(1, 3)], []), ([some(1, 0)],) * 2])
def test_other_queries_cannot_be_paired(pair: tuple[list[Hits], list[Hits]]) -> None:
    for test in (bootstrap_difference_interval, sign_flip_p_value):
        with pytest.raises(ValueError, match="the same queries on both sides, found"):
            test(*pair)
    if len(pair[0]) == len(pair[1]) == 1:
        with pytest.raises(ValueError, match="the same queries on both sides, found"):
            mcnemar_p_value(pair[0][0], pair[1][0])


def _repeat_queries(hits: Hits, times: int) -> tuple[Hits, list[int]]:
    """Each query several times, as one cluster: this adds no information."""
    return np.repeat(hits, times), [number for number in range(len(hits)) for _ in range(times)]


def test_queries_that_repeat_an_image_make_no_interval_narrower() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 400)) < [[0.5], [0.4]]
    (many_a, clusters), (many_b, _) = _repeat_queries(a, 3), _repeat_queries(b, 3)
    assert bootstrap_interval([many_a], [clusters]) == pytest.approx(bootstrap_interval([a]))
    assert bootstrap_difference_interval([many_a], [many_b], [clusters]) == pytest.approx(
        bootstrap_difference_interval([a], [b])
    )
    assert sign_flip_p_value([many_a], [many_b], [clusters]) == pytest.approx(sign_flip_p_value([a], [b]))
    narrow, wide = bootstrap_interval([many_a]), bootstrap_interval([many_a], [clusters])
    assert wide.high - wide.low > 1.6 * (narrow.high - narrow.low)
    assert find_detectable_difference(many_a, many_b, clusters) == pytest.approx(find_detectable_difference(a, b))


def test_clusters_of_one_query_change_nothing() -> None:
    hits = np.random.default_rng(4).random(300) < 0.3
    assert bootstrap_interval([hits], [range(300)]) == bootstrap_interval([hits])
    with pytest.raises(ValueError, match="300 queries, but 2 clusters are named"):
        bootstrap_interval([hits], [[0, 1]])


def test_cluster_intervals_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(5)
    clusters = rng.integers(0, 60, 200)
    hits = rng.random(200) < (clusters % 5) / 5
    own = [np.flatnonzero(clusters == number) for number in np.unique(clusters)]
    means = [hits[np.concatenate([own[i] for i in rng.integers(0, len(own), len(own))])].mean() for _ in range(4000)]
    brute = np.quantile(means, (0.025, 0.975))
    assert bootstrap_interval([hits], [clusters.tolist()]) == pytest.approx(brute, abs=0.01)


@pytest.mark.slow
def test_a_detectable_difference_is_found_in_4_of_5_samples() -> None:
    rng = np.random.default_rng(6)
    queries, discordant, found = 1000, 0.2, 0
    shows = 2.8016 * np.sqrt(discordant / queries)
    for _ in range(400):
        kind = rng.choice(3, queries, p=[(discordant + shows) / 2, (discordant - shows) / 2, 1 - discordant])
        found += mcnemar_p_value(kind == 0, kind == 1) < 0.05
    assert 0.72 < found / 400 < 0.86
