"""Which of a group of captions is the gold one, as a logistic model of their features tells it.

The model is the conditional logit (McFadden, 1974): the odds among the captions of one sample are those of
``exp(features @ weights)``. It is what logistic regression is for a choice of one out of ten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

PENALTY = 1.0
"""Weight of half the squared norm beside the sum of losses: the usual default of logistic regression."""

_MEMORY = 10
_MOST_STEPS = 200
_FLAT = 1e-4
"""The gradient's largest entry at which the fit ends, as a share of that at zero weights."""


class Features(Protocol):
    """Rows of numbers, one row a caption."""

    @property
    def columns(self) -> int: ...

    def times(self, weights: Floats) -> Floats:
        """(rows,) product with ``weights`` (columns,)."""
        ...

    def transposed_times(self, rows: Floats) -> Floats:
        """(columns,) product of the transpose with ``rows`` (rows,)."""
        ...


@dataclass(frozen=True)
class Marks:
    """Features that a caption has or has not.

    Attributes:
        rows: (M,) the caption of each mark, ascending.
        marks: (M,) its columns.
        height: number of captions.
        columns: number of features.
    """

    rows: Ints
    marks: Ints
    height: int
    columns: int

    @cached_property
    def _table(self) -> Any:
        """Ones and zeros; each product adds up in the order of the marks."""
        ends = np.searchsorted(self.rows, np.arange(self.height + 1))
        return csr_array((np.ones(len(self.rows)), self.marks, ends), shape=(self.height, self.columns))

    def repeated(self, which: Ints) -> Marks:
        """Marks of captions of which each is one of these."""
        table = self._table[which]
        return Marks(np.repeat(np.arange(len(which)), np.diff(table.indptr)), table.indices, len(which), self.columns)

    def times(self, weights: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self._table @ weights
        return product

    def transposed_times(self, rows: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self._table.T @ rows
        return product


@dataclass(frozen=True)
class Dense:
    """Features as an array, such as the vectors of a sentence encoder.

    Attributes:
        values: (rows, columns).
    """

    values: Floats

    @property
    def columns(self) -> int:
        return int(self.values.shape[1])

    def times(self, weights: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self.values @ weights
        return product

    def transposed_times(self, rows: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self.values.T @ rows
        return product


@dataclass(frozen=True)
class Repeated:
    """Features of captions of which many are equal, made of each different one once.

    Attributes:
        features: of the different captions.
        which: (rows,) the one that each caption is.
    """

    features: Features
    which: Ints

    @property
    def columns(self) -> int:
        return self.features.columns

    def times(self, weights: Floats) -> Floats:
        """See `Features`."""
        return self.features.times(weights)[self.which]

    def transposed_times(self, rows: Floats) -> Floats:
        """See `Features`."""
        return self.features.transposed_times(np.bincount(self.which, rows).astype(np.float64, copy=False))


def fit(features: Features, starts: Ints, penalty: float = PENALTY) -> Floats:
    """Weights that make the first caption of each group the likeliest, by L-BFGS on the penalised likelihood.

    Args:
        features: of all captions, group by group, the gold one first in each.
        starts: (groups,) the first row of each group.
        penalty: of half the squared norm of the weights.

    Returns:
        (columns,) weights.
    """

    def objective(weights: Floats) -> tuple[float, Floats]:
        scores = features.times(weights)
        sizes = np.diff(np.append(starts, len(scores)))
        scores -= np.repeat(np.maximum.reduceat(scores, starts), sizes)
        odds = np.exp(scores)
        totals = np.add.reduceat(odds, starts)
        loss = float(np.log(totals).sum() - scores[starts].sum())
        shares = odds / np.repeat(totals, sizes)
        shares[starts] -= 1
        return loss + penalty / 2 * _dot(weights, weights), features.transposed_times(shares) + penalty * weights

    return _minimum(objective, np.zeros(features.columns))


def hits(scores: Floats, starts: Ints) -> Floats:
    """Chance that the first of each group is picked when the best score is, ties being broken by lot.

    Args:
        scores: (rows,) of all captions.
        starts: (groups,) the first row of each group.

    Returns:
        (groups,) 1 if the first alone is best, 1/k if it shares that with k - 1 others, else 0.

    >>> hits(np.array([3.0, 1, 3, 2, 5]), np.array([0, 3])).tolist()
    [0.5, 0.0]
    """
    sizes = np.diff(np.append(starts, len(scores)))
    best = np.maximum.reduceat(scores, starts)
    ties = np.add.reduceat((scores >= np.repeat(best, sizes)).astype(np.float64), starts)
    return np.where(scores[starts] >= best, 1 / ties, 0.0)


def _dot(first: Floats, second: Floats) -> float:
    """Their product, added up in the same order on every machine: BLAS has one order for each number of threads."""
    return float((first * second).sum())


def _minimum(objective: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    """Minimum of a smooth convex function that returns value and gradient (L-BFGS, Nocedal and Wright, 7.2)."""
    value, gradient = objective(point)
    flat = _FLAT * float(np.abs(gradient).max(initial=0.0))
    past: deque[tuple[Floats, Floats]] = deque(maxlen=_MEMORY)
    for _ in range(_MOST_STEPS):
        if float(np.abs(gradient).max(initial=0.0)) <= flat:
            break
        direction = -_curved(gradient, past)
        slope, length = _dot(gradient, direction), 1.0 if past else 1 / max(1.0, float(np.abs(gradient).sum()))
        new = objective(point + length * direction)
        while new[0] > value + 1e-4 * length * slope and length > 1e-10:
            length /= 2
            new = objective(point + length * direction)
        step, change = length * direction, new[1] - gradient
        if _dot(step, change) > 0:
            past.append((step, change))
        point, (value, gradient) = point + step, new
    return point


def _curved(gradient: Floats, past: deque[tuple[Floats, Floats]]) -> Floats:
    """The gradient times the inverse of the curvature that the last steps tell."""
    result, shares = gradient.copy(), []
    for step, change in reversed(past):
        share = _dot(step, result) / _dot(step, change)
        shares.append(share)
        result -= share * change
    if past:
        step, change = past[-1]
        result *= _dot(step, change) / _dot(change, change)
    for (step, change), share in zip(past, reversed(shares), strict=True):
        result += (share - _dot(change, result) / _dot(step, change)) * step
    return result
