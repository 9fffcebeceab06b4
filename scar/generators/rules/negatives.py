"""Nine negatives for a gold caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TypeAlias

from numpy.typing import ArrayLike

from scar.generators.rules.sampling import sample_without_replacement
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.generators.rules.weights import SamplingWeights, fit_weights
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part, Picture, Region

TextScorer: TypeAlias = Callable[[Sequence[str]], ArrayLike]
"""Captions -> how likely each is a gold one, for who sees no image."""

DEFAULT_WEIGHTS = SamplingWeights()

_OVERSAMPLING = 3
"""So many times as many negatives are drawn for a judge to choose from."""


def write_negatives(
    gold: Caption,
    picture: Picture,
    region: Region,
    rng: Random,
    tally: Counter[str],
    weights: SamplingWeights = DEFAULT_WEIGHTS,
    find_judge: Callable[[str], TextScorer] | None = None,
) -> tuple[Negative, ...] | None:
    """Nine negatives, three of each part in the order of `PARTS`; with the gold caption ten distinct texts.

    Args:
        gold: what is true of the region.
        picture: where the region is.
        region: what the captions are about.
        rng: the only chance in it.
        tally: counts every proposal that is refused, under its reason.
        weights: how likely each element is drawn; by default as the tables say.
        find_judge: gives the judge of an image by its file. With one, negatives are chosen so that the gold caption's
            place among the ten, as the judge ranks them, is any with equal chance.

    Returns:
        None when the rules do not have three of each part that are plainly false.
    """
    context = VetoContext.from_gold(gold, picture, region)
    most = NEGATIVES_PER_PART * (_OVERSAMPLING if find_judge else 1)
    found = [_sample_negatives(part, context, rng, tally, weights, most) for part in PARTS]
    if any(len(negatives) < NEGATIVES_PER_PART for negatives in found):
        return None
    if find_judge:
        found = _choose_by_score(found, gold, find_judge(picture.file), rng)
    return tuple(negative for negatives in found for negative in negatives)


def fit_negative_writer(
    captions: Sequence[tuple[Caption, Picture, Region]], rng: Random, is_complete: bool
) -> Callable[..., tuple[Negative, ...] | None]:
    """`draw` with pools that suit a corpus, by true captions of it; see `fit`."""
    return partial(write_negatives, weights=fit_weights(captions, rng, is_complete=is_complete))


def _sample_negatives(
    part: Part, context: VetoContext, rng: Random, tally: Counter[str], weights: SamplingWeights, most: int
) -> list[Negative]:
    """The first negatives of a part that no veto refuses."""
    accepted: list[Negative] = []
    gold = context.gold
    mine: str = getattr(gold, part)
    for value in sample_without_replacement(weights.weigh_candidate_sets(part, context), rng):
        if value == mine:
            continue
        negative = Negative(part, gold.swap(part, value))
        reason = find_veto_reason(negative, context)
        if reason:
            tally[reason] += 1
            continue
        accepted.append(negative)
        context.taken_texts.add(negative.caption.text.lower())
        if len(accepted) == most:
            break
    return accepted


def _choose_by_score(
    found: Sequence[list[Negative]], gold: Caption, judge: TextScorer, rng: Random
) -> list[list[Negative]]:
    """Three of each part: as many of them likelier than the gold caption as a lot says, as far as there are such."""
    places = NEGATIVES_PER_PART * len(found)
    likelier = set(rng.sample(range(places), rng.randint(0, places)))
    chosen = []
    for number, negatives in enumerate(found):
        own, *others = map(float, judge([gold.text, *(negative.caption.text for negative in negatives)]))  # type: ignore[arg-type]
        above = [negative for negative, score in zip(negatives, others, strict=True) if score >= own]
        below = [negative for negative, score in zip(negatives, others, strict=True) if score < own]
        slots = range(number * NEGATIVES_PER_PART, (number + 1) * NEGATIVES_PER_PART)
        wanted = sum(slot in likelier for slot in slots)
        wanted = min(max(wanted, NEGATIVES_PER_PART - len(below)), len(above))
        kept = [*above[:wanted], *below[: NEGATIVES_PER_PART - wanted]]
        chosen.append([negative for negative in negatives if negative in kept])
    return chosen
