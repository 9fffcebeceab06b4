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
    from scar.generators.rules.candidates import Proposal

_ROUNDS = 60
_STEP = 0.7
_SMOOTH = 0.1
"""Added to what is wanted and to what is found: what is so rare is not worth a weight."""

_LEAST = 0.02
"""So many gold captions at least have marks that none of these has, where they do not say."""

_UNLIKELY = -4.0
"""Logarithm of the weight from which marks start that no gold caption has."""

_REACH = 8.0
"""The logarithm of a mark's weight stays as near to 0."""

_EXACT = 1e-10
"""So little that is expected too much or too little is nothing."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class Candidates:
    """What can be drawn for each gold caption, and the marks that the gold captions have."""

    def __init__(self) -> None:
        self.gold: Counter[str] = Counter()
        self.names: dict[str, int] = {}
        self.starts: list[int] = []
        self.weights: list[float] = []
        self.marks: list[tuple[int, ...]] = []

    def add(self, marks: Sequence[str], proposals: Sequence[Proposal]) -> None:
        """One gold caption by its marks, and what can be drawn for it."""
        self.gold.update(marks)
        self.starts.append(len(self.weights))
        for proposal in proposals:
            self.weights.append(proposal.weight)
            self.marks.append(tuple(self.names.setdefault(mark, len(self.names)) for mark in proposal.marks))


def balanced(candidates: Candidates, draws: int, *, whole: bool) -> dict[str, float]:
    """The weight of each mark; marks that no gold caption has are drawn only in want of others.

    Args:
        candidates: at least ``draws`` for each gold caption.
        draws: how many are drawn for each.
        whole: whether these are all gold captions; else a share of them has marks that none of these has, and it is
            as large as the share of marks that just one has (Good, 1953).
    """
    if not candidates.starts:
        return {}
    names = list(candidates.names)
    wanted = draws * np.array([float(candidates.gold[name]) for name in names])
    unknown = wanted == 0
    kinds = np.array([_kind(name) for name in names])
    spare = dict.fromkeys(map(_kind, names), _LEAST * draws)
    if not whole:
        for name, count in candidates.gold.items():
            spare[_kind(name)] = spare.get(_kind(name), 0.0) + draws * (count == 1)
    columns = np.array(candidates.marks, np.intp)  # (candidates, marks of each)
    own, starts = np.log(np.array(candidates.weights)), np.array(candidates.starts)
    rows = np.repeat(np.arange(len(starts)), np.diff([*starts, len(own)]))
    logs = np.where(unknown, _UNLIKELY, 0.0)
    for _ in range(_ROUNDS):
        scores = own + logs[columns].sum(axis=1)
        chances = expected(scores, starts, rows, draws)
        found = np.bincount(columns.ravel(), np.repeat(chances, columns.shape[1]), len(names))
        ratio = (wanted + _SMOOTH) / (found + _SMOOTH)
        for kind, share in spare.items():
            group = unknown & (kinds == kind)
            if group.any():
                ratio[group] = (share + _SMOOTH) / (found[group].sum() + _SMOOTH)
        logs = np.clip(logs + _STEP * np.log(ratio) / columns.shape[1], -_REACH, _REACH)
    return {name: float(np.exp(value)) for name, value in zip(names, logs, strict=True)}


def _kind(mark: str) -> str:
    """Marks of one kind compete with each other: `scene`, `object`, `head` and so on."""
    return mark.partition(" ")[0]


def expected(scores: Floats, starts: Ints, rows: Ints, draws: int) -> Floats:
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
        if np.abs(short).max() < _EXACT:
            break
        time = time + np.minimum(short / np.maximum(slope, 1e-12), 4 * time + 1)
    full = (sizes <= draws)[rows]
    return np.where(full, 1.0, 1 - np.exp(-weights * time[rows]))
