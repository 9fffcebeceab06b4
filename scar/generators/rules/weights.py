"""Sampling weights that make false elements as frequent as true ones.

A text-only model learns which words occur in wrong captions. It learns nothing from a word if, of all captions with the
word, as many are gold captions as by chance. Vetoes refuse some words more often than others, so sampling must make up
for it. `fit_weights` finds the weights on true captions of the corpus.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from random import Random
from weakref import WeakKeyDictionary

import msgspec

from scar.generators.rules.candidates import find_features, propose_objects, propose_relations, propose_scenes
from scar.generators.rules.proportional_fitting import fit_feature_weights
from scar.generators.rules.records import Candidate, CandidateSet, CaptionStats, WeightedSets
from scar.generators.rules.sampling import WeightedItems
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part, Picture, Region

_MAX_FIT_CANDIDATES = 80
"""Largest number of candidates of one set in the fit: it represents the largest set, and the fit takes seconds."""

_UNSEEN_WEIGHT = 0.002
"""Weight of a feature that no true caption has: such a candidate is a last resort."""


_WEIGHED_SETS: WeakKeyDictionary[CandidateSet, dict[CaptionStats, WeightedItems[str]]] = WeakKeyDictionary()
"""Cache of `_weigh_set`; an entry lives as long as its candidate set."""


def weigh_candidates(part: Part, context: VetoContext, stats: CaptionStats) -> list[tuple[WeightedItems[str], float]]:
    """All candidates for one part of a gold caption with their final weights, for `sample_without_replacement`."""
    return [(_weigh_set(candidates, stats), factor) for candidates, factor in _propose_candidates(part, context, stats)]


def _propose_candidates(part: Part, context: VetoContext, stats: CaptionStats) -> WeightedSets:
    """All candidates for one part of a gold caption, with their weights before the weights of features."""
    gold, picture, region = context.gold, context.picture, context.region
    if part == "scene":
        return propose_scenes(gold, region, stats)
    if part == "relation":
        return propose_relations(gold, picture, region)
    return propose_objects(gold, picture, region, stats)


def _weigh_set(candidate_set: CandidateSet, stats: CaptionStats) -> WeightedItems[str]:
    weighed = _WEIGHED_SETS.setdefault(candidate_set, {})
    items = weighed.get(stats)
    if items is None:
        if candidate_set.subsets:
            items = WeightedItems.concatenate([_weigh_set(subset, stats) for subset in candidate_set.subsets])
        else:
            items = _make_weighted_items(candidate_set.candidates, stats)
        weighed[stats] = items
    return items


def _make_weighted_items(candidates: Sequence[Candidate], stats: CaptionStats) -> WeightedItems[str]:
    get, default = stats.feature_weights.get, stats.default_weight
    weights = [each.weight * math.prod([get(feature, default) for feature in each.features]) for each in candidates]
    return WeightedItems([candidate.value for candidate in candidates], weights)


def fit_weights(captions: Sequence[tuple[Caption, Picture, Region]], rng: Random, *, is_complete: bool) -> CaptionStats:
    """Fit weights with which accepted candidates have each feature about as often as true captions have it.

    Args:
        captions: true captions of a corpus, each with its picture and region.
        rng: samples candidates from large sets.
        is_complete: whether these are all true captions of the corpus. Otherwise the other true captions are taken
            to have also features that none of these has.
    """
    stats = CaptionStats.from_captions([gold for gold, _, _ in captions])
    feature_weights: dict[str, float] = {}
    contexts = [VetoContext.from_gold(*each) for each in captions]
    for part in PARTS:
        cases = []
        for context in contexts:
            allowed = _find_allowed(part, context, stats, rng)
            if len(allowed) >= NEGATIVES_PER_PART:
                cases.append((find_features(part, context.gold), allowed))
        feature_weights |= fit_feature_weights(cases, NEGATIVES_PER_PART, is_complete=is_complete)
    return dataclasses.replace(stats, feature_weights=feature_weights, default_weight=_UNSEEN_WEIGHT)


def _find_allowed(part: Part, context: VetoContext, stats: CaptionStats, rng: Random) -> list[Candidate]:
    """The candidates that no veto refuses; a candidate of two sets has the sum of both weights."""
    gold = context.gold
    found: dict[str, Candidate] = {}
    for candidate_set, factor in _propose_candidates(part, context, stats):
        for candidate in _subsample_candidates(candidate_set, rng):
            before = found.get(candidate.value)
            if before is None and factor == 1:
                found[candidate.value] = candidate
                continue
            weight = candidate.weight * factor + (before.weight if before else 0)
            found[candidate.value] = Candidate(candidate.value, candidate.features, weight)
    negatives = ((candidate, Negative(part, gold.swap(part, candidate.value))) for candidate in found.values())
    return [candidate for candidate, negative in negatives if not find_veto_reason(negative, context)]


def _subsample_candidates(candidate_set: CandidateSet, rng: Random) -> Sequence[Candidate]:
    """Sample candidates that represent a set: one with a low chance to be sampled gets a higher weight in return."""
    candidates = candidate_set.all_candidates
    if len(candidates) <= _MAX_FIT_CANDIDATES:
        return candidates
    least = sum(candidate.weight for candidate in candidates) / _MAX_FIT_CANDIDATES
    chosen = (candidate for candidate in candidates if rng.random() * least < candidate.weight)
    return [msgspec.structs.replace(candidate, weight=max(candidate.weight, least)) for candidate in chosen]
