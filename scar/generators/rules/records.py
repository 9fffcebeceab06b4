"""Records of the rules generator: candidates, sets of candidates, and statistics of true captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import msgspec

from scar.language import english
from scar.language.lexicon import without_colour
from scar.sample import Caption

_PSEUDO_COUNT = 5.0
"""Additive smoothing: number of captions with corpus-wide frequencies of scenes that are added to those of a noun."""


class Candidate(msgspec.Struct, frozen=True):
    """A possible false element (scene, relation or object) of a caption.

    Attributes:
        value: text of the element.
        features: what a text-only model can learn about the element: its words and their roles.
        weight: relative frequency of the candidate among negatives, before the weights of its features.
    """

    value: str
    features: tuple[str, ...]
    weight: float


class CandidateSet(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """Candidates that many regions share. Sets are compared by identity.

    Attributes:
        candidates: candidates of this set itself.
        subsets: other sets whose candidates belong to this set too.
    """

    candidates: tuple[Candidate, ...] = ()
    subsets: tuple[CandidateSet, ...] = ()

    @property
    def all_candidates(self) -> tuple[Candidate, ...]:
        """The candidates of this set and of its subsets."""
        return self.candidates + tuple(candidate for subset in self.subsets for candidate in subset.all_candidates)


WeightedSets: TypeAlias = list[tuple[CandidateSet, float]]
"""Candidate sets for one element of a caption, each with a factor for the weights of its candidates."""


@dataclass(frozen=True, eq=False)
class CaptionStats:
    """What a fit learns from the true captions of a corpus: statistics of their words, and weights of features.

    Two instances are equal only if they are the same object, so that an instance can be the key of a cache. An instance
    without arguments stands for the word tables alone.

    Attributes:
        nouns: nouns of the objects, in alphabetical order.
        scene_frequency: share of the captions that have each scene.
        scenes_by_noun: number of captions, by the object's noun without its colour, then by scene.
        feature_weights: factor of each feature for the weights of the candidates that have it.
        default_weight: factor of a feature that is not in ``feature_weights``.
    """

    nouns: tuple[str, ...] = ()
    scene_frequency: Mapping[str, float] = field(default_factory=dict)
    scenes_by_noun: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    feature_weights: Mapping[str, float] = field(default_factory=dict)
    default_weight: float = 1.0

    @classmethod
    def from_captions(cls, golds: Sequence[Caption]) -> Self:
        """Count the objects and scenes of true captions; the weights are not fitted yet."""
        nouns = sorted({english.strip_article(gold.object) for gold in golds})
        counts = Counter(gold.scene for gold in golds)
        scenes_by_noun: dict[str, Counter[str]] = {}
        for gold in golds:
            noun = without_colour(english.strip_article(gold.object))
            scenes_by_noun.setdefault(noun, Counter())[gold.scene] += 1
        frequency = {scene: count / len(golds) for scene, count in sorted(counts.items())}
        return cls(tuple(nouns), frequency, scenes_by_noun)

    def compute_lift(self, noun: str, scene: str) -> float:
        """Smoothed frequency of a scene in captions with a noun, relative to all captions; 1 if either is unknown."""
        if noun not in self.scenes_by_noun or scene not in self.scene_frequency:
            return 1.0
        counts = self.scenes_by_noun[noun]
        expected = counts.get(scene, 0) / self.scene_frequency[scene]
        return (expected + _PSEUDO_COUNT) / (sum(counts.values()) + _PSEUDO_COUNT)
