"""Vectors -> scores -> ranks -> hit@k and MRR. The tie rule is stated once, in `gold_ranks`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_QUERIES = 64
BLOCK_CELLS = 16_384
"""Queries, and queries times candidates, that are scored at once: bounds the memory whatever the task's shape."""


def case_scores(
    vectors: NDArray[np.float32], queries: Sequence[int], candidates: Sequence[Sequence[int]]
) -> NDArray[np.float32]:
    """Cosine similarity of each query to its own candidates.

    Candidates with one vector get one score, to the last bit, wherever they stand: it is computed once. (A matrix
    product may round equal columns differently, and then a tie would not look like one.)

    Args:
        vectors: (N, D) rows of length 1.
        queries: (Q,) rows of ``vectors``.
        candidates: Q lists of rows of ``vectors``, at least one each.

    Returns:
        (Q, C) scores, C the longest list; a padded cell is -inf.
    """
    vectors, same = _distinct(vectors)
    width = max(len(rows) for rows in candidates)
    padded = np.full((len(candidates), width), -1, dtype=np.intp)
    for row, own in enumerate(candidates):
        padded[row, : len(own)] = same[np.asarray(own)]
    asked = same[np.asarray(queries)]
    scores = np.full(padded.shape, -np.inf, dtype=np.float32)
    step = max(1, min(BLOCK_QUERIES, BLOCK_CELLS // width))
    place = np.zeros(
        len(vectors) + 1, dtype=np.intp
    )  # column of each vector in a block's product; the last for padding
    union, own_vectors = np.empty(0, dtype=np.intp), vectors[:0]
    for start in range(0, len(padded), step):
        block = slice(start, start + step)
        place.fill(0)
        place[padded[block]] = 1
        block_union = np.flatnonzero(place[:-1])
        if not np.array_equal(block_union, union):  # most tasks rank one list again and again
            union, own_vectors = block_union, vectors[block_union]
        place[union] = np.arange(len(union))
        product = vectors[asked[block]] @ own_vectors.T  # (block, union)
        np.copyto(scores[block], np.take_along_axis(product, place[padded[block]], axis=1), where=padded[block] >= 0)
    return scores


def gold_ranks(scores: NDArray[np.float32], gold: ArrayLike) -> NDArray[np.intp]:
    """Rank of each gold candidate, 1 = best; a tie counts against the model.

    Args:
        scores: (Q, C) cosine similarities; a padded cell is -inf.
        gold: (Q,) column of the right candidate.

    Returns:
        (Q,) ranks in 1..C.

    Raises:
        ValueError: a score is NaN; the message names the first such query.

    Source: MMEB protocol, arXiv 2410.05160 (hit@1 over each query's own candidates).

    >>> gold_ranks(np.float32([[.9, .1, .9]]), np.array([0]))
    array([2])
    """
    if (wrong := np.isnan(scores).any(axis=1)).any():
        raise ValueError(f"query {int(np.argmax(wrong))}: a score is NaN; ranks of it would mean nothing.")
    best = np.take_along_axis(scores, _column(gold), axis=1)
    ranks: NDArray[np.intp] = np.count_nonzero(scores >= best, axis=1)
    return ranks


def ties(scores: NDArray[np.float32], gold: ArrayLike) -> int:
    """How many queries have a wrong candidate that scores exactly as the right one."""
    best = np.take_along_axis(scores, _column(gold), axis=1)
    return int(np.count_nonzero(np.count_nonzero(scores == best, axis=1) > 1))


def top_candidates(scores: NDArray[np.float32], gold: ArrayLike, ranks: NDArray[np.intp]) -> NDArray[np.intp]:
    """(Q,) column of the best candidate; among equals a wrong one, as the tie rule has it."""
    rivals = scores.copy()
    np.put_along_axis(rivals, _column(gold), -np.inf, axis=1)
    return np.where(ranks == 1, gold, np.argmax(rivals, axis=1))


def hit_at(ranks: NDArray[np.intp], k: int) -> float:
    """Share of queries whose right candidate is among the best ``k``.

    >>> hit_at(np.array([1, 6, 2, 1]), 1)
    0.5
    """
    return float(np.mean(ranks <= k))


def mrr(ranks: NDArray[np.intp]) -> float:
    """Mean of 1 / rank over queries.

    >>> mrr(np.array([1, 2, 4]))
    0.5833333333333334
    """
    return float(np.mean(1 / ranks))


def _column(gold: ArrayLike) -> NDArray[np.intp]:
    """(Q, 1) index for take_along_axis."""
    return np.asarray(gold, dtype=np.intp)[:, None]


def _distinct(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The distinct rows, and for each row of ``vectors`` the index of its equal among them."""
    first: dict[bytes, int] = {}
    digests = (hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest() for row in vectors)
    same = np.fromiter((first.setdefault(digest, len(first)) for digest in digests), dtype=np.intp)
    if len(first) == len(vectors):
        return vectors, same
    keep = np.unique(same, return_index=True)[1]
    return vectors[keep], same
