"""The exact search against sorting all inner products, for every size of block; the graph against the exact search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scar.errors import VirtueError
from virtue_ref.search import graph, nearest
from virtue_ref.search.nearest import find_nearest


def make_unit_rows(count: int, dim: int, seed: int, dtype: str) -> NDArray[np.floating]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    unit: NDArray[np.floating] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)
    return unit


def sort_all(vectors: NDArray[np.floating], query: NDArray[np.float32], top: int) -> list[int]:
    scores = np.array([np.einsum("d,d->", row.astype(np.float64), query.astype(np.float64)) for row in vectors])
    return list(np.lexsort((np.arange(len(scores)), -scores))[:top])


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 60),
    dim=st.integers(1, 9),
    top=st.integers(1, 70),
    block=st.integers(1, 80),
    copies=st.integers(1, 5),
    seed=st.integers(0, 9),
    dtype=st.sampled_from(("float16", "float32")),
)
def test_it_finds_what_sorting_finds(
    count: int, dim: int, top: int, block: int, copies: int, seed: int, dtype: str
) -> None:
    vectors = np.repeat(make_unit_rows(count, dim, seed, dtype), copies, axis=0)  # ties too
    query = make_unit_rows(1, dim, seed + 1, "float32")[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "BLOCK_BYTES", 4 * dim * block)
        found = find_nearest(vectors, query, top)
    assert [row for row, _ in found] == sort_all(vectors, query, top)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_only_one_block_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    rows = np.memmap(tmp_path / "rows", np.float16, "w+", shape=(20_000, 64))
    rows[:] = make_unit_rows(20_000, 64, 0, "float16")
    monkeypatch.setattr(nearest, "BLOCK_BYTES", 1 << 16)
    tracemalloc.start()
    find_nearest(rows, make_unit_rows(1, 64, 1, "float32")[0], 10)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_the_graph_finds_what_exact_search_finds(tmp_path: Path) -> None:
    pytest.importorskip("usearch")
    vectors = make_unit_rows(3000, 16, 0, "float16")
    graph.build_graph(vectors, tmp_path / "g")
    graph.build_graph(vectors, tmp_path / "again")
    assert (tmp_path / "g").read_bytes() == (tmp_path / "again").read_bytes()
    queries = make_unit_rows(20, 16, 1, "float32")
    pairs = [(graph.search_graph(tmp_path / "g", vectors, q, 10), find_nearest(vectors, q, 10)) for q in queries]
    shared = sum(len({*found} & {*exact}) for found, exact in pairs)
    assert shared >= 190, "recall of 0.95 among random vectors"
    with pytest.raises(VirtueError, match="of other vectors"):
        graph.search_graph(tmp_path / "g", vectors[:-1], queries[0], 10)
    (tmp_path / "g").write_bytes(b"no graph")
    with pytest.raises(VirtueError, match="exact search"):
        graph.search_graph(tmp_path / "g", vectors, queries[0], 10)
