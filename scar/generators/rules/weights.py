"""Sampling weights that make false elements as frequent as true ones.

A text-only model learns which words occur in wrong captions. It learns nothing from a word if, of all captions with the
word, as many are gold captions as by chance. Vetoes refuse some words more often than others, so sampling must make up
for it. `fit_weights` finds the weights on true captions of the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, eq=False)
class SamplingWeights:
    """Statistics of true captions and the weights of features, compared by identity.

    Attributes:
        stats: statistics of the objects and scenes of true captions.
        feature_weights: factor of each feature for the weights of the candidates that have it.
        default_weight: factor of a feature that is not in ``feature_weights``.
    """

    stats: CaptionStats = field(default_factory=CaptionStats)
    feature_weights: Mapping[str, float] = field(default_factory=dict)
    default_weight: float = 1.0

    def weigh_candidate_sets(self, part: Part, context: VetoContext) -> list[tuple[WeightedItems[str], float]]:
        """All candidates for one part of a gold caption with their final weights, for `sample_without_replacement`."""
        return [(self._weigh_set(candidates), factor) for candidates, factor in self.propose_candidates(part, context)]

    def propose_candidates(self, part: Part, context: VetoContext) -> WeightedSets:
        """All candidates for one part of a gold caption, with their weights before the weights of features."""
        gold, picture, region = context.gold, context.picture, context.region
        if part == "scene":
            return propose_scenes(gold, region, self.stats)
        if part == "relation":
            return propose_relations(gold, picture, region)
        return propose_objects(gold, picture, region, self.stats)

    def _weigh_set(self, candidate_set: CandidateSet) -> WeightedItems[str]:
        weighed = _WEIGHED_SETS.setdefault(candidate_set, {})
        items = weighed.get(self)
        if items is None:
            if candidate_set.subsets:
                items = WeightedItems.concatenate([self._weigh_set(subset) for subset in candidate_set.subsets])
            else:
                items = self._make_weighted_items(candidate_set.candidates)
            weighed[self] = items
        return items

    def _make_weighted_items(self, candidates: Sequence[Candidate]) -> WeightedItems[str]:
        get, default = self.feature_weights.get, self.default_weight
        weights = [each.weight * math.prod([get(feature, default) for feature in each.features]) for each in candidates]
        return WeightedItems([candidate.value for candidate in candidates], weights)


_WEIGHED_SETS: WeakKeyDictionary[CandidateSet, dict[SamplingWeights, WeightedItems[str]]] = WeakKeyDictionary()
"""Cache of `SamplingWeights._weigh_set`; an entry lives as long as its candidate set."""


def fit_weights(
    captions: Sequence[tuple[Caption, Picture, Region]], rng: Random, *, is_complete: bool
) -> SamplingWeights:
    """Fit weights with which accepted candidates have each feature about as often as true captions have it.

    Args:
        captions: true captions of a corpus, each with its picture and region.
        rng: samples candidates from large sets.
        is_complete: whether these are all true captions of the corpus. Otherwise the other true captions are taken
            to have also features that none of these has.
    """
    stats = CaptionStats.from_captions([gold for gold, _, _ in captions])
    unfitted = SamplingWeights(stats)
    feature_weights: dict[str, float] = {}
    contexts = [VetoContext.from_gold(*each) for each in captions]
    for part in PARTS:
        cases = []
        for context in contexts:
            allowed = _find_allowed(unfitted, part, context, rng)
            if len(allowed) >= NEGATIVES_PER_PART:
                cases.append((find_features(part, context.gold), allowed))
        feature_weights |= fit_feature_weights(cases, NEGATIVES_PER_PART, is_complete=is_complete)
    return SamplingWeights(stats, feature_weights, _UNSEEN_WEIGHT)


def _find_allowed(weights: SamplingWeights, part: Part, context: VetoContext, rng: Random) -> list[Candidate]:
    """The candidates that no veto refuses; a candidate of two sets has the sum of both weights."""
    gold = context.gold
    found: dict[str, Candidate] = {}
    for candidate_set, factor in weights.propose_candidates(part, context):
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
