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

_LBFGS_MEMORY = 10
_MAX_STEPS = 200
_GRADIENT_TOLERANCE = 1e-4
"""The gradient's largest entry at which the fit ends, as a share of that at zero weights."""


class Features(Protocol):
    """Rows of numbers, one row a caption."""

    @property
    def column_count(self) -> int: ...

    def multiply_weights(self, weights: Floats) -> Floats:
        """(rows,) product with ``weights`` (columns,)."""
        ...

    def multiply_transposed(self, row_values: Floats) -> Floats:
        """(columns,) product of the transpose with ``row_values`` (rows,)."""
        ...


@dataclass(frozen=True)
class SparseFeatures:
    """Features that a caption has or has not.

    Attributes:
        row_indices: (M,) the caption of each mark, ascending.
        column_indices: (M,) its columns.
        row_count: number of captions.
        column_count: number of features.
    """

    row_indices: Ints
    column_indices: Ints
    row_count: int
    column_count: int

    @cached_property
    def _matrix(self) -> Any:
        """Ones and zeros; each product adds up in the order of the marks."""
        ends = np.searchsorted(self.row_indices, np.arange(self.row_count + 1))
        return csr_array(
            (np.ones(len(self.row_indices)), self.column_indices, ends), shape=(self.row_count, self.column_count)
        )

    def take_rows(self, row_indices: Ints) -> SparseFeatures:
        """Marks of captions of which each is one of these."""
        table = self._matrix[row_indices]
        return SparseFeatures(
            np.repeat(np.arange(len(row_indices)), np.diff(table.indptr)),
            table.indices,
            len(row_indices),
            self.column_count,
        )

    def multiply_weights(self, weights: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self._matrix @ weights
        return product

    def multiply_transposed(self, row_values: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self._matrix.T @ row_values
        return product


@dataclass(frozen=True)
class DenseFeatures:
    """Features as an array, such as the vectors of a sentence encoder.

    Attributes:
        values: (rows, columns).
    """

    values: Floats

    @property
    def column_count(self) -> int:
        return int(self.values.shape[1])

    def multiply_weights(self, weights: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self.values @ weights
        return product

    def multiply_transposed(self, row_values: Floats) -> Floats:
        """See `Features`."""
        product: Floats = self.values.T @ row_values
        return product


@dataclass(frozen=True)
class RepeatedFeatures:
    """Features of captions of which many are equal, made of each different one once.

    Attributes:
        features: of the different captions.
        row_indices: (rows,) the one that each caption is.
    """

    features: Features
    row_indices: Ints

    @property
    def column_count(self) -> int:
        return self.features.column_count

    def multiply_weights(self, weights: Floats) -> Floats:
        """See `Features`."""
        return self.features.multiply_weights(weights)[self.row_indices]

    def multiply_transposed(self, row_values: Floats) -> Floats:
        """See `Features`."""
        return self.features.multiply_transposed(
            np.bincount(self.row_indices, row_values).astype(np.float64, copy=False)
        )


def fit_conditional_logit(features: Features, group_starts: Ints, penalty: float = PENALTY) -> Floats:
    """Weights that make the first caption of each group the likeliest, by L-BFGS on the penalised likelihood.

    Args:
        features: of all captions, group by group, the gold one first in each.
        group_starts: (groups,) the first row of each group.
        penalty: of half the squared norm of the weights.

    Returns:
        (columns,) weights.
    """

    def evaluate_loss(weights: Floats) -> tuple[float, Floats]:
        scores = features.multiply_weights(weights)
        sizes = np.diff(np.append(group_starts, len(scores)))
        scores -= np.repeat(np.maximum.reduceat(scores, group_starts), sizes)
        odds = np.exp(scores)
        totals = np.add.reduceat(odds, group_starts)
        loss = float(np.log(totals).sum() - scores[group_starts].sum())
        shares = odds / np.repeat(totals, sizes)
        shares[group_starts] -= 1
        return loss + penalty / 2 * _dot_product(weights, weights), features.multiply_transposed(
            shares
        ) + penalty * weights

    return _minimize_lbfgs(evaluate_loss, np.zeros(features.column_count))


def compute_hits(scores: Floats, group_starts: Ints) -> Floats:
    """Chance that the first of each group is picked when the best score is, ties being broken by lot.

    Args:
        scores: (rows,) of all captions.
        group_starts: (groups,) the first row of each group.

    Returns:
        (groups,) 1 if the first alone is best, 1/k if it shares that with k - 1 others, else 0.

    >>> hits(np.array([3.0, 1, 3, 2, 5]), np.array([0, 3])).tolist()
    [0.5, 0.0]
    """
    sizes = np.diff(np.append(group_starts, len(scores)))
    best = np.maximum.reduceat(scores, group_starts)
    ties = np.add.reduceat((scores >= np.repeat(best, sizes)).astype(np.float64), group_starts)
    return np.where(scores[group_starts] >= best, 1 / ties, 0.0)


def _dot_product(first: Floats, second: Floats) -> float:
    """Their product, added up in the same order on every machine: BLAS has one order for each number of threads."""
    return float((first * second).sum())


def _minimize_lbfgs(evaluate: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    """Minimum of a smooth convex function that returns value and gradient (L-BFGS, Nocedal and Wright, 7.2)."""
    value, gradient = evaluate(point)
    flat = _GRADIENT_TOLERANCE * float(np.abs(gradient).max(initial=0.0))
    past: deque[tuple[Floats, Floats]] = deque(maxlen=_LBFGS_MEMORY)
    for _ in range(_MAX_STEPS):
        if float(np.abs(gradient).max(initial=0.0)) <= flat:
            break
        direction = -_apply_inverse_hessian(gradient, past)
        slope, length = _dot_product(gradient, direction), 1.0 if past else 1 / max(1.0, float(np.abs(gradient).sum()))
        new = evaluate(point + length * direction)
        while new[0] > value + 1e-4 * length * slope and length > 1e-10:
            length /= 2
            new = evaluate(point + length * direction)
        step, change = length * direction, new[1] - gradient
        if _dot_product(step, change) > 0:
            past.append((step, change))
        point, (value, gradient) = point + step, new
    return point


def _apply_inverse_hessian(gradient: Floats, history: deque[tuple[Floats, Floats]]) -> Floats:
    """The gradient times the inverse of the curvature that the last steps tell."""
    result, shares = gradient.copy(), []
    for step, change in reversed(history):
        share = _dot_product(step, result) / _dot_product(step, change)
        shares.append(share)
        result -= share * change
    if history:
        step, change = history[-1]
        result *= _dot_product(step, change) / _dot_product(change, change)
    for (step, change), share in zip(history, reversed(shares), strict=True):
        result += (share - _dot_product(change, result) / _dot_product(step, change)) * step
    return result
