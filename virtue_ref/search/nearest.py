"""Exact search: the vectors with the largest inner products, found in blocks of a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from virtue_ref.search.files import iter_blocks

BLOCK_BYTES = 1 << 26
"""Size of a block of vectors in float32: larger ones are no faster and leave the processor's caches sooner."""

ROUNDING = 1e-5
"""More than the error of a float32 inner product of unit vectors of some thousand dimensions."""


def find_nearest(vectors: NDArray[Any], query: NDArray[np.float32], top: int) -> list[tuple[int, float]]:
    """Find the rows with the largest inner products with a query.

    Candidates are found in float32, and ordered by their inner product in float64, then by row: the result depends
    neither on the block size nor on the number of threads.

    Args:
        vectors: (N, D) unit rows in float16 or float32; a file mapped into memory will do. One block of float32 is in
            memory at a time.
        query: (D,) unit vector.
        top: number of rows to find; all if there are fewer.

    Returns:
        (row, inner product) pairs, the largest inner product first.
    """
    count, dim = vectors.shape
    wanted = torch.from_numpy(np.array(query, np.float32))
    rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    for block in iter_blocks(count, max(1, BLOCK_BYTES // (4 * dim))):
        found = (_to_tensor(vectors[block]) @ wanted).numpy()
        least = _find_least(scores, top)
        if len(scores) < top:
            least = max(least, _find_least(found, top))
        (near,) = np.nonzero(found >= least)
        rows, scores = np.concatenate([rows, near + block.start]), np.concatenate([scores, found[near]])
        kept = scores >= _find_least(scores, top)
        rows, scores = rows[kept], scores[kept]
    return _order_exactly(vectors, query, rows, top)


def _find_least(scores: NDArray[np.float32], top: int) -> float:
    """A score that every row among the `top` largest has at least, rounding included."""
    if len(scores) <= top:
        return -np.inf
    return float(np.partition(scores, -top)[-top]) - ROUNDING


def _order_exactly(
    vectors: NDArray[Any], query: NDArray[np.float32], rows: NDArray[np.int64], top: int
) -> list[tuple[int, float]]:
    exact = np.empty(len(rows))
    for block in iter_blocks(len(rows), max(1, BLOCK_BYTES // (8 * vectors.shape[1]))):
        # einsum sums a row in the same order wherever it stands; a matrix product does not
        exact[block] = np.einsum("rd,d->r", vectors[rows[block]].astype(np.float64), query.astype(np.float64))
    order = np.lexsort((rows, -exact))[:top]
    return [(int(rows[index]), float(exact[index])) for index in order]


def _to_tensor(block: NDArray[Any]) -> torch.Tensor:
    """The rows as float32; they are only read, so the warning about read-only arrays does not apply."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(block).float()
