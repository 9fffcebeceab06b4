"""Drawing by weight without putting back, as many as somebody asks for."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate, chain
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_MAX_MISSES = 9
"""So many lots in a row that are found to be drawn already, as rounding has it, and the rest is put in order."""


class WeightedItems(Generic[T]):
    """What can be drawn, and how likely; made once, drawn from as often as one likes.

    Args:
        items: what can be drawn; what is there twice has both weights.
        weights: of each, above 0; by default all are alike.
    """

    __slots__ = ("cumulative_weights", "items", "total_weight", "weights")

    def __init__(self, items: Sequence[T], weights: Sequence[float] | None = None) -> None:
        self.items = tuple(items)
        self.weights = (1.0,) * len(self.items) if weights is None else tuple(weights)
        self.cumulative_weights = list(accumulate(self.weights))
        self.total_weight = self.cumulative_weights[-1] if self.cumulative_weights else 0.0

    @classmethod
    def concatenate(cls, parts: Sequence[WeightedItems[T]]) -> WeightedItems[T]:
        """What several urns hold, in one."""
        return cls(
            tuple(chain.from_iterable([urn.items for urn in parts])),
            tuple(chain.from_iterable([urn.weights for urn in parts])),
        )


def sample_without_replacement(weighted_sets: Sequence[tuple[WeightedItems[T], float]], rng: Random) -> Iterator[T]:
    """Every item of some urns once, in random order: each next one is drawn by weight among those that are left.

    All lots lie side by side on a line, each as long as it weighs, and a point of the line is drawn; stretches of what
    has been drawn are left out of it.

    Args:
        weighted_sets: each with a number by which all that it holds weighs more; what several hold has the sum of its
            weights.
        rng: the only chance in it.
    """
    weighted_sets = [(urn, factor) for urn, factor in weighted_sets if urn.items]
    if not weighted_sets:
        return
    ends = list(accumulate([urn.total_weight * factor for urn, factor in weighted_sets]))
    random, left, last = rng.random, ends[-1], len(weighted_sets) - 1
    out: list[tuple[float, float]] = []  # start and length of stretches, from left to right
    taken: set[T] = set()
    misses = 0
    while misses < _MAX_MISSES:
        point = random() * left
        for start, length in out:
            if point < start:
                break
            point += length
        number = bisect(ends, point, 0, last)
        urn, factor = weighted_sets[number]
        begin = ends[number - 1] if number else 0.0
        place = bisect(urn.cumulative_weights, (point - begin) / factor, 0, len(urn.items) - 1)
        item, length = urn.items[place], urn.weights[place] * factor
        stretch = (begin + urn.cumulative_weights[place] * factor - length, length)
        if item not in taken:
            misses = 0
            taken.add(item)
            yield item
        else:
            misses += 1
            if stretch in out:
                continue
        insort(out, stretch)
        left -= length
    # What is left weighs too little for the line: exponential clocks, the heavier the faster.
    rest: dict[T, float] = {}
    for urn, factor in weighted_sets:
        for item, weight in zip(urn.items, urn.weights, strict=True):
            if item not in taken:
                rest[item] = rest.get(item, 0.0) + weight * factor
    clocks = [(rng.expovariate(weight), number, item) for number, (item, weight) in enumerate(rest.items())]
    yield from (item for _, _, item in sorted(clocks))
