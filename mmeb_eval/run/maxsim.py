"""Late interaction: the score of a query and a document is the sum of the best match of each vector of the query.

Source: ColBERT, arXiv 2004.12832, section 3.3; ColPali, arXiv 2407.01449.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.multi_vectors import MultiVectors

BLOCK_ROWS = 2048
"""Number of vectors on each side of one matrix product: its result stays in the processor's cache until it is reduced.

With 300 x 300 items of 128 vectors of 128 numbers, 2048 took 1.2 times as long as the bare product, and 512 twice.
"""


def compute_maxsim(
    vectors: MultiVectors, queries: Sequence[int] | NDArray[np.intp], documents: Sequence[int] | NDArray[np.intp]
) -> NDArray[np.float32]:
    """(Q, C) scores of queries and documents, in float32.

    Args:
        vectors: the vectors of all items.
        queries: (Q,) index in ``vectors`` of each query.
        documents: (C,) index in ``vectors`` of each document.

    >>> from mmeb_eval.multi_vectors import gather_vectors
    >>> one, other = np.float16([[1, 0], [0, 1]]), np.float16([[1, 0]])
    >>> compute_maxsim(gather_vectors([one, other]), [0], [0, 1]).tolist()
    [[2.0, 1.0]]
    """
    scores = np.empty((len(queries), len(documents)), dtype=np.float32)
    product = np.empty(BLOCK_ROWS * BLOCK_ROWS, dtype=np.float32)
    query_blocks = _split_by_rows(vectors, queries)
    for first_document, last_document in _split_by_rows(vectors, documents):
        rows, starts = _stack_rows(vectors, documents[first_document:last_document])
        for first, last in query_blocks:
            columns, query_starts = _stack_rows(vectors, queries[first:last])
            best = np.empty((last_document - first_document, len(columns)), dtype=np.float32)
            cells = len(rows) * len(columns)
            out = product[:cells] if cells <= product.size else np.empty(cells, dtype=np.float32)
            similarities = np.matmul(rows, columns.T, out=out.reshape(len(rows), len(columns)))
            for row, (start, end) in enumerate(itertools.pairwise(starts)):
                similarities[start:end].max(axis=0, out=best[row])
            scores[first:last, first_document:last_document] = np.add.reduceat(best, query_starts[:-1], axis=1).T
    return scores


def _split_by_rows(vectors: MultiVectors, items: Sequence[int] | NDArray[np.intp]) -> list[tuple[int, int]]:
    """(first, behind the last) of blocks of items that have at most `BLOCK_ROWS` vectors; a larger item is alone."""
    blocks, first, rows = [], 0, 0
    for at, item in enumerate(items):
        own = int(vectors.starts[item + 1] - vectors.starts[item])
        if at > first and rows + own > BLOCK_ROWS:
            blocks.append((first, at))
            first, rows = at, 0
        rows += own
    return [*blocks, (first, len(items))]


def _stack_rows(
    vectors: MultiVectors, items: Sequence[int] | NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """(R, D) vectors of some items in float32, and (N + 1,) where each item begins."""
    arrays = [vectors[int(item)] for item in items]
    starts = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.intp)
    return np.concatenate(arrays).astype(np.float32), starts
