"""Nine negatives for a gold caption, sampled from the candidates that no veto refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from numpy.typing import ArrayLike

from scar.generators.generator import GoldOfTask, GoldTask, NineNegatives, Rejected
from scar.generators.rules.candidates import propose_candidates
from scar.generators.rules.records import CaptionPhrases, CaptionStats, RulesGold
from scar.generators.rules.sampling import sample_without_replacement
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part

TextScorer: TypeAlias = Callable[[Sequence[str]], ArrayLike]
"""Takes captions; returns a text-only model's score of each: the higher, the more it looks like a gold caption."""

UNFITTED = CaptionStats()
"""The word tables alone, without a fit to the true captions of a corpus."""

FEW_NEGATIVES = "few_negatives"
"""Reason to reject a region: the rules find fewer than three clearly false candidates for a part."""

_OVERSAMPLING = 3
"""Number of negatives that are sampled for each one that is kept by score: enough above and below the gold caption."""


def write_negatives(
    golds: Sequence[GoldOfTask],
    veto_counts: Counter[str],
    stats: CaptionStats = UNFITTED,
    find_judge: Callable[[str], TextScorer] | None = None,
) -> list[NineNegatives | Rejected]:
    """Write nine negatives for each gold: three for each part, in the order of `PARTS`. The ten texts are distinct.

    Args:
        golds: the true captions, `RulesGold`s, with their tasks.
        veto_counts: the refused candidates are added to these counts, by the reason of the veto.
        stats: what a fit has learned about the true captions of the corpus.
        find_judge: returns the scorer for an image file. If given, negatives are chosen so that, as far as possible,
            the scores give the gold caption every rank among the ten with equal probability. None to take the first
            negatives that are sampled.

    Raises:
        InputError: a gold is another generator's.
    """
    return [_write_nine(task, RulesGold.of(gold).phrases, veto_counts, stats, find_judge) for task, gold in golds]


def has_false_relations(gold: CaptionPhrases, task: GoldTask) -> bool:
    """Whether a true caption gets three false relations from the words of the tables, without a fit to a corpus."""
    context = VetoContext.from_gold(gold, task, UNFITTED)
    rng = Random(f"{task.key}/relations")  # noqa: S311 - choices of a corpus, not secrets
    found = _sample_negatives("relation", task, context, rng, Counter(), UNFITTED, NEGATIVES_PER_PART)
    return len(found) == NEGATIVES_PER_PART


def _write_nine(
    task: GoldTask,
    gold: CaptionPhrases,
    veto_counts: Counter[str],
    stats: CaptionStats,
    find_judge: Callable[[str], TextScorer] | None,
) -> NineNegatives | Rejected:
    rng = Random(f"{task.key}/negatives")  # noqa: S311 - choices of a corpus, not secrets
    context = VetoContext.from_gold(gold, task, stats)
    most = NEGATIVES_PER_PART * (_OVERSAMPLING if find_judge else 1)
    found = [_sample_negatives(part, task, context, rng, veto_counts, stats, most) for part in PARTS]
    if any(len(negatives) < NEGATIVES_PER_PART for negatives in found):
        return Rejected(FEW_NEGATIVES)
    if find_judge:
        found = _choose_by_score(found, gold.caption, find_judge(task.evidence.picture.file), rng)
    return tuple(negative for negatives in found for negative in negatives)


def _sample_negatives(
    part: Part,
    task: GoldTask,
    context: VetoContext,
    rng: Random,
    veto_counts: Counter[str],
    stats: CaptionStats,
    most: int,
) -> list[Negative]:
    """Sample candidates for a part until ``most`` of them pass all vetoes, or all candidates are sampled."""
    accepted: list[Negative] = []
    candidate_sets = propose_candidates(part, context.gold, task, stats)
    weighted = [(candidates.weighted_values, factor) for candidates, factor in candidate_sets]
    for value in sample_without_replacement(weighted, rng):
        false = context.gold.swap(part, value)
        reason = find_veto_reason(part, false, context)
        if reason:
            veto_counts[reason] += 1
            continue
        accepted.append(Negative(part, false.caption))
        context.taken_texts.add(false.caption.text.lower())
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
