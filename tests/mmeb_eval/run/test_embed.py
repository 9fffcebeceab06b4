"""Items become vectors in batches that depend on nothing but the items."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.adapters.baselines import Random
from mmeb_eval.item import Item
from mmeb_eval.run.embed import VectorsInMemory, embed_items
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker
from scar.errors import ContractError

ITEMS = [Item(text=f"text {number}") for number in range(25)]


class Neighbours:
    """A model whose vectors depend on the batch."""

    name = "neighbours"

    def __init__(self) -> None:
        self.batches: list[list[Item]] = []

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.batches.append(list(items))
        rows = np.array([[len(items), hash(items[0]) % 97, len(item.text)] for item in items], dtype=np.float32)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def test_batches_keep_the_order_of_the_items() -> None:
    embedder = Neighbours()
    vectors: Any = embed_items(embedder, ITEMS, 10, "Task", VectorsInMemory(), Worker())
    assert [item for batch in embedder.batches for item in batch] == ITEMS
    assert [len(batch) for batch in embedder.batches] == [10, 10, 5]
    assert vectors.shape == (25, 3)


def test_vectors_in_memory_are_made_once_and_are_copies() -> None:
    class Reuses(Random):
        """Returns the same array from each call."""

        calls = 0
        array: NDArray[np.float32] | None = None

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            self.calls += 1
            vectors = super().embed(items)
            self.array = vectors if self.array is None else self.array
            self.array[: len(vectors)] = vectors
            return self.array[: len(vectors)]

    embedder, store = Reuses(), VectorsInMemory()
    vectors: Any = embed_items(embedder, ITEMS, 5, "Task", store, Worker())
    assert np.array_equal(vectors, Random().embed(ITEMS))
    backwards: Any = embed_items(embedder, ITEMS[::-1], 5, "Task", store, Worker())
    assert np.array_equal(backwards, vectors[::-1])
    assert embedder.calls == 5


def test_a_width_that_changes_is_named() -> None:
    class Growing:
        name = "growing"
        calls = 0

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            self.calls += 1
            return np.eye(len(items), 30 + self.calls, dtype=np.float32)

    with pytest.raises(ContractError, match=r"growing: vectors have 31 numbers before and 32 in this batch"):
        embed_items(Growing(), ITEMS, 20, "Task", VectorsInMemory(), Worker())


def test_workers_share_a_folder_and_make_the_batches_that_one_alone_makes(tmp_path: Path) -> None:
    alone: Any = embed_items(Neighbours(), ITEMS, 4, "Task", VectorsInMemory(), Worker())
    for size in (1, 2, 3):
        embedders = [Neighbours() for _ in range(size)]

        def work(rank: int, embedders: list[Neighbours] = embedders, size: int = size) -> Any:
            cache = VectorCache(tmp_path / str(size), embedders[rank], writer=str(rank))
            return embed_items(embedders[rank], ITEMS, 4, "Task", cache, Worker(rank, size))

        with ThreadPoolExecutor(size) as pool:
            for vectors in pool.map(work, range(size)):
                assert np.array_equal(vectors, alone)
        made = [item for embedder in embedders for batch in embedder.batches for item in batch]
        assert set(made) == set(ITEMS)
        # A later worker may check four items, each alone and in its batch.
        assert len(made) <= len(ITEMS) + (size - 1) * 4 * (1 + 4)
        assert all(embedder.batches for embedder in embedders)
