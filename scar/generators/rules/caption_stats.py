"""What a fit learns from the true captions of a corpus: counts of their phrases, and weights of features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from scar.generators.rules.draws import Floats
from scar.generators.rules.feature_weights import FeatureWeights
from scar.generators.rules.phrases import is_group
from scar.generators.rules.places import CountWeights
from scar.generators.rules.records import CaptionPhrases
from scar.generators.rules.word_score import WordCounts
from scar.language.lexicon import find_side
from scar.language.noun_phrase import NounPhrase
from scar.sample import Part

ENOUGH_OWN = 30
"""With fewer distinct phrases in the corpus, those of the shipped tables are candidates like them."""

LAST_RESORT = 1e-8
"""Factor for what the shipped tables have where the corpus has enough: it is drawn where nothing else is left."""

_PSEUDO_COUNT = 5.0
"""Additive smoothing: number of captions with corpus-wide frequencies of scenes that are added to those of a noun."""


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
        relations: number of captions with each predicate and landmark, a single thing.
        annotated: names of the things of all annotated regions in the pictures of the golds.
        weights: by part, the weights of features.
        word_counts: counts of words in gold and false captions, which say how much a caption looks like a gold one.
        count_weights: by part, the weight of each number of negatives that score above the gold caption.
    """

    objects: Mapping[NounPhrase, int] = field(default_factory=dict)
    scene_frequency: Mapping[NounPhrase, float] = field(default_factory=dict)
    scenes_by_noun: Mapping[str, Mapping[NounPhrase, int]] = field(default_factory=dict)
    scenes_by_preposition: Mapping[str, Mapping[NounPhrase, int]] = field(default_factory=dict)
    predicates_by_noun: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    relations: Mapping[tuple[str, NounPhrase], int] = field(default_factory=dict)
    annotated: frozenset[str] = frozenset()
    weights: Mapping[Part, FeatureWeights] = field(default_factory=dict)
    word_counts: WordCounts = field(default_factory=dict)
    count_weights: Mapping[Part, CountWeights] = field(default_factory=dict)

    @classmethod
    def from_captions(cls, golds: Sequence[CaptionPhrases], annotated: Iterable[str]) -> Self:
        """Count the phrases of true captions; no weight is fitted yet. ``annotated`` becomes that attribute."""
        scenes = Counter(gold.scene for gold in golds)
        return cls(
            objects=_sort_counts(Counter(gold.object for gold in golds)),
            scene_frequency={scene: count / len(golds) for scene, count in _sort_counts(scenes).items()},
            scenes_by_noun=_group_counts((gold.object.noun, gold.scene) for gold in golds),
            scenes_by_preposition=_group_counts((gold.relation.last_preposition, gold.scene) for gold in golds),
            predicates_by_noun=_group_counts((gold.landmark.noun, gold.relation.predicate) for gold in golds),
            relations=_count_relations(golds),
            annotated=frozenset(annotated),
        )

    def compute_lifts(self, nouns: Sequence[str], scenes: Sequence[NounPhrase]) -> Floats:
        """(K, N) how often each scene occurs in captions with each object's noun, relative to all captions.

        Above 1 if they go together; smoothed towards 1, and 1 if no caption has the noun or none has the scene.
        """
        shares = np.array([self.scene_frequency.get(scene, 0.0) for scene in scenes])
        known, columns = shares > 0, {scene: column for column, scene in enumerate(scenes)}
        lifts = np.ones((len(nouns), len(scenes)))
        for row, noun in enumerate(nouns):
            counts = self.scenes_by_noun.get(noun)
            if counts is None:
                continue
            own = np.zeros(len(scenes))
            for scene, count in counts.items():
                if scene in columns:
                    own[columns[scene]] = count
            own = (own / np.where(known, shares, 1) + _PSEUDO_COUNT) / (sum(counts.values()) + _PSEUDO_COUNT)
            lifts[row] = np.where(known, own, 1.0)
        return lifts


def _count_relations(golds: Sequence[CaptionPhrases]) -> dict[tuple[str, NounPhrase], int]:
    """Count predicates with their landmarks, which are single things, in alphabetical order."""
    counts = Counter(
        (gold.relation.predicate, gold.landmark)
        for gold in golds
        if gold.relation.form not in ("position", "ordinal")
        and not is_group(gold.landmark)
        and not gold.landmark.plural
        and not find_side(gold.landmark.noun)
    )
    return dict(sorted(counts.items(), key=lambda entry: (entry[0][0], entry[0][1].text)))


def _group_counts(pairs: Iterable[tuple[str, Any]]) -> dict[str, dict[Any, int]]:
    """Count the second members of pairs, by their first."""
    found: dict[str, Counter[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, Counter())[value] += 1
    return {key: _sort_counts(counts) for key, counts in sorted(found.items())}


def _sort_counts(counts: Counter[Any]) -> dict[Any, int]:
    """The counts in alphabetical order of their texts, so that no result depends on the order of the captions."""
    return dict(sorted(counts.items(), key=lambda entry: getattr(entry[0], "text", entry[0])))
