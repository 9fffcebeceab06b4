"""Choose negatives so that a scorer of words alone ranks the gold caption at each of the ten places equally often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TypeAlias

import numpy as np

from scar.sample import NEGATIVES_PER_PART, PARTS, Part

CountWeights: TypeAlias = tuple[float, ...]
"""Weight of each number, from 0 to 3, of negatives of a part that score above the gold caption."""

EQUAL_WEIGHTS: CountWeights = (1.0,) * (NEGATIVES_PER_PART + 1)

_ITERATIONS = 200
"""Iterations of the fit of the weights: enough for them to settle."""


def fit_count_weights(several: Iterable[Sequence[bool]]) -> CountWeights:
    """Find weights so that 0, 1, 2 or 3 negatives of a part score above the gold caption equally often, if possible.

    Many golds have no candidate that scores above them. The others make up for it.

    Args:
        several: for each gold of the fit, whether each of its candidates for a part scores above the gold.
    """
    possible = np.array([[lo <= count <= hi for count in range(len(EQUAL_WEIGHTS))] for lo, hi in map(_range, several)])
    if not len(possible):
        return EQUAL_WEIGHTS
    weights = np.ones(len(EQUAL_WEIGHTS))
    for _ in range(_ITERATIONS):
        chances = possible * weights
        expected = (chances / chances.sum(axis=1, keepdims=True)).mean(axis=0)
        weights = np.clip(weights * (1 / len(weights) / np.maximum(expected, 1e-9)) ** 0.5, 1e-3, 1e3)
    return tuple(weights.tolist())


def choose_places(
    above: Mapping[Part, Sequence[bool]], weights: Mapping[Part, CountWeights], seed: str
) -> dict[Part, list[int]]:
    """Choose three negatives of each part.

    A place of the gold caption is drawn from 1 to 10, and spread over the parts: so many negatives score above it. A
    part with too few above or below has the nearest number that is possible, and ``weights`` make up for it.

    Args:
        above: by part, whether each of its candidates scores above the gold caption; in order of preference, and at
            least three.
        weights: by part, the weights of the numbers of negatives above; equal ones for a part that is not there.
        seed: seed of the choice.

    Returns:
        By part, the indices of the chosen candidates, ascending.
    """
    rng = Random(seed)  # noqa: S311 - choices of a corpus, not secrets
    total = NEGATIVES_PER_PART * len(PARTS)
    slots = set(rng.sample(range(total), rng.randint(0, total)))
    chosen: dict[Part, list[int]] = {}
    for number, part in enumerate(PARTS):
        own = range(number * NEGATIVES_PER_PART, (number + 1) * NEGATIVES_PER_PART)
        share = (sum(slot in slots for slot in own) + rng.random()) / len(EQUAL_WEIGHTS)
        count = _find_count(share, _range(above[part]), weights.get(part, EQUAL_WEIGHTS))
        higher = [index for index, is_above in enumerate(above[part]) if is_above]
        lower = [index for index, is_above in enumerate(above[part]) if not is_above]
        chosen[part] = sorted([*higher[:count], *lower[: NEGATIVES_PER_PART - count]])
    return chosen


def _range(above: Sequence[bool]) -> tuple[int, int]:
    """Least and largest number above the gold caption that three of the candidates can have."""
    return max(0, NEGATIVES_PER_PART - (len(above) - sum(above))), min(NEGATIVES_PER_PART, sum(above))


def _find_count(share: float, limits: tuple[int, int], weights: CountWeights) -> int:
    """The number within limits at a share, from 0 to 1, of the weights."""
    least, most = limits
    left = share * sum(weights[least : most + 1])
    for count in range(least, most):
        left -= weights[count]
        if left < 0:
            return count
    return most
