"""The order of rows of several sources: interleaved by weight, each row once in a pass over its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pick: TypeAlias = tuple[int, int]
"""(source, usable row of it)."""


@dataclass
class Mixer:
    """Draws batches; its state is a few numbers, which a checkpoint keeps.

    A batch is made of sub-batches, each of one source, so that a query's negatives are of its own kind. Sources come
    as often as their weights say, spread as evenly as possible. A source whose rows are all used is shuffled again.

    Args:
        sizes: usable rows of each source.
        weights: how often a source comes, against the others.
        batch: rows of a batch.
        sub_batch: rows of a sub-batch; `batch` is a multiple of it.
        seed: of the order of rows.
        once: stop after every row of every source was drawn once; the last sub-batch of a source, and the last batch,
            may then be smaller.

    Attributes:
        used: rows of each source drawn so far.
    """

    sizes: Sequence[int]
    weights: Sequence[float]
    batch: int
    sub_batch: int
    seed: int
    once: bool = False

    def __post_init__(self) -> None:
        self.used = [0] * len(self.sizes)
        self._credit = [0.0] * len(self.sizes)
        self._orders: dict[tuple[int, int], NDArray[np.int64]] = {}

    def next_batch(self) -> list[Pick]:
        """The next batch; empty when `once` is over."""
        picks: list[Pick] = []
        while len(picks) + self.sub_batch <= self.batch and (source := self._next_source()) is not None:
            picks += [(source, row) for row in self._take_rows(source)]
        return picks

    def get_state(self) -> dict[str, Any]:
        """What `restore` takes; JSON can hold it."""
        return {"used": list(self.used), "credit": list(self._credit)}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Take the state of another mixer with the same arguments."""
        self.used, self._credit = list(state["used"]), list(state["credit"])

    def _next_source(self) -> int | None:
        """The source that is furthest behind its weight."""
        open_ = [i for i, size in enumerate(self.sizes) if not self.once or self.used[i] < size]
        if not open_:
            return None
        total = sum(self.weights[i] for i in open_)
        for i in open_:
            self._credit[i] += self.weights[i] / total
        chosen = max(open_, key=lambda i: self._credit[i])
        self._credit[chosen] -= 1
        return chosen

    def _take_rows(self, source: int) -> list[int]:
        size, first = self.sizes[source], self.used[source]
        last = min(size, first + self.sub_batch) if self.once else first + self.sub_batch
        self.used[source] = last
        return [int(self._shuffle_rows(source, index // size)[index % size]) for index in range(first, last)]

    def _shuffle_rows(self, source: int, round_number: int) -> NDArray[np.int64]:
        """Rows of a source in the order of one pass."""
        if (source, round_number) not in self._orders:
            self._orders = {
                key: order for key, order in self._orders.items() if key[0] != source or key[1] >= round_number - 1
            }
            chance = np.random.default_rng((self.seed, source, round_number))
            self._orders[source, round_number] = chance.permutation(self.sizes[source])
        return self._orders[source, round_number]
