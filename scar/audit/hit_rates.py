"""Hit rates of scored questions, with intervals that are resampled by image: samples of one image are alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from scar.audit.logistic import Floats, Ints, Numbers, compute_hits
from scar.audit.questions import QuestionSet
from scar.sample import PARTS, Part

_RESAMPLES = 1_000
"""Bootstrap samples: the ends of intervals move by less than a tenth of their width."""

_MAX_GROUPS = 500
"""Of more images, several form a group that is drawn as one: the interval stays right, and the memory small."""


def compute_hit_rates(scores: Floats, test: QuestionSet) -> dict[str, Any]:
    """Compute the hit rates of one judge.

    Args:
        scores: (captions,) scores of the captions of ``test``, in its order.
        test: the questions that were scored, at least one.

    Returns:
        ``hit``: share of questions whose gold caption scores best, ties broken by lot; ``interval``: its 95 %
        confidence interval, resampled by image; ``chance``: hit rate of a random guess; ``kinds``: by part, the same
        three figures if only the gold caption and the swaps of that part are offered. A part without swaps is left out.
    """
    sizes = np.array([len(question.captions) for question in test.questions])
    by_part = {part: rates for part in PARTS if (rates := compute_part_rates(scores, test, part))}
    return _summarize_hits(compute_hits(scores, test.gold_indices), sizes, test.image_numbers) | {"kinds": by_part}


def compute_part_rates(scores: Floats, test: QuestionSet, part: Part) -> dict[str, Any] | None:
    """Hit rates if only the gold caption and the swaps of one part are offered; None without such swaps."""
    is_offered = test.replaced_parts == PARTS.index(part)
    swap_counts = np.add.reduceat(is_offered.astype(np.int64), test.gold_indices)
    asked = swap_counts > 0
    sizes = 1 + swap_counts[asked]
    if not len(sizes):
        return None
    is_offered[test.gold_indices[asked]] = True
    hits = compute_hits(scores[is_offered], np.cumsum(sizes) - sizes)
    return _summarize_hits(hits, sizes, test.image_numbers[asked])


def resample_share(hits: Numbers, counts: Numbers) -> tuple[float, float]:
    """The 95 % interval, (low, high), of the share ``hits.sum() / counts.sum()``, by a bootstrap over images.

    One image says nothing about others: its interval is (0, 1).

    Args:
        hits: (images,) number of hits in each image.
        counts: (images,) number of trials in each image.

    >>> resample_share(np.array([3.0]), np.array([4.0])), resample_share(np.ones(5), np.ones(5))
    ((0.0, 1.0), (1.0, 1.0))
    """
    if len(hits) < 2:
        return 0.0, 1.0
    if len(hits) > _MAX_GROUPS:
        groups = np.arange(len(hits)) % _MAX_GROUPS
        hits, counts = (np.bincount(groups, each, _MAX_GROUPS) for each in (hits, counts))
    weights = _draw_resamples(len(hits))
    low, high = np.quantile((weights @ hits) / np.maximum(weights @ counts, 1e-9), (0.025, 0.975))
    return float(low), float(high)


@lru_cache(maxsize=8)
def _draw_resamples(groups: int) -> Floats:
    """(resamples, groups) how often each bootstrap sample has each group."""
    rng = np.random.default_rng(groups)
    return rng.multinomial(groups, np.full(groups, 1 / groups), _RESAMPLES).astype(np.float64)


def _summarize_hits(hits: Floats, sizes: Ints, images: Ints) -> dict[str, Any]:
    """Hit rate, its interval and the chance level.

    Args:
        hits: (questions,) probability of a hit.
        sizes: (questions,) number of captions that each question offers.
        images: (questions,) number of each question's image.
    """
    counts = np.bincount(images)
    low, high = resample_share(np.bincount(images, hits)[counts > 0], counts[counts > 0])
    return {
        "hit": round(float(hits.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
        "chance": round(float((1 / sizes).mean()), 4),
    }
