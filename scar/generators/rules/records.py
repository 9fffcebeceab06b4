"""Records of the rules generator: captions in phrases, candidates, and statistics of true captions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeAlias

import msgspec

from scar.errors import InputError
from scar.generators.generator import Gold
from scar.generators.rules.sampling import WeightedItems
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Caption, Part, Reason

_PSEUDO_COUNT = 5.0
"""Additive smoothing: number of captions with corpus-wide frequencies of scenes that are added to those of a noun."""


class CaptionPhrases(msgspec.Struct, frozen=True):
    """A caption whose parts are still phrases: an object, its relation, and the noun phrase that ends the caption.

    The scene is a place, or the thing to which the relation relates the object: "a cup next to a sink in a kitchen",
    "a cup next to a sink".
    """

    object: NounPhrase
    relation: RelationPhrase
    scene: NounPhrase

    @property
    def landmark(self) -> NounPhrase:
        """The thing to which the predicate relates the object; after a position, the scene."""
        return self.relation.landmark or self.scene

    @property
    def caption(self) -> Caption:
        """The caption as text."""
        return Caption(self.object.text, self.relation.text, self.scene.text)

    def swap(self, part: Part, value: NounPhrase | RelationPhrase) -> Self:
        """This caption with one part replaced; a relation replaces "relation", a noun phrase the other parts."""
        return msgspec.structs.replace(self, **{part: value})


class TrueCaption(msgspec.Struct, frozen=True):
    """A caption that is true of a region.

    Attributes:
        phrases: the caption.
        reason: the evidence for its relation.
        weight: how natural it is, relative to other captions with the same reason.
        is_scene_only: whether it tells no more than the place: "an oven in a kitchen". Others come before it.
    """

    phrases: CaptionPhrases
    reason: Reason
    weight: float = 1.0
    is_scene_only: bool = False


class RulesGold(Gold, frozen=True):
    """A gold caption of the rules generator, with its phrases."""

    phrases: CaptionPhrases

    @classmethod
    def of(cls, gold: Gold) -> Self:
        """Return the gold itself, if the rules wrote it.

        Raises:
            InputError: another generator did; its captions have no phrases.
        """
        if not isinstance(gold, cls):
            raise InputError(f"{gold.caption.text!r} is no gold caption of the rules: they replace parts of their own.")
        return gold


class Candidate(msgspec.Struct, frozen=True):
    """A possible false part of a caption.

    Attributes:
        value: the part: a relation, or the noun phrase of an object or scene.
        features: what a text-only model can learn about the part: its words and their roles. See `find_features`.
        weight: relative frequency of the candidate among negatives, before the weights of its features.
    """

    value: NounPhrase | RelationPhrase
    features: tuple[str, ...]
    weight: float


@dataclass(frozen=True, eq=False)
class CaptionStats:
    """What a fit learns from the true captions of a corpus: statistics of their words, and weights of features.

    Two instances are equal only if they are the same object, so that an instance can be the key of a cache. An instance
    without arguments stands for the word tables alone.

    Attributes:
        objects: number of captions with each object.
        scene_frequency: share of the captions that have each scene.
        scenes_by_noun: number of captions, by the object's noun, then by scene.
        scenes_by_preposition: number of captions, by the words before the scene, then by scene.
        predicates_by_noun: number of captions, by the landmark's noun, then by predicate.
        annotated: names of the things of all annotated regions in the pictures of the golds.
        feature_weights: factor of each feature for the weights of the candidates that have it.
        default_weight: factor of a feature that is not in ``feature_weights``.
    """

    objects: Mapping[NounPhrase, int] = field(default_factory=dict)
    scene_frequency: Mapping[NounPhrase, float] = field(default_factory=dict)
    scenes_by_noun: Mapping[str, Mapping[NounPhrase, int]] = field(default_factory=dict)
    scenes_by_preposition: Mapping[str, Mapping[NounPhrase, int]] = field(default_factory=dict)
    predicates_by_noun: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    annotated: frozenset[str] = frozenset()
    feature_weights: Mapping[str, float] = field(default_factory=dict)
    default_weight: float = 1.0

    @classmethod
    def from_captions(cls, golds: Sequence[CaptionPhrases], annotated: Iterable[str]) -> Self:
        """Count the phrases of true captions; the weights are not fitted yet. ``annotated`` is the attribute."""
        scenes = Counter(gold.scene for gold in golds)
        return cls(
            objects=_sort_counts(Counter(gold.object for gold in golds)),
            scene_frequency={scene: count / len(golds) for scene, count in _sort_counts(scenes).items()},
            scenes_by_noun=_group_counts((gold.object.noun, gold.scene) for gold in golds),
            scenes_by_preposition=_group_counts((gold.relation.last_preposition, gold.scene) for gold in golds),
            predicates_by_noun=_group_counts((gold.landmark.noun, gold.relation.predicate) for gold in golds),
            annotated=frozenset(annotated),
        )

    def compute_lift(self, noun: str, scene: NounPhrase) -> float:
        """How often a scene occurs in captions with an object's noun, relative to all captions.

        Above 1 if they go together; smoothed towards 1, and 1 if no caption has the noun or none has the scene.
        """
        if noun not in self.scenes_by_noun or scene not in self.scene_frequency:
            return 1.0
        counts = self.scenes_by_noun[noun]
        expected = counts.get(scene, 0) / self.scene_frequency[scene]
        return (expected + _PSEUDO_COUNT) / (sum(counts.values()) + _PSEUDO_COUNT)


@dataclass(frozen=True, eq=False)
class CandidateSet:
    """Candidates that many regions share.

    Attributes:
        candidates: the candidates.
        stats: gives the weights of their features.
    """

    candidates: tuple[Candidate, ...]
    stats: CaptionStats

    @cached_property
    def weighted_values(self) -> WeightedItems[NounPhrase | RelationPhrase]:
        """The candidates' values with their final weights: their own times those of their features."""
        get, default = self.stats.feature_weights.get, self.stats.default_weight
        weights = [
            candidate.weight * math.prod([get(feature, default) for feature in candidate.features])
            for candidate in self.candidates
        ]
        return WeightedItems([candidate.value for candidate in self.candidates], weights)


WeightedSets: TypeAlias = list[tuple[CandidateSet, float]]
"""Candidate sets for one part of a caption, each with a factor for the weights of its candidates."""


def _group_counts(pairs: Iterable[tuple[str, Any]]) -> dict[str, dict[Any, int]]:
    """Count the second members of pairs, by their first."""
    found: dict[str, Counter[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, Counter())[value] += 1
    return {key: _sort_counts(counts) for key, counts in sorted(found.items())}


def _sort_counts(counts: Counter[Any]) -> dict[Any, int]:
    """The counts in alphabetical order of their texts, so that no result depends on the order of the captions."""
    return dict(sorted(counts.items(), key=lambda entry: getattr(entry[0], "text", entry[0])))
