"""A model that picks the gold caption of each group (question) by the features of the captions.

The model is the conditional logit (McFadden, 1974), logistic regression for a choice of one out of many: caption i of
a group is gold with probability softmax(features @ weights)[i].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from scar.common.lbfgs import dot_product, minimize_lbfgs

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[Any]
"""Integers or floats."""

PENALTY = 1.0
"""Factor of half the squared norm of the weights in the loss; 1 is the usual default of logistic regression."""

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
        """Number of columns of the matrix, that is of features."""
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
        return loss + penalty / 2 * dot_product(weights, weights), gradient

    return minimize_lbfgs(evaluate_loss, np.zeros(features.column_count), tolerance)


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
