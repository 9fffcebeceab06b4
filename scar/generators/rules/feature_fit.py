"""Weights of features that make sampled candidates have each feature as often as true captions have it.

A linear model that learned features from the corpus would have no slope to follow: of each feature, false captions have
their share. The weights are the solution of a convex problem, the log-linear model whose expected features are those of
the true captions (maximum entropy; Jaynes, 1957); a penalty keeps them small where vetoes leave few candidates.
"""

from __future__ import annotations

import numpy as np

from scar.common.lbfgs import dot_product, minimize_lbfgs
from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.draws import Floats, Hashes, Ints, draw_first, make_clocks
from scar.generators.rules.feature_weights import FeatureWeights
from scar.sample import NEGATIVES_PER_PART

_PENALTY = 0.3
"""Weight of the sum of squares: as if each feature had been seen and missed this often."""

_TOLERANCE = 0.2
"""Largest difference of wanted and expected numbers, relative to the first one.

With an exact fit of a few hundred golds, judges find more: features of single golds count too much."""

_UNSEEN_LOG_WEIGHT, _UNSEEN_OF_SAMPLE_LOG_WEIGHT = -6.0, -3.0
"""Logarithmic weight of a feature that no caption of the fit has: a candidate with it is a last resort.

If the fit saw a sample of the golds, others may have the feature."""

_MAX_LOG_WEIGHT = 20.0
"""Largest logarithmic weight of a feature: one that few rows of the fit offer must not flood all others."""

_HARD_SHARE = 0.75
"""Share of draws that are to be hard candidates; some golds have none."""

_MAX_CANDIDATES = 80
"""Most candidates of a row that count in the fit: the heaviest half of them, and others that are drawn by weight."""

_MIN_SHARE = 1e-6
"""Candidates with less than this share of the largest weight of their row are hardly ever drawn: they are left out."""


def fit_feature_weights(block: CandidateBlock, *, is_complete: bool) -> FeatureWeights:
    """Fit the weight of each feature of the candidates, alone and in each context.

    Args:
        block: the candidates of gold captions; those with fewer than three that no veto refuses do not count.
        is_complete: whether the block has all gold captions of the corpus.
    """
    enough = np.flatnonzero(block.allowed_counts >= NEGATIVES_PER_PART)
    allowed = np.where(block.refused[enough], 0.0, block.weights[enough])
    if not allowed.size:
        return FeatureWeights()
    allowed[allowed < _MIN_SHARE * allowed.max(axis=1, keepdims=True)] = 0
    own = _thin(allowed, enough.astype(np.uint64), np.broadcast_to(block.words, block.weights.shape)[enough])
    rows, columns = np.nonzero(np.isfinite(own))
    names, contexts = block.contexts[0], block.contexts[1][enough]
    known = np.concatenate((block.features[enough][rows, columns], block.gold_features[enough]))
    owners = np.concatenate((rows, np.arange(len(enough))))
    size = len(names) + 1
    codes = known[:, :, None] * size  # the last context stands for none
    crossed = codes + contexts[owners][:, None]
    every = np.concatenate((codes + len(names), crossed), axis=2).reshape(len(owners), -1)
    different = np.unique(every[: len(rows)])
    hard = np.zeros(len(rows)) if block.hard is None else block.hard[enough][rows, columns].astype(float)
    wanted = _count_wanted(every[len(rows) :], different)
    share = _HARD_SHARE * len(enough) if hard.any() else 0.0
    numbers = np.searchsorted(different, every[: len(rows)])
    logs = _match(numbers, hard, np.append(wanted, share), rows, own[rows, columns])
    alone: dict[str, float] = {}
    given: dict[str, dict[str, float]] = {}
    for code, value in zip(different.tolist(), logs[:-1].tolist(), strict=True):
        feature, context = divmod(code, size)
        name = block.feature_names[feature]
        if context == len(names):
            alone[name] = value
        else:
            given.setdefault(name, {})[names[context]] = value
    return FeatureWeights(
        alone, given, _UNSEEN_LOG_WEIGHT if is_complete else _UNSEEN_OF_SAMPLE_LOG_WEIGHT, float(logs[-1])
    )


def _thin(allowed: Floats, records: Hashes, words: Hashes) -> Floats:
    """(T, M) logarithmic weights of at most `_MAX_CANDIDATES` of each row, infinitely small for the others.

    Those that are drawn stand for the others as well: together they weigh as much as all that are not kept.
    """
    with np.errstate(divide="ignore"):
        own: Floats = np.log(allowed)
    if allowed.shape[1] <= _MAX_CANDIDATES:
        return own
    half = _MAX_CANDIDATES // 2
    rows = np.arange(len(allowed))[:, None]
    heaviest = np.argpartition(-allowed, half, axis=1)[:, :half]
    rest = allowed.copy()
    rest[rows, heaviest] = 0
    drawn = draw_first(make_clocks(records, words, rest), rest == 0, half)
    found = np.full_like(own, -np.inf)
    found[rows, heaviest] = own[rows, heaviest]
    for row, columns in enumerate(drawn):
        if len(kept := columns[columns >= 0]):
            found[row, kept] = np.log(rest[row].sum() / len(kept))
    return found


def _count_wanted(golds: Ints, different: Ints) -> Floats:
    """(features,) number of golds with each of the different features; what golds alone have changes no draw."""
    found, counts = np.unique(golds, return_counts=True)
    _, places, own = np.intersect1d(different, found, assume_unique=True, return_indices=True)
    wanted = np.zeros(len(different))
    wanted[places] = counts[own]
    return wanted


def _match(numbers: Ints, hard: Floats, wanted: Floats, rows: Ints, own: Floats) -> Floats:
    """(F,) logarithmic weights with which so many of the candidates, one drawn in each row, have each feature.

    Args:
        numbers: (candidates, K) numbers of the features of the candidates, below F - 1.
        hard: (candidates,) 1 for candidates with the last feature, 0 for others.
        wanted: (F,) number of rows whose draw is to have each feature.
        rows: (candidates,) row of each candidate, ascending; each row has one.
        own: (candidates,) logarithmic weights of the candidates without features.
    """
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    flat = numbers.ravel()

    def measure(logs: Floats) -> tuple[float, Floats]:
        scores = logs[numbers].sum(axis=1) + logs[-1] * hard + own
        most = np.maximum.reduceat(scores, starts)
        shares = np.exp(scores - most[rows])
        sums = np.add.reduceat(shares, starts)
        loss = float((np.log(sums) + most).sum()) - dot_product(wanted, logs)
        loss += _PENALTY / 2 * dot_product(logs, logs)
        chances = shares / sums[rows]
        expected = np.bincount(flat, np.repeat(chances, numbers.shape[1]), len(wanted))
        expected[-1] = dot_product(chances, hard)
        return loss, expected - wanted + _PENALTY * logs

    found = minimize_lbfgs(measure, np.zeros(len(wanted)), _TOLERANCE)
    return np.clip(found, -_MAX_LOG_WEIGHT, _MAX_LOG_WEIGHT)
