"""Items -> vectors, batch by batch: each batch is checked as it comes and stored before the next begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmeb_eval.embedder import Embedder, Item, checked
from mmeb_eval.errors import ContractError
from mmeb_eval.workers import Worker

POLL_S = 0.05
"""How often a worker looks whether the others are done."""


class Store(Protocol):
    """Where vectors are kept: `Memory`, or `mmeb_eval.cache.VectorCache`."""

    @property
    def width(self) -> int | None:
        """Numbers in a vector; None while there is none."""
        ...

    def distinct(self, items: Iterable[Item]) -> list[Item]:
        """Those that need a vector of their own."""
        ...

    def missing(self, items: Iterable[Item]) -> list[Item]:
        """Those of distinct items that have none yet."""
        ...

    def put(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> None:
        """Keep a batch."""
        ...

    def take(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) vectors of items that were put."""
        ...

    def reload(self) -> None:
        """See what other workers have put."""
        ...


class Memory:
    """Vectors that are gone with the process."""

    def __init__(self) -> None:
        self.width: int | None = None
        self._batches: list[NDArray[np.float32]] = []
        self._place: dict[Item, tuple[int, int]] = {}

    def distinct(self, items: Iterable[Item]) -> list[Item]:
        return list(dict.fromkeys(items))

    def missing(self, items: Iterable[Item]) -> list[Item]:
        return [item for item in items if item not in self._place]

    def put(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> None:
        self.width = vectors.shape[1]
        self._place.update((item, (len(self._batches), row)) for row, item in enumerate(items))
        self._batches.append(vectors.copy())  # an embedder may use its array again

    def take(self, items: Sequence[Item]) -> NDArray[np.float32]:
        vectors = np.empty((len(items), self.width or 0), dtype=np.float32)
        for index, item in enumerate(items):
            batch, row = self._place[item]
            vectors[index] = self._batches[batch][row]
        return vectors

    def reload(self) -> None:
        """Nobody else puts anything here."""


def embed_items(
    embedder: Embedder, items: Sequence[Item], batch_size: int, bar: str | None, store: Store, worker: Worker
) -> NDArray[np.float32]:
    """(len(items), D) vectors; those that are stored are not made again.

    Which items make up a batch depends on the items alone, not on how many workers share them or where a run that was
    killed has come to: vectors of some models differ in the last digits with the neighbours they had.

    Args:
        embedder: what makes them.
        items: in the order of the rows.
        batch_size: most items at once.
        bar: what to write beside a progress bar; None draws none.
        store: where they are kept.
        worker: this process; each of several makes every ``size``-th batch and waits for the others.

    Raises:
        ContractError: vectors that break the contract, or whose width changes from batch to batch.
        EvalError: the store cannot be written.
    """
    apart = store.distinct(items)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=bar is None) as shown:
        running = shown.add_task(f"{embedder.name}: {bar}", total=len(apart))
        for number, start in enumerate(range(0, len(apart), batch_size)):
            batch = apart[start : start + batch_size]
            if number % worker.size == worker.rank and (todo := store.missing(batch)):
                made = checked(embedder.embed(todo), todo, embedder.name)
                if store.width not in (None, made.shape[1]):
                    before = f"{store.width} numbers before and {made.shape[1]}"
                    raise ContractError(
                        f"{embedder.name}: vectors have {before} in this batch; their width must not change."
                    )
                store.put(todo, made)
            shown.advance(running, len(batch))
    while worker.size > 1 and store.missing(apart):
        time.sleep(POLL_S)
        store.reload()
    return store.take(items)
