"""The conditional logit equals exact solutions, and features are the same in every form."""

from __future__ import annotations

import numpy as np
import pytest

from scar.audit.logistic import Features, compute_hits, fit_conditional_logit


@pytest.mark.parametrize("penalty", [0.1, 1.0, 5.0])
def test_the_fit_is_where_newton_with_the_exact_curvature_ends(penalty: float) -> None:
    rng = np.random.default_rng(3)
    values, starts = rng.normal(size=(60, 7)), np.arange(0, 60, 5)
    expected = np.zeros(7)
    for _ in range(50):
        gradient, curvature = penalty * expected, penalty * np.eye(7)
        for group in np.split(values, starts[1:]):
            odds = np.exp(group @ expected)
            shares = odds / odds.sum()
            mean = shares @ group
            gradient += mean - group[0]
            curvature += (group - mean).T @ np.diag(shares) @ (group - mean)
        expected = expected - np.linalg.solve(curvature, gradient)
    np.testing.assert_allclose(fit_conditional_logit(Features(values), starts, penalty), expected, atol=2e-3)


def test_sparse_and_dense_features_give_the_same_fit() -> None:
    rng = np.random.default_rng(0)
    values = (rng.random((40, 9)) < 0.3).astype(np.float64)
    rows, columns = np.nonzero(values)
    sparse, starts = Features.from_pairs(rows, columns, 40, 9), np.arange(0, 40, 10)
    np.testing.assert_allclose(sparse.multiply_weights(np.arange(9.0)), values @ np.arange(9.0))
    np.testing.assert_allclose(sparse.multiply_transposed(np.arange(40.0)), values.T @ np.arange(40.0))
    np.testing.assert_allclose(
        fit_conditional_logit(sparse, starts), fit_conditional_logit(Features(values), starts), atol=1e-9
    )


def test_equal_captions_that_share_a_row_count_each_time() -> None:
    rng = np.random.default_rng(4)
    values = (rng.random((12, 9)) < 0.3).astype(np.float64)
    rows, columns = np.nonzero(values)
    sparse, row_indices, starts = (
        Features.from_pairs(rows, columns, 12, 9),
        rng.integers(0, 12, 60),
        np.arange(0, 60, 10),
    )
    expected = fit_conditional_logit(Features(values[row_indices]), starts)
    np.testing.assert_allclose(fit_conditional_logit(Features(sparse.matrix, row_indices), starts), expected, atol=1e-9)
    np.testing.assert_allclose(fit_conditional_logit(sparse.take_rows(row_indices), starts), expected, atol=1e-9)


def test_a_tie_is_broken_by_lot() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 3, 70).astype(np.float64)
    starts = np.array([0, 10, 13, 40, 41])
    for hit, group in zip(compute_hits(scores, starts), np.split(scores, starts[1:]), strict=True):
        best = [index for index, score in enumerate(group) if score == max(group)]
        assert hit == (1 / len(best) if 0 in best else 0)
