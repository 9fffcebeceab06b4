"""Ranks candidates by their scores with the query, from one vector an item or several; `rank_labels` breaks ties."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmeb_eval.multi_vectors import MultiVectors, Vectors
from mmeb_eval.run.maxsim import compute_maxsim
from mmeb_eval.run.metrics import compute_metrics
from scar.errors import UnknownName

TieRule: TypeAlias = Literal["against", "official"]
"""Rule for equal scores: ``against`` the model, or as in the ``official`` evaluator; see `rank_labels`."""

RowIndices: TypeAlias = Sequence[int] | NDArray[np.intp]

BLOCK_CELLS = 2**21
"""Number of scores that are computed at once; bounds the memory for tasks of any shape."""

BLOCK_CANDIDATES = 8192
"""Number of candidates in one matrix product; bounds the memory too."""

TOP_COUNT = 10
"""Number of best candidates that a `Result` lists for a query."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks of a task's queries.

    Attributes:
        metrics: metrics by name, see `mmeb_eval.run.metrics.compute_metrics`.
        ranks: (Q,) rank of each query's right candidate, 1 = best.
        top: (Q, `TOP_COUNT` or fewer) each query's best candidates, best first, as positions from 0 in its own list of
            candidates; -1 is padding.
        margins: (Q,) score of each query's right candidate minus that of the best wrong one; 0 if it has no wrong one.
        ties: number of queries with a wrong candidate whose score equals that of the right one.
    """

    metrics: dict[str, float]
    ranks: NDArray[np.intp]
    top: NDArray[np.intp]
    margins: NDArray[np.float32]
    ties: int


def parse_tie_rule(name: str) -> TieRule:
    """The rule for ties of that name, a value of ``--ties``.

    Raises:
        UnknownName: there is no such rule.
    """
    known: tuple[TieRule, ...] = get_args(TieRule)
    for rule in known:
        if name == rule:
            return rule
    raise UnknownName("rule for ties", name, known, "--ties is against or official.")


def rank_candidates(
    vectors: Vectors, queries: RowIndices, candidates: Sequence[RowIndices], rule: TieRule = "against"
) -> Ranking:
    """Rank each query's own candidates.

    Args:
        vectors: (N, D) rows of L2 norm 1, of which a score is the dot product; or several rows for each item, of which
            a score is that of late interaction, see `mmeb_eval.run.maxsim`.
        queries: (Q,) index in ``vectors`` of each query.
        candidates: for each query, the indices in ``vectors`` of its candidates, the right one first. A candidate that
            is listed twice is ranked twice, as in the official evaluator; if it is the right one, ``map`` and ``ndcg``
            can exceed 1.
        rule: the rule for equal scores.

    Raises:
        ValueError: a score is NaN and the rule is ``against``, or there is no query.
    """
    if isinstance(vectors, MultiVectors):
        score_blocks = _iter_maxsim_blocks(vectors, np.asarray(queries), candidates)
    else:
        score_blocks = _iter_score_blocks(vectors, np.asarray(queries), candidates)
    blocks = [_rank_block(table, scores, rule) for table, scores in score_blocks]
    ranks = _stack_blocks([block.ranks for block in blocks], 0)
    return Ranking(
        metrics=compute_metrics(ranks, labels=np.zeros_like(ranks), gains=np.ones((len(ranks), 1))),
        ranks=ranks[:, 0],
        top=_stack_blocks([block.top for block in blocks], -1),
        margins=np.concatenate([block.margins for block in blocks]),
        ties=sum(block.ties for block in blocks),
    )


def rank_labels(scores: NDArray[np.floating], labels: NDArray[np.intp], rule: TieRule = "against") -> NDArray[np.intp]:
    """Rank of each right candidate, 1 = best.

    ``against``: a wrong candidate ranks before a right one of the same score; right candidates of the same score keep
    the order of ``labels``. A model that gives one vector for everything never hits.

    ``official``: equal scores keep the order of the data, in which the right candidate is the first, as ``argsort`` of
    the official evaluator mostly does; its exceptions depend on the version of numpy and the processor. NaN ranks last.

    Args:
        scores: (Q, C) similarities; a padded cell is -inf.
        labels: (Q, L) columns of the right candidates; -1 is padding.
        rule: the rule for equal scores.

    Returns:
        (Q, L) ranks in 1..C; 0 where ``labels`` is padding.

    Raises:
        ValueError: a score is NaN and the rule is ``against``; the message names the first such query.

    Source: MMEB protocol, arXiv 2410.05160 (over each query's own candidates).

    >>> rank_labels(np.float32([[.9, .1, .9]]), np.array([[0]])).tolist()
    [[2]]
    """
    if rule == "official":
        order = np.argsort(-scores, axis=1, kind="stable")
        rank_of = np.empty_like(order)
        np.put_along_axis(rank_of, order, np.arange(1, scores.shape[1] + 1)[None], axis=1)
        return np.where(labels >= 0, np.take_along_axis(rank_of, labels, axis=1), 0)
    if (wrong := np.isnan(scores.max(axis=1))).any():
        raise ValueError(f"query {int(np.argmax(wrong))}: a score is NaN; ranks of it would mean nothing.")
    label_scores = np.where(labels >= 0, np.take_along_axis(scores, labels, axis=1), np.nan)  # NaN equals nothing
    ranks = np.empty_like(labels)
    for column in range(labels.shape[1]):
        label = label_scores[:, [column]]
        later = label_scores[:, column + 1 :]
        ranks[:, column] = _count_true(scores >= label) - _count_true(later == label)
    return ranks


def find_top_candidates(scores: NDArray[np.float32], gold: ArrayLike, ranks: NDArray[np.intp]) -> NDArray[np.intp]:
    """(Q, `TOP_COUNT` or fewer) columns of the best candidates, best first; -1 is padding.

    The right candidate stands at its rank, or is missing if its rank is too low; the wrong ones fill the other places.

    Args:
        scores: (Q, C) similarities without NaN; a padded cell is -inf.
        gold: (Q,) column of each query's right candidate.
        ranks: (Q,) rank of each right candidate, 1 = best.
    """
    rivals = scores.copy()
    np.put_along_axis(rivals, _as_column(gold), -np.inf, axis=1)
    wrong = _find_best_columns(rivals)
    positions = np.arange(wrong.shape[1])
    behind = positions >= ranks[:, None]  # wrong candidates behind the right one move down by one
    at_gold = positions == ranks[:, None] - 1
    return np.where(at_gold, _as_column(gold), np.take_along_axis(wrong, positions - behind, axis=1))


def _find_best_columns(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """(Q, `TOP_COUNT` or fewer) columns of the highest scores, best first, equal scores in their order; -1 is padding.

    Args:
        scores: (Q, C), without NaN; overwritten.
    """
    cells, starts = scores.reshape(-1), np.arange(len(scores)) * scores.shape[1]
    best = np.empty((len(scores), min(TOP_COUNT, scores.shape[1])), dtype=np.intp)
    for position in range(best.shape[1]):
        column = np.argmax(scores, axis=1)
        best[:, position] = np.where(np.isneginf(cells[starts + column]), -1, column)
        cells[starts + column] = -np.inf
    return best


def _compute_margins(
    scores: NDArray[np.float32], labels: NDArray[np.intp], top: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(Q,) score of the first right candidate minus that of the best wrong one; 0 if no candidate is wrong."""
    rows = np.arange(len(scores))
    first = (top[:, :2] == labels[:, :1]).argmin(axis=1)  # the best candidate that is not the first label
    best = np.where(top[rows, first] < 0, -np.inf, scores[rows, top[rows, first]])
    several = np.flatnonzero((labels[:, 1:] >= 0).any(axis=1))
    rivals = np.pad(scores[several], ((0, 0), (0, 1)), constant_values=-np.inf)  # the last column stands for label -1
    np.put_along_axis(rivals, labels[several], -np.inf, axis=1)
    best[several] = rivals.max(axis=1)
    margins: NDArray[np.float32] = scores[rows, labels[:, 0]] - best
    return np.where(np.isfinite(margins), margins, np.float32(0))


def _stack_blocks(blocks: Sequence[NDArray[np.intp]], padding: int) -> NDArray[np.intp]:
    """One array from blocks of rows; rows of narrower blocks end with ``padding``."""
    width = max(block.shape[1] for block in blocks)
    return np.concatenate(
        [np.pad(block, ((0, 0), (0, width - block.shape[1])), constant_values=padding) for block in blocks]
    )


def _count_true(cells: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(Q,) number of true cells in each row; `np.count_nonzero` along an axis takes twice the time."""
    counts: NDArray[np.intp] = cells.sum(axis=1, dtype=np.uint32).astype(np.intp)
    return counts


def _as_column(gold: ArrayLike) -> NDArray[np.intp]:
    """(Q, 1) column of the right candidates, as `np.take_along_axis` wants it."""
    return np.asarray(gold, dtype=np.intp)[:, None]


def _make_candidate_table(candidates: Sequence[RowIndices], padding: int) -> NDArray[np.intp]:
    """(Q, C) candidate lists as one table of indices of vectors; C is the longest list, others end with ``padding``."""
    table = np.full((len(candidates), max(map(len, candidates))), padding, dtype=np.intp)
    for row, own in zip(table, candidates, strict=True):
        row[: len(own)] = own
    return table


def _iter_score_blocks(
    vectors: NDArray[np.float32], queries: NDArray[np.intp], candidates: Sequence[RowIndices]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield, for each block of queries, its candidate table and the scores of the cells; padded cells are -inf.

    Candidates with equal vectors share one computed score: a matrix product may round equal columns differently, which
    would hide a tie.
    """
    count = len(vectors)
    vectors, same = _find_distinct_rows(vectors)
    gathered = _RowCache(vectors)
    column_of = np.zeros(count + 1, dtype=np.intp)  # column of each row's vector in a block's product
    most = _count_block_queries(count, max(map(len, candidates)))
    step = math.ceil(len(queries) / math.ceil(len(queries) / most))  # blocks of one size keep all threads busy
    for start in range(0, len(queries), step):
        table = _make_candidate_table(candidates[start : start + step], padding=count)
        used = np.flatnonzero(np.bincount(table.reshape(-1), minlength=count + 1)[:count])
        union, column_of[used] = np.unique(same[used], return_inverse=True)
        own = vectors[same[queries[start : start + step]]]
        product = np.empty((len(own), len(union)), dtype=np.float32)
        for at in range(0, len(union), BLOCK_CANDIDATES):
            part = slice(at, at + BLOCK_CANDIDATES)
            np.matmul(own, gathered.select_rows(union[part]).T, out=product[:, part])
        cells = column_of.take(table, mode="clip")  # every index is valid; without mode="clip" take copies to check
        cells += np.arange(len(own))[:, None] * len(union)
        scores = product.take(cells, mode="clip")
        scores[table == count] = -np.inf
        yield table, scores


def _iter_maxsim_blocks(
    vectors: MultiVectors, queries: NDArray[np.intp], candidates: Sequence[RowIndices]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Like `_iter_score_blocks`, for several vectors an item; queries with one list of candidates form a block."""
    count = len(vectors)
    first: dict[bytes, int] = {}
    same = np.array([first.setdefault(rows.tobytes(), at) for at, rows in enumerate(vectors)])
    start = 0
    while start < len(queries):
        own, end = list(candidates[start]), start + 1
        most = start + max(BLOCK_CELLS // len(own), 1)
        while end < min(len(queries), most) and list(candidates[end]) == own:
            end += 1
        union, columns = np.unique(same[own], return_inverse=True)
        table = _make_candidate_table(candidates[start:end], padding=count)
        yield table, compute_maxsim(vectors, queries[start:end], union)[:, columns]
        start = end


def _count_block_queries(vectors: int, longest: int) -> int:
    """Number of queries in a block: large if queries share candidates, small if each query has its own.

    If each has its own, most scores of a block's matrix product are unused.
    """
    return max(BLOCK_CELLS // vectors, math.isqrt(BLOCK_CELLS // (8 * longest)), 1)


@dataclass(frozen=True, slots=True)
class _RankedBlock:
    """Like `Ranking`, for a block of queries, but ``ranks`` is (Q, L), of all right candidates; 0 is padding."""

    ranks: NDArray[np.intp]
    top: NDArray[np.intp]
    margins: NDArray[np.float32]
    ties: int


def _rank_block(table: NDArray[np.intp], scores: NDArray[np.float32], rule: TieRule) -> _RankedBlock:
    """Rank a block of queries."""
    equal = _count_true(scores == scores[:, :1])
    labels = _find_gold_columns(table, equal)
    ranks = rank_labels(scores, labels, rule)
    if rule == "official":
        top = _find_best_columns(np.where(np.isnan(scores), np.finfo(np.float32).min, scores))
    else:
        top = find_top_candidates(scores, np.zeros(len(table), dtype=np.intp), ranks[:, 0])
    tied = int(np.count_nonzero(equal > _count_true(labels >= 0)))
    return _RankedBlock(ranks, top, _compute_margins(scores, labels, top), tied)


def _find_gold_columns(table: NDArray[np.intp], equal: NDArray[np.intp]) -> NDArray[np.intp]:
    """(Q, L) columns of each row that repeat its first entry, the right candidate; -1 is padding.

    Args:
        table: see `_make_candidate_table`.
        equal: (Q,) number of columns with the same score as the row's first entry; NaN equals nothing.
    """
    suspects = np.flatnonzero(equal != 1)
    again = [np.flatnonzero(row == row[0]) for row in table[suspects]]
    columns = np.full((len(table), max(map(len, again), default=1)), -1, dtype=np.intp)
    columns[:, 0] = 0
    for row, repeats in zip(suspects, again, strict=True):
        columns[row, : len(repeats)] = repeats
    return columns


class _RowCache:
    """Selects rows of an array and keeps the last selection: in most tasks, all queries rank the same list."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = vectors
        self.index = np.empty(0, dtype=np.intp)
        self.selected = vectors[:0]

    def select_rows(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        if not np.array_equal(index, self.index):
            self.index, self.selected = index, self.vectors[index]
        return self.selected


def _find_distinct_rows(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The distinct rows; and for each row of ``vectors``, its index among the distinct ones."""
    # Equal rows have equal sums. (einsum: whole numbers have no fast matrix product)
    sums = np.einsum("nd,d->n", np.ascontiguousarray(vectors).view(np.uint32), _make_hash_weights(vectors.shape[1]))
    _, back, counts = np.unique(sums, return_inverse=True, return_counts=True)
    same = np.arange(len(vectors))
    suspects = np.flatnonzero(counts[back] > 1)
    if not suspects.size:
        return vectors, same
    first: dict[bytes, int] = {}
    for row in suspects.tolist():
        same[row] = first.setdefault(hashlib.blake2b(vectors[row].tobytes(), digest_size=16).digest(), row)
    keep, same = np.unique(same, return_inverse=True)
    return vectors[keep], same


def _make_hash_weights(width: int) -> NDArray[np.uint32]:
    """(width,) fixed pseudo-random odd numbers."""
    return np.random.default_rng(0).integers(0, 2**31, size=width, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
