"""Weights of features that make sampled candidates have each feature as often as true captions have it.

Three candidates of each gold caption are sampled by weight, without replacement. The weight of a candidate is its own
weight times the weights of its features. Iterative proportional fitting (Deming and Stephan, 1940) of the expected
numbers of samples finds the weights of the features.
"""

from __future__ import annotations

import numpy as np

from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.draws import Floats, Ints

_ITERATIONS = 60
"""Number of iterations of the fit: enough for the weights to settle on every corpus so far."""

_DAMPING = 0.7
"""Share of each logarithmic step that is taken: full steps oscillate where features compete."""

_SMOOTHING = 0.1
"""Added to the wanted and the expected number of samples with a feature: a rarer feature deserves no own weight."""

_MIN_UNSEEN_COUNT = 0.02
"""Least number of gold captions that are taken to have features of one role which no gold caption of the fit has."""

_UNSEEN_LOG_WEIGHT = -4.0
"""First logarithmic weight of a feature that no gold caption has, before the fit changes it."""

_LOG_WEIGHTS = (-8.0, 3.0)
"""Least and largest logarithmic weight of a feature: one that few rows of the fit offer must not flood all others."""

_TOLERANCE = 1e-10
"""Error of the expected number of samples of a row below which Newton's method stops."""

_MIN_SHARE = 1e-6
"""Candidates with less than this share of the largest weight of their row are hardly ever drawn: they are left out."""


def fit_feature_weights(block: CandidateBlock, draws: int, *, is_complete: bool) -> dict[str, float]:
    """Fit the weight of each feature of the candidates; a feature that no gold caption has gets a low weight.

    Args:
        block: the candidates of gold captions; those with fewer than ``draws`` that no veto refuses do not count.
        draws: number of samples for each gold caption.
        is_complete: whether the block has all gold captions of the corpus. Otherwise features that no gold has are
            taken to be as frequent as the features that just one gold has (Good, 1953).
    """
    allowed = np.where(block.refused, 0.0, block.weights)
    allowed[block.allowed_counts < draws] = 0
    golds = block.gold_features[block.allowed_counts >= draws]
    if not len(golds):
        return {}
    allowed[allowed < _MIN_SHARE * allowed.max(axis=1, keepdims=True)] = 0
    rows, places = np.nonzero(allowed)
    own_logs = np.log(allowed[rows, places])  # (candidates,)
    known, columns = np.unique(block.features[rows, places], return_inverse=True)
    columns = columns.reshape(len(rows), -1)
    names = [block.feature_names[number] for number in known.tolist()]
    gold_counts = np.bincount(golds.ravel(), minlength=len(block.feature_names))
    wanted = draws * gold_counts[known].astype(float)
    is_unseen, kinds = wanted == 0, np.array([_feature_kind(name) for name in names])
    unseen_wanted = dict.fromkeys(map(_feature_kind, names), _MIN_UNSEEN_COUNT * draws)
    if not is_complete:
        for number in np.flatnonzero(gold_counts == 1).tolist():
            kind = _feature_kind(block.feature_names[number])
            unseen_wanted[kind] = unseen_wanted.get(kind, 0.0) + draws
    _, rows = np.unique(rows, return_inverse=True)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    logs = np.where(is_unseen, _UNSEEN_LOG_WEIGHT, 0.0)  # (features,)
    for _ in range(_ITERATIONS):
        scores = own_logs + logs[columns].sum(axis=1)
        chances = compute_draw_chances(scores, starts, rows, draws)
        expected = np.bincount(columns.ravel(), np.repeat(chances, columns.shape[1]), len(names))
        ratio = (wanted + _SMOOTHING) / (expected + _SMOOTHING)
        for kind, least in unseen_wanted.items():
            group = is_unseen & (kinds == kind)
            if group.any():
                ratio[group] = (least + _SMOOTHING) / (expected[group].sum() + _SMOOTHING)
        logs = np.clip(logs + _DAMPING * np.log(ratio) / columns.shape[1], *_LOG_WEIGHTS)
    return {name: float(np.exp(value)) for name, value in zip(names, logs, strict=True)}


def compute_draw_chances(scores: Floats, starts: Ints, rows: Ints, draws: int) -> Floats:
    """The probability that each candidate is among the samples of its row, which are drawn without replacement.

    A row has the candidates of one gold caption. Each candidate has an exponential clock; those whose clock rings
    before the time at which ``draws`` are expected are the samples (Rosén, 1972).

    Args:
        scores: (candidates,) logarithm of the weight of each candidate.
        starts: (rows,) index of the first candidate of each row.
        rows: (candidates,) index of the row of each candidate, ascending.
        draws: number of samples of each row; no row has fewer candidates.

    Returns:
        (candidates,) probabilities; the sum of each row is ``draws``.
    """
    most = np.maximum.reduceat(scores, starts)
    weights = np.exp(np.maximum(scores - most[rows], -30.0))
    sizes = np.diff(starts, append=len(scores))
    time = np.full(len(starts), float(draws)) / np.add.reduceat(weights, starts)
    for _ in range(12):  # Newton's method
        silent = np.exp(-weights * time.repeat(sizes))
        expected = np.add.reduceat(1 - silent, starts)
        slope = np.add.reduceat(weights * silent, starts)
        missing = np.where(sizes > draws, draws - expected, 0.0)
        if np.abs(missing).max() < _TOLERANCE:
            break
        time = time + np.minimum(missing / np.maximum(slope, 1e-12), 4 * time + 1)
    is_full = (sizes <= draws)[rows]
    return np.where(is_full, 1.0, 1 - np.exp(-weights * time[rows]))


def _feature_kind(feature: str) -> str:
    """The first word of a feature (`scene`, `object`, `predicate`, ...), which says what the feature is about."""
    return feature.partition(" ")[0]
