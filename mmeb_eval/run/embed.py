"""Embeds items batch by batch: the vectors of each batch are checked and stored before the next batch begins."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from mmeb_eval.data.images import prefetch_images
from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from mmeb_eval.multi_vectors import MultiVectors, Vectors, gather_vectors, get_width
from mmeb_eval.run.cost import EmbedClock
from mmeb_eval.run.memory import BatchCaller
from mmeb_eval.run.progress import RunProgress, count_items
from mmeb_eval.run.stored_check import check_stored_vectors
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker, wait_for_workers
from scar.errors import ContractError

Key = TypeVar("Key", bound=Hashable)


class VectorStore(Protocol[Key]):
    """A store of vectors by key, such as `VectorsInMemory` or `mmeb_eval.run.vector_cache.VectorCache`."""

    @property
    def width(self) -> int | None:
        """Number of components of a vector; None while the store is empty."""
        ...

    @property
    def worker_folder(self) -> Path | None:
        """Folder in which workers that share the store leave heartbeats; None if the store cannot be shared."""
        ...

    def make_keys(self, items: Sequence[Item]) -> list[Key]:
        """A key for each item; items that share a vector have the same key."""
        ...

    def select_missing(self, keys: Sequence[Key]) -> list[Key]:
        """Those of the keys that have no vector in the store, in the order given."""
        ...

    def add_vectors(self, keys: Sequence[Key], vectors: Vectors) -> None:
        """Store the vectors of a batch: (len(keys), D), a row for each key; or several rows for each."""
        ...

    def get_vectors(self, keys: Sequence[Key]) -> Vectors:
        """(len(keys), D) stored vectors, or several rows for each key; every key must have some."""
        ...

    def reload(self) -> None:
        """Find the vectors that other workers have stored."""
        ...


class VectorsInMemory:
    """A store that lives as long as the process; an item is its own key."""

    worker_folder = None

    def __init__(self) -> None:
        self.width: int | None = None
        self._batches: list[Vectors] = []
        self._positions: dict[Item, tuple[int, int]] = {}

    def make_keys(self, items: Sequence[Item]) -> list[Item]:
        """The items themselves."""
        return list(items)

    def select_missing(self, keys: Sequence[Item]) -> list[Item]:
        """Those of the items that have no vector, in the order given."""
        return [item for item in keys if item not in self._positions]

    def add_vectors(self, keys: Sequence[Item], vectors: Vectors) -> None:
        """Store a copy of the vectors: an embedder may reuse its array."""
        self.width = get_width(vectors)
        self._positions.update((item, (len(self._batches), row)) for row, item in enumerate(keys))
        self._batches.append(vectors.copy())

    def get_vectors(self, keys: Sequence[Item]) -> Vectors:
        """(len(keys), D) stored vectors, or several rows for each item; every key must have some."""
        if self._batches and isinstance(self._batches[0], MultiVectors):
            return gather_vectors([self._batches[batch][row] for batch, row in map(self._positions.__getitem__, keys)])
        vectors = np.empty((len(keys), self.width or 0), dtype=np.float32)
        for index, item in enumerate(keys):
            batch, row = self._positions[item]
            vectors[index] = self._batches[batch][row]
        return vectors

    def reload(self) -> None:
        """Do nothing: no other process adds vectors."""


def embed_items(
    embedder: Embedder,
    items: Sequence[Item],
    batch_size: int,
    title: str,
    store: VectorStore[Any],
    worker: Worker,
    check_others: Callable[[], None] = lambda: None,
    *,
    progress: RunProgress | None = None,
    clock: EmbedClock | None = None,
    caller: BatchCaller | None = None,
) -> Vectors:
    """Embed items and return their vectors, as `VectorStore.get_vectors` does; only those that it lacks are made.

    Which items form a batch depends on ``items`` and ``batch_size`` alone, not on the number of workers: with some
    models, the last digits of a vector depend on the other items of its batch. Items that are stored already are left
    out of their batch.

    While the model is busy, threads open the next images, which it gets by `mmeb_eval.data.images.open_rgb`.

    Args:
        embedder: makes the vectors.
        items: distinct items in the order in which they are embedded; see `mmeb_eval.run.evaluate.order_items`.
        batch_size: largest number of items in one call of `Embedder.embed`.
        title: title of the progress.
        store: holds the vectors.
        worker: this process; of several workers, each embeds every ``size``-th batch and waits for the others.
        check_others: called before each batch and while this worker waits; what it raises ends the embedding.
        progress: shows how far the embedding is; None shows nothing.
        clock: counts what is embedded, and the seconds; None counts it for the progress alone.
        caller: calls the embedder; one for several tasks keeps the batch size that fits. None makes one.

    Raises:
        ContractError: vectors break the contract, or their width changes from batch to batch.
        DataError: an item cannot be embedded, an image cannot be read, or stored vectors are not those of this
            embedder, see `mmeb_eval.run.stored_check`.
        EvalError: the store cannot be written, or another worker ends before its share is done.
    """
    keys = store.make_keys(items)
    item_of: dict[Any, Item] = {}
    for key, item in zip(keys, items, strict=True):
        item_of.setdefault(key, item)
    distinct = list(item_of)
    if isinstance(store, VectorCache):
        check_stored_vectors(embedder, item_of, store)
    batches = [distinct[start : start + batch_size] for start in range(0, len(distinct), batch_size)]
    missing = [part for batch in batches[worker.rank :: worker.size] if (part := store.select_missing(batch))]
    to_embed = [[item_of[key] for key in part] for part in missing]
    images = [item.image for batch in to_embed for item in batch if item.image is not None]
    progress = progress or RunProgress(embedder.name, shown=False)
    caller = caller or BatchCaller(embedder)
    clock = clock or EmbedClock()
    workload = count_items([item for batch in to_embed for item in batch])  # neither stored nor left to other workers
    with progress.watch(title, len(distinct), workload, clock) as show, prefetch_images(images):
        for part, batch in zip(missing, to_embed, strict=True):
            check_others()
            vectors = caller.embed(batch, clock.add_call)
            if store.width not in (None, width := get_width(vectors)):
                widths = f"{store.width} numbers before and {width}"
                raise ContractError(
                    f"{embedder.name}: vectors have {widths} in this batch; their width must not change.",
                    batch[0],
                )
            store.add_vectors(part, vectors)
            show()
    if store.worker_folder is not None and worker.size > 1:

        def find_pending() -> set[int]:
            pending = _find_pending(store, batches, worker.size)
            if pending:
                check_others()
            return pending

        wait_for_workers(store.worker_folder, worker.size, find_pending)
    return store.get_vectors(keys)


def _find_pending(store: VectorStore[Key], batches: Sequence[Sequence[Key]], size: int) -> set[int]:
    """Ranks of the workers whose batches are not all stored."""
    store.reload()
    pending = {number % size for number, batch in enumerate(batches) if store.select_missing(batch)}
    if pending and isinstance(store, VectorCache):
        store.refuse_other_models(size)
    return pending
