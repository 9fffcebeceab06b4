"""Weighted sampling without replacement, against the probabilities of sampling item by item."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar.generators.rules.sampling import WeightedItems, sample_without_replacement

ROUNDS = 40_000


@given(st.lists(st.floats(1e-6, 1e6), max_size=40), st.integers(0, 9))
def test_everything_is_drawn_once(weights: list[float], seed: int) -> None:
    items = WeightedItems(list(range(len(weights))), weights)
    assert sorted(sample_without_replacement([(items, 1.0)], Random(seed))) == list(range(len(weights)))


def check(seen: Counter[tuple[str, ...]], weights: dict[str, float]) -> None:
    """Each order is as frequent as sampling item by item makes it."""
    rounds = seen.total()
    for order in permutations(weights):
        likely, left = 1.0, sum(weights.values())
        for name in order:
            likely *= weights[name] / left
            left -= weights[name]
        assert seen[order] / rounds == pytest.approx(likely, abs=4 * (likely * (1 - likely) / rounds) ** 0.5 + 1e-4)


def test_orders_are_as_likely_as_draw_by_draw() -> None:
    weights, rng = {"a": 1.0, "b": 30.0, "c": 2.0, "d": 7.0}, Random(1)
    items = WeightedItems(list(weights), list(weights.values()))
    seen = Counter(tuple(sample_without_replacement([(items, 1.0)], rng)) for _ in range(ROUNDS))
    check(seen, weights)


def test_several_sets_are_as_one() -> None:
    weights, rng = {"a": 1.0, "b": 6.0, "c": 2.0, "d": 3.0}, Random(2)
    weighted_sets = [
        (WeightedItems("ad", [1.0, 1.0]), 1.0),
        (WeightedItems("cbd", [1.0, 3.0, 1.0]), 2.0),
        (WeightedItems("", []), 1.0),
    ]
    seen = Counter(tuple(sample_without_replacement(weighted_sets, rng)) for _ in range(ROUNDS))
    assert seen.total() == ROUNDS
    check(seen, weights)


def test_what_hardly_weighs_is_drawn_in_proportion_too() -> None:
    weights, rng = {"a": 1e9, "b": 1.0, "c": 3.0}, Random(4)
    items = WeightedItems(list(weights), list(weights.values()))
    check(Counter(tuple(sample_without_replacement([(items, 1.0)], rng)) for _ in range(ROUNDS)), weights)


def test_what_is_drawn_does_not_depend_on_how_much_is_asked_for() -> None:
    weighted_sets = [(WeightedItems("abcdef", [1, 2, 3, 4, 5, 6]), 1.0)]
    whole = list(sample_without_replacement(weighted_sets, Random(3)))
    some = sample_without_replacement(weighted_sets, Random(3))
    assert [next(some) for _ in range(3)] == whole[:3]
    assert list(sample_without_replacement(weighted_sets, Random(3))) == whole


def test_of_nothing_nothing_is_drawn() -> None:
    assert (
        list(sample_without_replacement([], Random(0)))
        == list(sample_without_replacement([(WeightedItems([]), 1.0)], Random(0)))
        == []
    )
