"""Drawing by weight without putting back, as many as somebody asks for."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import accumulate
from operator import itemgetter
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

_MISSES = 4
"""So many lots in a row that are drawn already, and they are taken out of the urn."""


class Lots(Generic[T]):
    """What can be drawn, and how likely; made once, drawn from as often as one likes.

    Args:
        items: what can be drawn.
        weights: of each, above 0; by default all are alike.
    """

    def __init__(self, items: Sequence[T], weights: Sequence[float] | None = None) -> None:
        self.items = tuple(items)
        self._weights = (1.0,) * len(self.items) if weights is None else tuple(weights)
        self._bounds = list(accumulate(self._weights))

    def drawn(self, rng: Random) -> Iterator[T]:
        """Every item once, in random order: each next one is drawn by weight among those that are left."""
        return map(itemgetter(1), self.rung(rng))

    def rung(self, rng: Random, factor: float = 1.0) -> Iterator[tuple[float, T]]:
        """Every item once with the time at which its clock rings, which is earlier the more it weighs.

        With a factor everything weighs more by it. The clocks are exponential, so their order is that of `drawn`, and
        lots that are rung side by side are drawn as if they were in one urn.
        """
        left: Sequence[int] = range(len(self.items))
        bounds = self._bounds
        taken: set[int] = set()
        misses, time = 0, 0.0
        while len(taken) < len(self.items):
            time += rng.expovariate(bounds[-1] * factor)
            place = left[bisect(bounds, rng.random() * bounds[-1], hi=len(bounds) - 1)]
            if place not in taken:
                taken.add(place)
                yield time, self.items[place]
                misses = 0
            elif (misses := misses + 1) == _MISSES:
                left = [place for place in left if place not in taken]
                bounds = list(accumulate(self._weights[place] for place in left))
                misses = 0


def drawn_together(urns: Sequence[tuple[Lots[T], float]], rng: Random) -> Iterator[T]:
    """What several urns hold, in random order by weight, as if they were one; an item of two urns comes twice.

    Args:
        urns: each with a number by which all that it holds weighs more.
        rng: the only chance in it.
    """
    return map(itemgetter(1), merge(*(urn.rung(rng, factor) for urn, factor in urns), key=itemgetter(0)))
