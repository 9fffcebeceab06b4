"""Vectors -> scores -> ranks. The two tie rules are stated once, in `rank_labels`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmeb_eval.run.metrics import compute_metrics
from scar.errors import UnknownName

TieRule: TypeAlias = Literal["against", "official"]
"""``against`` the model, or as the ``official`` evaluator has it; see `rank_labels`."""

RowIndices: TypeAlias = Sequence[int] | NDArray[np.intp]

BLOCK_CELLS = 2**21
BLOCK_CANDIDATES = 8192
"""Scores that are computed, and candidates that are multiplied, at once: bound the memory whatever the task's shape."""

TOP_COUNT = 10
"""How many of a query's best candidates are told."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A task's queries, ranked.

    Attributes:
        metrics: see `mmeb_eval.run.metrics.compute_metrics`.
        ranks: (Q,) of each query's right candidate, 1 = best.
        top: (Q, `TOP_COUNT` or fewer) places of each query's best candidates in its list, best first; -1 beyond its
            end.
        margins: (Q,) score of each query's right candidate less that of the best wrong one; 0 where there is none.
        ties: queries in which a wrong candidate scores exactly as the right one.
    """

    metrics: dict[str, float]
    ranks: NDArray[np.intp]
    top: NDArray[np.intp]
    margins: NDArray[np.float32]
    ties: int


def parse_tie_rule(name: str) -> TieRule:
    """The rule of that name.

    Raises:
        UnknownName: there is none.
    """
    known: tuple[TieRule, ...] = get_args(TieRule)
    for rule in known:
        if name == rule:
            return rule
    raise UnknownName("rule for ties", name, known, "--ties is against or official.")


