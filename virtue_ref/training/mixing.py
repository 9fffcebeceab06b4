"""The order in which rows of several sources are drawn: sources by weight; rows at random, each once in a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pick: TypeAlias = tuple[int, int]
"""(index of the source, index of the row in that source)."""


@dataclass
class Mixer:
    """Draws batches of rows; its state is a few numbers, which a checkpoint stores.

    A batch consists of sub-batches. Each sub-batch comes from one source, so that many negatives of a query are of the
    query's kind. Sources are drawn in proportion to their weights, spread as evenly as possible. When all rows of a
    source are used, they are shuffled again.

    Args:
        sizes: number of rows of each source, unusable rows included. So a row that is mended changes no other's turn.
        weights: relative frequency of each source.
        batch: number of rows in a batch.
        sub_batch: number of rows in a sub-batch; `batch` is a multiple of it.
        seed: seed of the order of rows.
        once: whether to stop when every row of every source was drawn once; the last sub-batch of a source, and the
            last batch, may then be smaller.
        skipped: for each source, the set of rows that are never drawn: the next row takes the turn of each. `skip_row`
            adds to these sets. () skips none.

    Attributes:
        used: for each source, number of rows that were drawn or passed over so far, in all passes.
    """

    sizes: Sequence[int]
    weights: Sequence[float]
    batch: int
    sub_batch: int
    seed: int
    once: bool = False
    skipped: Sequence[set[int]] = ()

    def __post_init__(self) -> None:
        self.skipped = self.skipped or [set() for _ in self.sizes]
        self.used = [0] * len(self.sizes)
        self._credit = [0.0] * len(self.sizes)
        self._orders: dict[tuple[int, int], NDArray[np.int64]] = {}

    def next_batch(self) -> list[Pick]:
        """Draw the next batch; it is empty if `once` is set and all rows were drawn.

        Raises:
            ValueError: every row of a source is to be skipped.
        """
        picks: list[Pick] = []
        while len(picks) + self.sub_batch <= self.batch and (source := self._next_source()) is not None:
            picks += [(source, row) for row in self._take_rows(source)]
        return picks

    def skip_row(self, source: int, row: int) -> int:
        """Never draw this row again; return the number of rows of its source that are not skipped."""
        self.skipped[source].add(row)
        return self.sizes[source] - len(self.skipped[source])

    def get_state(self) -> dict[str, Any]:
        """Return the state for `restore_state`, which JSON can hold; skipped rows are not in it."""
        return {"used": list(self.used), "credit": list(self._credit), "weights": list(self.weights)}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on from the state of a mixer with the same sizes, batch, sub_batch, seed and once; its weights count."""
        self.used, self._credit = list(state["used"]), list(state["credit"])
        self.weights = list(state.get("weights", self.weights))  # 0.2.0 stored none

    def list_used(self, source: int) -> NDArray[np.int64]:
        """Return the (n,) int64 rows of a source that were drawn or passed over so far, each once."""
        return self._shuffle_rows(source, 0)[: self.used[source]]

    def _next_source(self) -> int | None:
        """The source that was drawn least in proportion to its weight; None if all are used up."""
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
        size, rows = self.sizes[source], list[int]()
        if len(self.skipped[source]) == size:
            raise ValueError("every row of a source is to be skipped.")
        while len(rows) < self.sub_batch and not (self.once and self.used[source] == size):
            index = self.used[source]
            self.used[source] += 1
            row = int(self._shuffle_rows(source, index // size)[index % size])
            if row not in self.skipped[source]:
                rows.append(row)
        return rows

    def _shuffle_rows(self, source: int, round_number: int) -> NDArray[np.int64]:
        """Row numbers of a source in the shuffled order of one pass."""
        if (source, round_number) not in self._orders:
            self._orders = {
                key: order for key, order in self._orders.items() if key[0] != source or key[1] >= round_number - 1
            }
            chance = np.random.default_rng((self.seed, source, round_number))
            self._orders[source, round_number] = chance.permutation(self.sizes[source])
        return self._orders[source, round_number]
