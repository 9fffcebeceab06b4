"""Sampling weights that make false elements as frequent as true ones.

A text-only model learns which words occur in wrong captions. It learns nothing from a word if, of all captions with the
word, as many are gold captions as by chance. Vetoes refuse some words more often than others, so sampling must make up
for it. `fit_weights` finds the weights on true captions of the corpus.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from random import Random

import msgspec

from scar.generators.generator import GoldTask
from scar.generators.rules.candidates import propose_candidates
from scar.generators.rules.features import find_features
from scar.generators.rules.proportional_fitting import fit_feature_weights
from scar.generators.rules.records import Candidate, CandidateSet, CaptionStats, RulesGold
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import NEGATIVES_PER_PART, PARTS, Part

_MAX_FIT_CANDIDATES = 160
"""Largest number of candidates of one set in the fit: it represents the largest set, and the fit takes seconds."""

_UNSEEN_WEIGHT = 0.002
"""Weight of a feature that no true caption has: such a candidate is a last resort."""


def fit_weights(golds: Sequence[tuple[GoldTask, RulesGold]], rng: Random, *, is_complete: bool) -> CaptionStats:
    """Fit weights with which accepted candidates have each feature about as often as true captions have it.

    Args:
        golds: true captions of a corpus with their tasks.
        rng: samples candidates from large sets.
        is_complete: whether these are all true captions of the corpus. Otherwise the fit assumes that the other ones
            also have features that none of these has.
    """
    annotated = sorted({name for task, _ in golds for name in task.evidence.regions_by_name})
    stats = CaptionStats.from_captions([gold.phrases for _, gold in golds], annotated)
    feature_weights: dict[str, float] = {}
    contexts = [(task, VetoContext.from_gold(gold.phrases, task, stats)) for task, gold in golds]
    for part in PARTS:
        cases = []
        for task, context in contexts:
            allowed = _find_allowed(part, task, context, stats, rng)
            if len(allowed) >= NEGATIVES_PER_PART:
                cases.append((find_features(part, context.gold), allowed))
        feature_weights |= fit_feature_weights(cases, NEGATIVES_PER_PART, is_complete=is_complete)
    return dataclasses.replace(stats, feature_weights=feature_weights, default_weight=_UNSEEN_WEIGHT)


def _find_allowed(
    part: Part, task: GoldTask, context: VetoContext, stats: CaptionStats, rng: Random
) -> list[Candidate]:
    """The candidates that no veto refuses; a candidate of two sets has the sum of both weights."""
    found: dict[NounPhrase | RelationPhrase, Candidate] = {}
    for candidate_set, factor in propose_candidates(part, context.gold, task, stats):
        for candidate in _subsample_candidates(candidate_set, rng):
            before = found.get(candidate.value)
            if before is None and factor == 1:
                found[candidate.value] = candidate
                continue
            weight = candidate.weight * factor + (before.weight if before else 0)
            found[candidate.value] = Candidate(candidate.value, candidate.features, weight)
    return [each for each in found.values() if not find_veto_reason(part, context.gold.swap(part, each.value), context)]


def _subsample_candidates(candidate_set: CandidateSet, rng: Random) -> Sequence[Candidate]:
    """Sample candidates that represent a set: one with a low chance to be sampled gets a higher weight in return."""
    candidates = candidate_set.candidates
    if len(candidates) <= _MAX_FIT_CANDIDATES:
        return candidates
    least = sum(candidate.weight for candidate in candidates) / _MAX_FIT_CANDIDATES
    chosen = (candidate for candidate in candidates if rng.random() * least < candidate.weight)
    return [msgspec.structs.replace(candidate, weight=max(candidate.weight, least)) for candidate in chosen]
