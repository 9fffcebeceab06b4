"""Items -> vectors, batch by batch: each batch is checked as it comes and stored before the next begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmeb_eval.data.images import prefetch_images
from mmeb_eval.embedder import Embedder, check_vectors
from mmeb_eval.item import Item
from mmeb_eval.run.workers import Worker, wait_for_workers
from scar.errors import ContractError


class VectorStore(Protocol):
    """Where vectors are kept: `Memory`, or `mmeb_eval.run.vector_cache.VectorCache`."""

    @property
    def width(self) -> int | None:
        """Numbers in a vector; None while there is none."""
        ...

    @property
    def worker_folder(self) -> Path | None:
        """Where workers that share it meet; None if none can."""
        ...

    def select_distinct(self, items: Iterable[Item]) -> list[Item]:
        """Those that need a vector of their own."""
        ...

    def select_missing(self, items: Iterable[Item]) -> list[Item]:
        """Those of distinct items that have none yet."""
        ...

    def add_vectors(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> None:
        """Keep a batch."""
        ...

    def get_vectors(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) vectors of items that were put."""
        ...

    def reload(self) -> None:
        """See what other workers have put."""
        ...


class VectorsInMemory:
    """Vectors that are gone with the process."""

    worker_folder = None

    def __init__(self) -> None:
        self.width: int | None = None
        self._batches: list[NDArray[np.float32]] = []
        self._positions: dict[Item, tuple[int, int]] = {}

    def select_distinct(self, items: Iterable[Item]) -> list[Item]:
        return list(dict.fromkeys(items))

    def select_missing(self, items: Iterable[Item]) -> list[Item]:
        return [item for item in items if item not in self._positions]

    def add_vectors(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> None:
        self.width = vectors.shape[1]
        self._positions.update((item, (len(self._batches), row)) for row, item in enumerate(items))
        self._batches.append(vectors.copy())  # an embedder may use its array again

    def get_vectors(self, items: Sequence[Item]) -> NDArray[np.float32]:
        vectors = np.empty((len(items), self.width or 0), dtype=np.float32)
        for index, item in enumerate(items):
            batch, row = self._positions[item]
            vectors[index] = self._batches[batch][row]
        return vectors

    def reload(self) -> None:
        """Nobody else puts anything here."""


def embed_items(
    embedder: Embedder, items: Sequence[Item], batch_size: int, title: str | None, store: VectorStore, worker: Worker
) -> NDArray[np.float32]:
    """(len(items), D) vectors; those that are stored are not made again.

    Which items make up a batch depends on the items alone, not on how many workers share them or where a run that was
    killed has come to: vectors of some models differ in the last digits with the neighbours they had.

    Images that `mmeb_eval.data.images.open_rgb` will be asked for are opened by threads while the model is busy.

    Args:
        embedder: what makes them.
        items: in the order of the rows.
        batch_size: most items at once.
        title: what to write beside a progress bar; None draws none.
        store: where they are kept.
        worker: this process; each of several makes every ``size``-th batch and waits for the others.

    Raises:
        ContractError: vectors that break the contract, or whose width changes from batch to batch.
        EvalError: the store cannot be written, or another worker ends before its share is done.
    """
    apart = store.select_distinct(items)
    batches = [apart[start : start + batch_size] for start in range(0, len(apart), batch_size)]
    waiting = [todo for batch in batches[worker.rank :: worker.size] if (todo := store.select_missing(batch))]
    images = [item.image for todo in waiting for item in todo if item.image is not None]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=title is None) as shown, prefetch_images(images):
        there = len(apart) - sum(map(len, waiting))  # or the share of others
        running = shown.add_task(f"{embedder.name}: {title}", total=len(apart), completed=there)
        for todo in waiting:
            made = check_vectors(embedder.embed(todo), todo, embedder.name)
            if store.width not in (None, made.shape[1]):
                before = f"{store.width} numbers before and {made.shape[1]}"
                raise ContractError(
                    f"{embedder.name}: vectors have {before} in this batch; their width must not change."
                )
            store.add_vectors(todo, made)
            shown.advance(running, len(todo))
    if store.worker_folder is not None and worker.size > 1:
        wait_for_workers(store.worker_folder, worker.size, partial(_find_pending, store, batches, worker.size))
    return store.get_vectors(items)


def _find_pending(store: VectorStore, batches: Sequence[Sequence[Item]], size: int) -> set[int]:
    """Ranks of the workers whose batches are not all stored."""
    store.reload()
    return {number % size for number, batch in enumerate(batches) if store.select_missing(batch)}
