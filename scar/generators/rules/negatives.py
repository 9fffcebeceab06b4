"""Nine negatives for a gold caption, sampled from the candidates that no veto refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TypeAlias

from numpy.typing import ArrayLike

from scar.generators.rules.records import CaptionStats
from scar.generators.rules.sampling import sample_without_replacement
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.generators.rules.weights import fit_weights, weigh_candidates
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part, Picture, Region

TextScorer: TypeAlias = Callable[[Sequence[str]], ArrayLike]
"""Takes captions; returns a text-only model's score of each: the higher, the more it looks like a gold caption."""

UNFITTED = CaptionStats()
"""The word tables alone, without a fit to the true captions of a corpus."""

_OVERSAMPLING = 3
"""Number of negatives that are sampled for each one that is kept by score: enough above and below the gold caption."""


def write_negatives(
    gold: Caption,
    picture: Picture,
    region: Region,
    rng: Random,
    veto_counts: Counter[str],
    stats: CaptionStats = UNFITTED,
    find_judge: Callable[[str], TextScorer] | None = None,
) -> tuple[Negative, ...] | None:
    """Write nine negatives, three for each part in the order of `PARTS`. With the gold caption: ten distinct texts.

    Args:
        gold: true caption of the region.
        picture: the picture that contains the region.
        region: the region that the captions describe.
        rng: the only source of randomness.
        veto_counts: the refused candidates are added to these counts, by the reason of the veto.
        stats: what a fit has learned about the true captions of the corpus.
        find_judge: returns the scorer for an image file. If given, negatives are chosen so that, as far as possible,
            the scores give the gold caption every rank among the ten with equal probability. None to take the first
            negatives that are sampled.

    Returns:
        None if the rules find fewer than three candidates for a part that are clearly false.
    """
    context = VetoContext.from_gold(gold, picture, region)
    most = NEGATIVES_PER_PART * (_OVERSAMPLING if find_judge else 1)
    found = [_sample_negatives(part, context, rng, veto_counts, stats, most) for part in PARTS]
    if any(len(negatives) < NEGATIVES_PER_PART for negatives in found):
        return None
    if find_judge:
        found = _choose_by_score(found, gold, find_judge(picture.file), rng)
    return tuple(negative for negatives in found for negative in negatives)


def fit_negative_writer(
    captions: Sequence[tuple[Caption, Picture, Region]], rng: Random, is_complete: bool
) -> Callable[..., tuple[Negative, ...] | None]:
    """Make a `write_negatives` that fits the true captions of a corpus; see `fit_weights`."""
    return partial(write_negatives, stats=fit_weights(captions, rng, is_complete=is_complete))


def _sample_negatives(
    part: Part, context: VetoContext, rng: Random, veto_counts: Counter[str], stats: CaptionStats, most: int
) -> list[Negative]:
    """Sample candidates for a part until ``most`` of them pass all vetoes, or all candidates are sampled."""
    accepted: list[Negative] = []
    gold = context.gold
    true_value: str = getattr(gold, part)
    for value in sample_without_replacement(weigh_candidates(part, context, stats), rng):
        if value == true_value:
            continue
        negative = Negative(part, gold.swap(part, value))
        reason = find_veto_reason(negative, context)
        if reason:
            veto_counts[reason] += 1
            continue
        accepted.append(negative)
        context.taken_texts.add(negative.caption.text.lower())
        if len(accepted) == most:
            break
    return accepted


def _choose_by_score(
    found: Sequence[list[Negative]], gold: Caption, judge: TextScorer, rng: Random
) -> list[list[Negative]]:
    """Choose three negatives of each part so that a random number of all scores above the gold caption, if possible."""
    total = NEGATIVES_PER_PART * len(found)
    slots_above = set(rng.sample(range(total), rng.randint(0, total)))
    chosen = []
    for number, negatives in enumerate(found):
        gold_score, *others = map(float, judge([gold.text, *(negative.caption.text for negative in negatives)]))  # type: ignore[arg-type]
        above = [negative for negative, score in zip(negatives, others, strict=True) if score >= gold_score]
        below = [negative for negative, score in zip(negatives, others, strict=True) if score < gold_score]
        slots = range(number * NEGATIVES_PER_PART, (number + 1) * NEGATIVES_PER_PART)
        count = sum(slot in slots_above for slot in slots)
        count = min(max(count, NEGATIVES_PER_PART - len(below)), len(above))
        selected = [*above[:count], *below[: NEGATIVES_PER_PART - count]]
        chosen.append([negative for negative in negatives if negative in selected])
    return chosen
