"""Weighted sampling without replacement, of as many items as the caller takes."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_MAX_MISSES = 9
"""Number of random points in a row that hit sampled items, after which all items that are left are sorted."""


class WeightedItems(Generic[T]):
    """Items with weights, ready for many samplings.

    Args:
        items: the items; one that occurs twice has the sum of both weights.
        weights: one weight above 0 for each item; None for equal weights.
    """

    __slots__ = ("cumulative_weights", "items", "total_weight", "weights")

    def __init__(self, items: Sequence[T], weights: Sequence[float] | None = None) -> None:
        self.items = tuple(items)
        self.weights = (1.0,) * len(self.items) if weights is None else tuple(weights)
        self.cumulative_weights = list(accumulate(self.weights))
        self.total_weight = self.cumulative_weights[-1] if self.cumulative_weights else 0.0


def sample_without_replacement(weighted_sets: Sequence[tuple[WeightedItems[T], float]], rng: Random) -> Iterator[T]:
    """Iterate over every item once, in random order: each next item is sampled by weight from the items that are left.

    All items lie side by side on a line, each as long as its weight, and a random point selects an item. Stretches of
    sampled items are cut out of the line.

    Args:
        weighted_sets: sets of items, each with a factor for its weights; an item in several sets has the sum of its
            weights.
        rng: the only source of randomness.
    """
    weighted_sets = [(part, factor) for part, factor in weighted_sets if part.items]
    if not weighted_sets:
        return
    ends = list(accumulate([part.total_weight * factor for part, factor in weighted_sets]))
    random, length_left, last = rng.random, ends[-1], len(weighted_sets) - 1
    cuts: list[tuple[float, float]] = []  # start and length of each stretch, from left to right
    sampled: set[T] = set()
    misses = 0
    while misses < _MAX_MISSES:
        point = random() * length_left
        for start, length in cuts:
            if point < start:
                break
            point += length
        number = bisect(ends, point, 0, last)
        part, factor = weighted_sets[number]
        begin = ends[number - 1] if number else 0.0
        index = bisect(part.cumulative_weights, (point - begin) / factor, 0, len(part.items) - 1)
        item, length = part.items[index], part.weights[index] * factor
        stretch = (begin + part.cumulative_weights[index] * factor - length, length)
        if item not in sampled:
            misses = 0
            sampled.add(item)
            yield item
        else:
            misses += 1
            if stretch in cuts:
                continue
        insort(cuts, stretch)
        length_left -= length
    # The other items weigh too little for the precision of the line: each gets an exponential clock instead.
    rest: dict[T, float] = {}
    for part, factor in weighted_sets:
        for item, weight in zip(part.items, part.weights, strict=True):
            if item not in sampled:
                rest[item] = rest.get(item, 0.0) + weight * factor
    clocks = [(rng.expovariate(weight), number, item) for number, (item, weight) in enumerate(rest.items())]
    yield from (item for _, _, item in sorted(clocks))
