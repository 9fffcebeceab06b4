"""A model that picks the gold caption of each group (question) by the features of the captions.

The model is the conditional logit (McFadden, 1974), logistic regression for a choice of one out of many: caption i of
a group is gold with probability softmax(features @ weights)[i].
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[Any]
"""Integers or floats."""

PENALTY = 1.0
"""Factor of half the squared norm of the weights in the loss; 1 is the usual default of logistic regression."""

_LBFGS_MEMORY = 10
"""Last steps that approximate the inverse Hessian."""

_MAX_STEPS = 200

GRADIENT_TOLERANCE = 1e-4
"""The usual ``tolerance`` of `fit_conditional_logit`: hit rates have four digits."""


@dataclass(frozen=True)
class Features:
    """Feature vectors of captions; equal captions may share a row of the matrix.

    Attributes:
        matrix: (unique captions, columns) numpy array or scipy sparse array.
        row_indices: (captions,) matrix row of each caption; None if each caption has its own row, in order.
    """

    matrix: Any
    row_indices: Ints | None = None

    @classmethod
    def from_pairs(cls, rows: Ints, columns: Ints, row_count: int, column_count: int) -> Features:
        """Make a matrix of ones at pairs of row and column, and zeros elsewhere.

        Args:
            rows: (pairs,) row of each pair, ascending.
            columns: (pairs,) column of each pair.
            row_count: number of rows of the matrix.
            column_count: number of columns of the matrix.
        """
        row_ends = np.searchsorted(rows, np.arange(row_count + 1))
        return cls(csr_array((np.ones(len(rows)), columns, row_ends), shape=(row_count, column_count)))

    @property
    def column_count(self) -> int:
        return int(self.matrix.shape[1])

    def take_rows(self, row_indices: Ints) -> Features:
        """Make features of other captions: caption i gets a copy of row ``row_indices[i]`` of `matrix`."""
        return Features(self.matrix[row_indices])

    def multiply_weights(self, weights: Floats) -> Floats:
        """(captions,) product of the captions' features and the (columns,) ``weights``."""
        product: Floats = self.matrix @ weights
        return product if self.row_indices is None else product[self.row_indices]

    def multiply_transposed(self, values: Floats) -> Floats:
        """(columns,) product of the transposed features and the (captions,) ``values``."""
        if self.row_indices is not None:
            values = np.bincount(self.row_indices, values, self.matrix.shape[0]).astype(np.float64, copy=False)
        product: Floats = self.matrix.T @ values
        return product


def fit_conditional_logit(
    features: Features, group_starts: Ints, penalty: float = PENALTY, tolerance: float = GRADIENT_TOLERANCE
) -> Floats:
    """Fit weights that make the first caption of each group the likeliest, by L-BFGS on the penalised likelihood.

    Args:
        features: features of all captions, group by group; the first caption of a group is the gold one.
        group_starts: (groups,) index of the first caption of each group.
        penalty: factor of half the squared norm of the weights in the loss.
        tolerance: the fit ends when the gradient's largest entry falls to this share of its value at zero weights.

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
        gradient = features.multiply_transposed(shares) + penalty * weights
        return loss + penalty / 2 * _dot_product(weights, weights), gradient

    return _minimize_lbfgs(evaluate_loss, np.zeros(features.column_count), tolerance)


def compute_hits(scores: Floats, group_starts: Ints) -> Floats:
    """Probability that the best-scored caption of each group is the first one; ties are broken by lot.

    Args:
        scores: (captions,) scores of the captions, group by group.
        group_starts: (groups,) index of the first caption of each group.

    Returns:
        (groups,) 1 if the first caption alone scores best, 1/k if it ties with k - 1 others, 0 if another is better.

    >>> compute_hits(np.array([3.0, 1, 3, 2, 5]), np.array([0, 3])).tolist()
    [0.5, 0.0]
    """
    sizes = np.diff(np.append(group_starts, len(scores)))
    best = np.maximum.reduceat(scores, group_starts)
    ties = np.add.reduceat((scores >= np.repeat(best, sizes)).astype(np.float64), group_starts)
    return np.where(scores[group_starts] >= best, 1 / ties, 0.0)


def _dot_product(first: Floats, second: Floats) -> float:
    """Dot product with the same order of summation on every machine; the order of BLAS depends on its threads."""
    return float((first * second).sum())


def _minimize_lbfgs(
    evaluate: Callable[[Floats], tuple[float, Floats]], point: Floats, gradient_tolerance: float
) -> Floats:
    """Find the point where a smooth convex function is least, by L-BFGS (Nocedal and Wright, section 7.2).

    Args:
        evaluate: returns value and gradient of the function at a point.
        point: the point to start from.
        gradient_tolerance: see `fit_conditional_logit`.
    """
    value, gradient = evaluate(point)
    tolerance = gradient_tolerance * float(np.abs(gradient).max(initial=0.0))
    history: deque[tuple[Floats, Floats]] = deque(maxlen=_LBFGS_MEMORY)
    for _ in range(_MAX_STEPS):
        if float(np.abs(gradient).max(initial=0.0)) <= tolerance:
            break
        direction = -_apply_inverse_hessian(gradient, history)
        slope, length = (
            _dot_product(gradient, direction),
            1.0 if history else 1 / max(1.0, float(np.abs(gradient).sum())),
        )
        new = evaluate(point + length * direction)
        while new[0] > value + 1e-4 * length * slope and length > 1e-10:
            length /= 2
            new = evaluate(point + length * direction)
        step, gradient_change = length * direction, new[1] - gradient
        if _dot_product(step, gradient_change) > 0:
            history.append((step, gradient_change))
        point, (value, gradient) = point + step, new
    return point


def _apply_inverse_hessian(gradient: Floats, history: deque[tuple[Floats, Floats]]) -> Floats:
    """Multiply the gradient by the inverse Hessian that the last steps approximate (two-loop recursion).

    Args:
        gradient: (columns,) gradient at the current point.
        history: (step, change of the gradient) of each of the last steps.
    """
    result, alphas = gradient.copy(), []
    for step, change in reversed(history):
        alpha = _dot_product(step, result) / _dot_product(step, change)
        alphas.append(alpha)
        result -= alpha * change
    if history:
        step, change = history[-1]
        result *= _dot_product(step, change) / _dot_product(change, change)
    for (step, change), alpha in zip(history, reversed(alphas), strict=True):
        result += (alpha - _dot_product(change, result) / _dot_product(step, change)) * step
    return result
