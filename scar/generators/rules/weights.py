"""How likely each element is drawn, so that false elements are as frequent as true ones.

A blind model learns which words occur in wrong captions. It learns nothing where a word, of all the captions that have
it, is as often in the right one as chance has it: so often must false captions have it. Vetoes refuse some words more
than others, so what is drawn must be weighted against them; `fit` finds the weights on true captions of the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import msgspec

from scar.generators.rules.candidates import (
    Candidate,
    CandidateSet,
    CaptionStats,
    WeightedSet,
    find_features,
    propose_objects,
    propose_relations,
    propose_scenes,
)
from scar.generators.rules.proportional_fitting import FittingProblem, fit_feature_weights
from scar.generators.rules.sampling import WeightedItems
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part, Picture, Region

_MAX_FIT_CANDIDATES = 80
"""So many proposals of a bag tell what the whole would do."""

_UNSEEN_WEIGHT = 0.002
"""Weight of a mark that no true caption has: drawn where there is nothing else."""


@dataclass(frozen=True, eq=False)
class SamplingWeights:
    """What true captions of a corpus say, and how likely false ones say it; known by identity.

    Attributes:
        stats: what true captions are about.
        feature_weights: of marks; what a proposal weighs is its own weight times those of its marks.
        default_weight: the weight of any other mark.
    """

    stats: CaptionStats = field(default_factory=CaptionStats)
    feature_weights: Mapping[str, float] = field(default_factory=dict)
    default_weight: float = 1.0

    def weigh_candidate_sets(self, part: Part, context: VetoContext) -> list[tuple[WeightedItems[str], float]]:
        """All that may replace an element of a true caption, as `drawn` takes it."""
        return [
            (self._weigh_set(share.candidate_set), share.weight) for share in self.propose_candidates(part, context)
        ]

    def propose_candidates(self, part: Part, context: VetoContext) -> list[WeightedSet]:
        """The same, with proposals' own weights."""
        gold, picture, region = context.gold, context.picture, context.region
        if part == "scene":
            return propose_scenes(gold, region, self.stats)
        if part == "relation":
            return propose_relations(gold, picture, region)
        return propose_objects(gold, picture, region, self.stats)

    def _weigh_set(self, candidate_set: CandidateSet) -> WeightedItems[str]:
        lots = candidate_set.weighted_items.get(self)
        if lots is None:
            lots = (
                WeightedItems.concatenate([self._weigh_set(part) for part in candidate_set.subsets])
                if candidate_set.subsets
                else self._make_weighted_items(candidate_set.candidates)
            )
            candidate_set.weighted_items[self] = lots
        return lots

    def _make_weighted_items(self, candidates: Sequence[Candidate]) -> WeightedItems[str]:
        get, other = self.feature_weights.get, self.default_weight
        values = [
            proposal.weight * math.prod([get(mark, other) for mark in proposal.features]) for proposal in candidates
        ]
        return WeightedItems([proposal.value for proposal in candidates], values)


def fit_weights(
    captions: Sequence[tuple[Caption, Picture, Region]], rng: Random, *, is_complete: bool
) -> SamplingWeights:
    """Pools whose draws, after the vetoes, have each mark as often as true captions have it, as far as can be.

    Args:
        captions: true captions of a corpus, each with its picture and region.
        rng: chooses what is looked at where there is very much.
        is_complete: whether these are all true captions; else others say what none of these says.
    """
    golds = CaptionStats.from_captions([gold for gold, _, _ in captions])
    plain = SamplingWeights(golds)
    weights: dict[str, float] = {}
    contexts = [VetoContext.from_gold(*each) for each in captions]
    for part in PARTS:
        candidates = FittingProblem()
        for context in contexts:
            found = _find_allowed(plain, part, context, rng)
            if len(found) >= NEGATIVES_PER_PART:
                candidates.add_caption(find_features(part, context.gold), found)
        weights |= fit_feature_weights(candidates, NEGATIVES_PER_PART, is_complete=is_complete)
    return SamplingWeights(golds, weights, _UNSEEN_WEIGHT)


def _find_allowed(weights: SamplingWeights, part: Part, context: VetoContext, rng: Random) -> list[Candidate]:
    """The proposals that no veto refuses; what is proposed twice has both weights."""
    gold = context.gold
    found: dict[str, Candidate] = {}
    for share in weights.propose_candidates(part, context):
        for proposal in _subsample_candidates(share.candidate_set, rng):
            before = found.get(proposal.value)
            weight = proposal.weight * share.weight + (before.weight if before else 0)
            found[proposal.value] = Candidate(proposal.value, proposal.features, weight)
    return [
        proposal
        for proposal in found.values()
        if not find_veto_reason(Negative(part, gold.swap(part, proposal.value)), context)
    ]


def _subsample_candidates(candidate_set: CandidateSet, rng: Random) -> Sequence[Candidate]:
    """Proposals of a bag that stand for all; one that is unlikely to be among them weighs the more when it is."""
    proposals = candidate_set.all_candidates
    if len(proposals) <= _MAX_FIT_CANDIDATES:
        return proposals
    least = sum(proposal.weight for proposal in proposals) / _MAX_FIT_CANDIDATES
    chosen = (proposal for proposal in proposals if rng.random() * least < proposal.weight)
    return [msgspec.structs.replace(proposal, weight=max(proposal.weight, least)) for proposal in chosen]
