"""Weights under which what is drawn has each mark as often as it should.

For each gold caption three of its candidates are drawn without putting back, by weight. What a candidate weighs is its
own times those of its marks; the weights of the marks are found by iterative proportional fitting (Deming and Stephan,
1940) of the numbers in which they are expected to be drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scar.generators.rules.candidates import Candidate

_ITERATIONS = 60
_DAMPING = 0.7
_SMOOTHING = 0.1
"""Added to what is wanted and to what is found: what is so rare is not worth a weight."""

_MIN_UNSEEN_SHARE = 0.02
"""So many gold captions at least have marks that none of these has, where they do not say."""

_UNSEEN_LOG_WEIGHT = -4.0
"""Logarithm of the weight from which marks start that no gold caption has."""

_MAX_LOG_WEIGHT = 8.0
"""The logarithm of a mark's weight stays as near to 0."""

_TOLERANCE = 1e-10
"""So little that is expected too much or too little is nothing."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class FittingProblem:
    """What can be drawn for each gold caption, and the marks that the gold captions have."""

    def __init__(self) -> None:
        self.gold_counts: Counter[str] = Counter()
        self.feature_ids: dict[str, int] = {}
        self.starts: list[int] = []
        self.weights: list[float] = []
        self.features: list[tuple[int, ...]] = []

    def add_caption(self, gold_features: Sequence[str], candidates: Sequence[Candidate]) -> None:
        """One gold caption by its marks, and what can be drawn for it."""
        self.gold_counts.update(gold_features)
        self.starts.append(len(self.weights))
        for proposal in candidates:
            self.weights.append(proposal.weight)
            self.features.append(
                tuple(self.feature_ids.setdefault(mark, len(self.feature_ids)) for mark in proposal.features)
            )


def fit_feature_weights(problem: FittingProblem, draws: int, *, is_complete: bool) -> dict[str, float]:
    """The weight of each mark; marks that no gold caption has are drawn only in want of others.

    Args:
        problem: at least ``draws`` for each gold caption.
        draws: how many are drawn for each.
        is_complete: whether these are all gold captions; else a share of them has marks that none of these has, and it
            is
            as large as the share of marks that just one has (Good, 1953).
    """
    if not problem.starts:
        return {}
    names = list(problem.feature_ids)
    wanted = draws * np.array([float(problem.gold_counts[name]) for name in names])
    unknown = wanted == 0
    kinds = np.array([_feature_kind(name) for name in names])
    spare = dict.fromkeys(map(_feature_kind, names), _MIN_UNSEEN_SHARE * draws)
    if not is_complete:
        for name, count in problem.gold_counts.items():
            spare[_feature_kind(name)] = spare.get(_feature_kind(name), 0.0) + draws * (count == 1)
    columns = np.array(problem.features, np.intp)  # (candidates, marks of each)
    own, starts = np.log(np.array(problem.weights)), np.array(problem.starts)
    rows = np.repeat(np.arange(len(starts)), np.diff([*starts, len(own)]))
    logs = np.where(unknown, _UNSEEN_LOG_WEIGHT, 0.0)
    for _ in range(_ITERATIONS):
        scores = own + logs[columns].sum(axis=1)
        chances = compute_draw_chances(scores, starts, rows, draws)
        found = np.bincount(columns.ravel(), np.repeat(chances, columns.shape[1]), len(names))
        ratio = (wanted + _SMOOTHING) / (found + _SMOOTHING)
        for kind, share in spare.items():
            group = unknown & (kinds == kind)
            if group.any():
                ratio[group] = (share + _SMOOTHING) / (found[group].sum() + _SMOOTHING)
        logs = np.clip(logs + _DAMPING * np.log(ratio) / columns.shape[1], -_MAX_LOG_WEIGHT, _MAX_LOG_WEIGHT)
    return {name: float(np.exp(value)) for name, value in zip(names, logs, strict=True)}


def _feature_kind(feature: str) -> str:
    """Marks of one kind compete with each other: `scene`, `object`, `head` and so on."""
    return feature.partition(" ")[0]


def compute_draw_chances(scores: Floats, starts: Ints, rows: Ints, draws: int) -> Floats:
    """How likely each candidate is among those drawn for its row, one after the other by weight, without putting back.

    A candidate is drawn before a time at which as many are expected as are drawn (Rosén, 1972): its clock has rung.

    Args:
        scores: (candidates,) logarithms of weights.
        starts: (rows,) first candidate of each row.
        rows: (candidates,) ascending.
        draws: how many are drawn in each row; no row has fewer candidates.
    """
    most = np.maximum.reduceat(scores, starts)
    weights = np.exp(np.maximum(scores - most[rows], -30.0))
    sizes = np.diff([*starts, len(scores)])
    time = np.full(len(starts), float(draws)) / np.add.reduceat(weights, starts)
    for _ in range(12):
        left = np.exp(-weights * time[rows])
        drawn = np.add.reduceat(1 - left, starts)
        slope = np.add.reduceat(weights * left, starts)
        short = np.where(sizes > draws, draws - drawn, 0.0)
        if np.abs(short).max() < _TOLERANCE:
            break
        time = time + np.minimum(short / np.maximum(slope, 1e-12), 4 * time + 1)
    full = (sizes <= draws)[rows]
    return np.where(full, 1.0, 1 - np.exp(-weights * time[rows]))
