"""Computes hit, precision, recall, F1, MAP, MRR and nDCG at k from the ranks of right candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CUTOFFS = (1, 5, 10)
"""The values of k at which every metric is computed."""

METRICS = ("hit", "ndcg_linear", "ndcg_exponential", "precision", "recall", "f1", "map", "mrr")
"""Names of the metrics, in the order of the official score sheets."""


def compute_metrics(
    ranks: NDArray[np.intp],
    *,
    labels: NDArray[np.intp] | None = None,
    gains: NDArray[np.float64] | None = None,
    cutoffs: Sequence[int] = CUTOFFS,
) -> dict[str, float]:
    """Compute each metric at each k, as means over queries.

    A query has right answers. A right candidate states one of them; two candidates may state the same one.

    Precision divides by k even if there are fewer candidates. Average precision divides by the smaller of k and the
    number of right answers. A query without right answers has recall 1 and all other metrics 0.

    Args:
        ranks: (Q, M) ranks of the right candidates, 1 = best; 0 pads queries with fewer of them.
        labels: (Q, M) which right answer each right candidate states, as a column of ``gains``. An answer that two
            candidates state counts twice in ``map`` and ``ndcg``, as in the reference. None means that all answers are
            different.
        gains: (Q, L) gain of each right answer, whether or not a candidate states it; NaN is padding. None means that
            each right candidate has gain 1.
        cutoffs: values of k.

    Returns:
        ``hit@k``, ``ndcg_linear@k``, ``ndcg_exponential@k``, ``precision@k``, ``recall@k``, ``f1@k``, ``map@k`` and
        ``mrr@k``; 0 to 1 unless two candidates state one right answer.

    Source: RankingMetrics of TIGER-AI-Lab/VLM2Vec (src/utils/eval_utils/metrics.py). Different here: the reference
    pairs gains with right answers in the order of a set, which changes from process to process.

    >>> compute_metrics(np.array([[2], [1]]), cutoffs=[1, 5])["mrr@5"]
    0.75
    """
    if labels is None:
        labels = np.broadcast_to(np.arange(ranks.shape[1]), ranks.shape)
    if gains is None:
        gains = np.where(ranks > 0, 1.0, np.nan)
    depth = max(cutoffs)
    positions = np.arange(1, depth + 1)
    right_count = np.count_nonzero(~np.isnan(gains), axis=1)[:, None]  # (Q, 1)
    right, new, gain = _place_labels(ranks, labels, gains, depth)  # (Q, depth) each
    found = np.cumsum(new, axis=1)
    precisions = np.cumsum(right * np.cumsum(right, axis=1) / positions, axis=1)
    first = np.maximum.accumulate(right, axis=1)
    reciprocal = np.cumsum((np.cumsum(first, axis=1) == 1) / positions, axis=1)
    columns = {
        "hit": found > 0,
        "ndcg_linear": _compute_ndcg(gain, gains),
        "ndcg_exponential": _compute_ndcg(np.exp2(gain) - 1, np.exp2(gains) - 1),
        "precision": found / positions,
        "recall": np.where(right_count > 0, found / np.maximum(right_count, 1), 1.0),
        "f1": 2 * found / (positions + right_count),
        "map": precisions / np.maximum(np.minimum(right_count, positions), 1),
        "mrr": reciprocal,
    }
    return {f"{name}@{k}": float(np.mean(column[:, k - 1])) for name, column in columns.items() for k in cutoffs}


def _place_labels(
    ranks: NDArray[np.intp], labels: NDArray[np.intp], gains: NDArray[np.float64], depth: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """For each of the first ``depth`` ranks, (Q, depth): whether it holds a right answer, a new one, and its gain."""
    right = np.zeros((len(ranks), depth), dtype=np.bool_)
    new = np.zeros_like(right)
    gain = np.zeros(right.shape)
    seen = np.zeros(gains.shape, dtype=np.bool_)
    columns = np.argsort(ranks, axis=1, kind="stable").T  # best first
    for rows, column in ((np.arange(len(ranks)), column) for column in columns):
        rank, label = ranks[rows, column], labels[rows, column]
        is_within = (rank > 0) & (rank <= depth)
        rows, rank, label = rows[is_within], rank[is_within] - 1, label[is_within]
        right[rows, rank] = True
        new[rows, rank] = ~seen[rows, label]
        gain[rows, rank] = gains[rows, label]
        seen[rows, label] = True
    return right, new, gain


def _compute_ndcg(gain: NDArray[np.float64], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """(Q, depth) nDCG at each k: discounted gain divided by that of the best order; 0 where no gain is possible."""
    depth = gain.shape[1]
    discount = 1 / np.log2(np.arange(2, depth + 2))
    best = -np.sort(-np.nan_to_num(gains), axis=1)[:, :depth]
    best = np.pad(best, ((0, 0), (0, depth - best.shape[1])))
    ideal = np.cumsum(best * discount, axis=1)
    reached: NDArray[np.float64] = np.cumsum(gain * discount, axis=1)
    return np.divide(reached, ideal, out=np.zeros_like(reached), where=ideal > 0)
