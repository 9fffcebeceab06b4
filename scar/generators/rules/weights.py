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

from scar.generators.rules.candidates import Bag, Golds, Proposal, Share, marks, objects, relations, scenes
from scar.generators.rules.proportional_fitting import Candidates, balanced
from scar.generators.rules.sampling import Lots
from scar.generators.rules.vetoes import Context, veto
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Negative, Part, Picture, Region

_LOOKED_AT = 80
"""So many proposals of a bag tell what the whole would do."""

_NEVER = 0.002
"""Weight of a mark that no true caption has: drawn where there is nothing else."""


@dataclass(frozen=True, eq=False)
class Pools:
    """What true captions of a corpus say, and how likely false ones say it; known by identity.

    Attributes:
        golds: what true captions are about.
        weights: of marks; what a proposal weighs is its own weight times those of its marks.
        other: the weight of any other mark.
    """

    golds: Golds = field(default_factory=Golds)
    weights: Mapping[str, float] = field(default_factory=dict)
    other: float = 1.0

    def urns(self, part: Part, context: Context) -> list[tuple[Lots[str], float]]:
        """All that may replace an element of a true caption, as `drawn` takes it."""
        return [(self._lots(share.bag), share.factor) for share in self.shares(part, context)]

    def shares(self, part: Part, context: Context) -> list[Share]:
        """The same, with proposals' own weights."""
        gold, picture, region = context.gold, context.picture, context.region
        if part == "scene":
            return scenes(gold, region, self.golds)
        if part == "relation":
            return relations(gold, picture, region)
        return objects(gold, picture, region, self.golds)

    def _lots(self, bag: Bag) -> Lots[str]:
        lots = bag.lots.get(self)
        if lots is None:
            lots = Lots.joined([self._lots(part) for part in bag.bags]) if bag.bags else self._weighed(bag.proposals)
            bag.lots[self] = lots
        return lots

    def _weighed(self, proposals: Sequence[Proposal]) -> Lots[str]:
        get, other = self.weights.get, self.other
        values = [proposal.weight * math.prod([get(mark, other) for mark in proposal.marks]) for proposal in proposals]
        return Lots([proposal.value for proposal in proposals], values)


def fit(told: Sequence[tuple[Caption, Picture, Region]], rng: Random, *, whole: bool) -> Pools:
    """Pools whose draws, after the vetoes, have each mark as often as true captions have it, as far as can be.

    Args:
        told: true captions of a corpus, each with its picture and region.
        rng: chooses what is looked at where there is very much.
        whole: whether these are all true captions; else others say what none of these says.
    """
    golds = Golds.of_captions([gold for gold, _, _ in told])
    plain = Pools(golds)
    weights: dict[str, float] = {}
    contexts = [Context.of(*each) for each in told]
    for part in PARTS:
        candidates = Candidates()
        for context in contexts:
            found = _allowed(plain, part, context, rng)
            if len(found) >= NEGATIVES_PER_PART:
                candidates.add(marks(part, context.gold), found)
        weights |= balanced(candidates, NEGATIVES_PER_PART, whole=whole)
    return Pools(golds, weights, _NEVER)


def _allowed(pools: Pools, part: Part, context: Context, rng: Random) -> list[Proposal]:
    """The proposals that no veto refuses; what is proposed twice has both weights."""
    gold = context.gold
    found: dict[str, Proposal] = {}
    for share in pools.shares(part, context):
        for proposal in _some(share.bag, rng):
            before = found.get(proposal.value)
            weight = proposal.weight * share.factor + (before.weight if before else 0)
            found[proposal.value] = Proposal(proposal.value, proposal.marks, weight)
    return [
        proposal for proposal in found.values() if not veto(Negative(part, gold.swap(part, proposal.value)), context)
    ]


def _some(bag: Bag, rng: Random) -> Sequence[Proposal]:
    """Proposals of a bag that stand for all; one that is unlikely to be among them weighs the more when it is."""
    proposals = bag.everything
    if len(proposals) <= _LOOKED_AT:
        return proposals
    least = sum(proposal.weight for proposal in proposals) / _LOOKED_AT
    chosen = (proposal for proposal in proposals if rng.random() * least < proposal.weight)
    return [msgspec.structs.replace(proposal, weight=max(proposal.weight, least)) for proposal in chosen]