def rank_candidates(
    vectors: NDArray[np.float32], queries: RowIndices, candidates: Sequence[RowIndices], rule: TieRule = "against"
) -> Ranking:
    """Rank each query's own candidates.

    Args:
        vectors: (N, D) rows of length 1.
        queries: (Q,) rows of ``vectors``.
        candidates: Q lists of rows of ``vectors``, the right one first. One that is listed twice is ranked twice: the
            official evaluator has it so, and ``map`` and ``ndcg`` exceed 1 where it is the right one.
        rule: for equal scores.

    Raises:
        ValueError: a score is NaN and the rule is ``against``; the message names the first such query.
    """
    blocks = [
        _rank_block(table, scores, rule)
        for table, scores in _iter_score_blocks(vectors, np.asarray(queries), candidates)
    ]
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

    ``against``: a wrong candidate with the same score stands before a right one, and right ones with the same score
    stand as ``labels`` has them. A model that gives one vector for everything never hits.

    ``official``: equal scores keep the order of the data, in which the right candidate is the first. This is what
    ``argsort(-scores)`` of the official evaluator mostly does; where it does not, that depends on the version of numpy
    and on the processor. NaN stands last.

    Args:
        scores: (Q, C) similarities; a padded cell is -inf.
        labels: (Q, L) columns of the right candidates; -1 for none.
        rule: for equal scores.

    Returns:
        (Q, L) ranks in 1..C; 0 for none.

    Raises:
        ValueError: a score is NaN and the rule is ``against``; the message names the first such query.

    Source: MMEB protocol, arXiv 2410.05160 (over each query's own candidates).

    >>> label_ranks(np.float32([[.9, .1, .9]]), np.array([[0]])).tolist()
    [[2]]
    """
    if rule == "official":
        order = np.argsort(-scores, axis=1, kind="stable")
        places = np.empty_like(order)
        np.put_along_axis(places, order, np.arange(1, scores.shape[1] + 1)[None], axis=1)
        return np.where(labels >= 0, np.take_along_axis(places, labels, axis=1), 0)
    if (wrong := np.isnan(scores.max(axis=1))).any():
        raise ValueError(f"query {int(np.argmax(wrong))}: a score is NaN; ranks of it would mean nothing.")
    own = np.where(labels >= 0, np.take_along_axis(scores, labels, axis=1), np.nan)  # NaN is equal to nothing
    ranks = np.empty_like(labels)
    for column in range(labels.shape[1]):
        label = own[:, [column]]
        later = own[:, column + 1 :]
        ranks[:, column] = _count_true(scores >= label) - _count_true(later == label)
    return ranks


def find_top_candidates(scores: NDArray[np.float32], gold: ArrayLike, ranks: NDArray[np.intp]) -> NDArray[np.intp]:
    """Columns of the best candidates, (Q, `TOP_COUNT` or fewer), best first; the gold one at its rank, else -1."""
    rivals = scores.copy()
    np.put_along_axis(rivals, _as_column(gold), -np.inf, axis=1)
    wrong = _find_best_columns(rivals)
    places = np.arange(wrong.shape[1])
    behind = places >= ranks[:, None]  # the right one: one place further down
    return np.where(places == ranks[:, None] - 1, _as_column(gold), np.take_along_axis(wrong, places - behind, axis=1))


def _find_best_columns(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """(Q, `TOP_COUNT` or fewer) columns of the highest scores, best first, equal ones in their order; -1 for padding.

    Args:
        scores: (Q, C) scores without NaN; what was told is -inf afterwards.
    """
    cells, starts = scores.reshape(-1), np.arange(len(scores)) * scores.shape[1]
    best = np.empty((len(scores), min(TOP_COUNT, scores.shape[1])), dtype=np.intp)
    for place in range(best.shape[1]):
        column = np.argmax(scores, axis=1)
        best[:, place] = np.where(np.isneginf(cells[starts + column]), -1, column)
        cells[starts + column] = -np.inf
    return best


def _compute_margins(
    scores: NDArray[np.float32], labels: NDArray[np.intp], top: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(Q,) score of the first label less that of the best candidate that is no label; 0 where there is none."""
    rows = np.arange(len(scores))
    first = (top[:, :2] == labels[:, :1]).argmin(axis=1)  # the best that is not the first label
    best = np.where(top[rows, first] < 0, -np.inf, scores[rows, top[rows, first]])
    several = np.flatnonzero((labels[:, 1:] >= 0).any(axis=1))
    rivals = np.pad(scores[several], ((0, 0), (0, 1)), constant_values=-np.inf)  # the last column takes what is none
    np.put_along_axis(rivals, labels[several], -np.inf, axis=1)
    best[several] = rivals.max(axis=1)
    margins: NDArray[np.float32] = scores[rows, labels[:, 0]] - best
    return np.where(np.isfinite(margins), margins, np.float32(0))


def _stack_blocks(blocks: Sequence[NDArray[np.intp]], padding: int) -> NDArray[np.intp]:
    """Blocks of rows as one array; rows of a narrower block end with ``padding``."""
    width = max(block.shape[1] for block in blocks)
    return np.concatenate(
        [np.pad(block, ((0, 0), (0, width - block.shape[1])), constant_values=padding) for block in blocks]
    )


def _count_true(cells: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(Q,) how many of each row's cells are true; `np.count_nonzero` along an axis takes twice the time."""
    counts: NDArray[np.intp] = cells.sum(axis=1, dtype=np.uint32).astype(np.intp)
    return counts


def _as_column(gold: ArrayLike) -> NDArray[np.intp]:
    """(Q, 1) index for take_along_axis."""
    return np.asarray(gold, dtype=np.intp)[:, None]


def _make_candidate_table(candidates: Sequence[RowIndices], padding: int) -> NDArray[np.intp]:
    """(Q, C) rows of vectors, C the longest list; ``padding`` after the end of a shorter one."""
    table = np.full((len(candidates), max(map(len, candidates))), padding, dtype=np.intp)
    for row, own in zip(table, candidates, strict=True):
        row[: len(own)] = own
    return table


def _iter_score_blocks(
    vectors: NDArray[np.float32], queries: NDArray[np.intp], candidates: Sequence[RowIndices]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """The `_table` of some queries at a time, and the scores of its cells; those of padding are -inf.

    Candidates with one vector get one score, to the last bit, wherever they stand: it is computed once. (A matrix
    product may round equal columns differently, and then a tie would not look like one.)
    """
    count = len(vectors)
    vectors, same = _find_distinct_rows(vectors)
    gathered = _RowCache(vectors)
    place = np.zeros(count + 1, dtype=np.intp)  # column of each row's vector in a block's product
    most = _count_block_queries(count, max(map(len, candidates)))
    step = math.ceil(len(queries) / math.ceil(len(queries) / most))  # blocks of one size keep all threads busy
    for start in range(0, len(queries), step):
        table = _make_candidate_table(candidates[start : start + step], padding=count)
        used = np.flatnonzero(np.bincount(table.reshape(-1), minlength=count + 1)[:count])
        union, place[used] = np.unique(same[used], return_inverse=True)
        own = vectors[same[queries[start : start + step]]]
        product = np.empty((len(own), len(union)), dtype=np.float32)
        for at in range(0, len(union), BLOCK_CANDIDATES):
            part = slice(at, at + BLOCK_CANDIDATES)
            np.matmul(own, gathered.select_rows(union[part]).T, out=product[:, part])
        cells = place.take(table, mode="clip")  # every index is good; without a mode take copies to make sure
        cells += np.arange(len(own))[:, None] * len(union)
        scores = product.take(cells, mode="clip")
        scores[table == count] = -np.inf
        yield table, scores


def _count_block_queries(vectors: int, longest: int) -> int:
    """How many queries make a block: many where they share candidates, few where each has its own.

    Of the second kind most of a block's product is scores that nobody asks for.
    """
    return max(BLOCK_CELLS // vectors, math.isqrt(BLOCK_CELLS // (8 * longest)), 1)


@dataclass(frozen=True, slots=True)
class _RankedBlock:
    """Some of the queries: as in `Ranking`, but (Q, L) ranks of all right candidates, 0 for none."""

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
    """(Q, L) columns in which each row has its first entry, as often as it has it; -1 beyond.

    Args:
        table: see `_table`.
        equal: (Q,) in how many columns each row has the score of its first entry; NaN equals nothing.
    """
    suspects = np.flatnonzero(equal != 1)
    again = [np.flatnonzero(row == row[0]) for row in table[suspects]]
    columns = np.full((len(table), max(map(len, again), default=1)), -1, dtype=np.intp)
    columns[:, 0] = 0
    for row, places in zip(suspects, again, strict=True):
        columns[row, : len(places)] = places
    return columns


class _RowCache:
    """Rows of an array, the last ones kept: most tasks rank one list again and again."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = vectors
        self.index = np.empty(0, dtype=np.intp)
        self.selected = vectors[:0]

    def select_rows(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        if not np.array_equal(index, self.index):
            self.index, self.selected = index, self.vectors[index]
        return self.selected


def _find_distinct_rows(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The distinct rows, and for each row of ``vectors`` the index of its equal among them."""
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
    """Odd numbers, fixed and different."""
    return np.random.default_rng(0).integers(0, 2**31, size=width, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
