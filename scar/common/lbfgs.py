"""Find where a smooth convex function is least, with the same result on every machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_LBFGS_MEMORY = 10
"""Last steps that approximate the inverse Hessian."""

_MAX_STEPS = 200


def dot_product(first: Floats, second: Floats) -> float:
    """Dot product with the same order of summation on every machine; the order of BLAS depends on its threads."""
    return float((first * second).sum())


def minimize_lbfgs(
    evaluate: Callable[[Floats], tuple[float, Floats]], point: Floats, gradient_tolerance: float
) -> Floats:
    """Find the point where a smooth convex function is least, by L-BFGS (Nocedal and Wright, section 7.2).

    Args:
        evaluate: returns value and gradient of the function at a point.
        point: the point to start from.
        gradient_tolerance: the search ends when the gradient's largest entry falls to this share of the first one.
    """
    value, gradient = evaluate(point)
    tolerance = gradient_tolerance * float(np.abs(gradient).max(initial=0.0))
    history: deque[tuple[Floats, Floats]] = deque(maxlen=_LBFGS_MEMORY)
    for _ in range(_MAX_STEPS):
        if float(np.abs(gradient).max(initial=0.0)) <= tolerance:
            break
        direction = -_apply_inverse_hessian(gradient, history)
        slope, length = (
            dot_product(gradient, direction),
            1.0 if history else 1 / max(1.0, float(np.abs(gradient).sum())),
        )
        new = evaluate(point + length * direction)
        while new[0] > value + 1e-4 * length * slope and length > 1e-10:
            length /= 2
            new = evaluate(point + length * direction)
        step, gradient_change = length * direction, new[1] - gradient
        if dot_product(step, gradient_change) > 0:
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
        alpha = dot_product(step, result) / dot_product(step, change)
        alphas.append(alpha)
        result -= alpha * change
    if history:
        step, change = history[-1]
        result *= dot_product(step, change) / dot_product(change, change)
    for (step, change), alpha in zip(history, reversed(alphas), strict=True):
        result += (alpha - dot_product(change, result) / dot_product(step, change)) * step
    return result
