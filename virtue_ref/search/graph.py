"""Approximate search among very many vectors: a graph of neighbours (HNSW) by usearch, the extra "search"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scar.common.files import replace_file
from scar.errors import ConfigError, VirtueError
from virtue_ref.search.files import iter_blocks

GRAPH_FILE = "graph.usearch"
CANDIDATES = 4
"""Candidates that the graph proposes for each hit; their inner products are computed exactly."""

LEAST_CANDIDATES = 100
BLOCK_ROWS = 16_384


def build_graph(vectors: NDArray[Any], file: Path) -> None:
    """Build the graph of (N, D) vectors and write it to a file.

    One thread builds it: with several, the same vectors would give other graphs.

    Raises:
        ConfigError: usearch is not installed.
    """
    graph = _import_usearch().Index(ndim=vectors.shape[1], metric="ip", dtype="f16")
    for block in iter_blocks(len(vectors), BLOCK_ROWS):
        rows = np.arange(block.start, block.stop, dtype=np.uint64)
        graph.add(rows, np.asarray(vectors[block], np.float32), threads=1)
    with replace_file(file) as unfinished:
        graph.save(str(unfinished))


def search_graph(file: Path, vectors: NDArray[Any], query: NDArray[np.float32], top: int) -> list[tuple[int, float]]:
    """Find rows with large inner products with a query, as `virtue_ref.search.nearest.find_nearest` does, but not all.

    Raises:
        ConfigError: usearch is not installed.
        VirtueError: the file is damaged or of other vectors.
    """
    module = _import_usearch()
    try:
        graph = module.Index.restore(str(file), view=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise VirtueError(f"{file}: damaged ({error}); remove it for exact search, or index again.") from error
    if graph is None or (len(graph), graph.ndim) != vectors.shape:
        raise VirtueError(f"{file}: of other vectors or damaged; remove it for exact search, or index again.")
    wanted = min(len(vectors), max(LEAST_CANDIDATES, CANDIDATES * top))
    rows = np.sort(graph.search(query, wanted, threads=1).keys.astype(np.int64))
    exact = np.einsum("rd,d->r", vectors[rows].astype(np.float64), query.astype(np.float64))
    order = np.lexsort((rows, -exact))[:top]
    return [(int(rows[index]), float(exact[index])) for index in order]


def _import_usearch() -> Any:
    try:
        from usearch import index
    except ImportError as error:
        raise ConfigError("a graph of neighbours needs usearch: pip install 'scar-virtue[search]'.") from error
    return index
