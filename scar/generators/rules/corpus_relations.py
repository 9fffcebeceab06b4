"""False relations to things that golds of the corpus relate to: "to the left of a cup" where there is no cup there.

They are said of any box as often as true ones, which relations to the things of the picture cannot be: a thing on the
left of the picture is to the left of nearly all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np

from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.draws import Bools, Floats, Hashes, Ints, hash_texts
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.holding import find_denial, may_hold
from scar.generators.rules.noun_table import Numbers
from scar.generators.rules.phrases import is_group, is_place
from scar.generators.rules.records import CaptionPhrases
from scar.generators.rules.usual_pairs import is_plausible, is_usual
from scar.language.exclusion import can_act
from scar.language.lexicon import resolve_category, resolve_scene
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase, find_form

_MAX_COUNT = 3
"""A relation of the corpus weighs as much as it is frequent, up to this many golds."""

_IMPLAUSIBLE_FACTOR = 0.002
"""Factor for a thing that captions hardly ever name with the place of the caption."""

_UNPROVABLE = frozenset({"on", "in", "under"})
"""Denials of what rests on a bearer: a table that nobody annotated may be under it."""

_BEARERS = frozenset({"furniture", "fixture"})
"""Kinds of things that sources often leave out where other things stand on them."""


class CorpusRelations:
    """The K relations to a thing that golds of a corpus have, as candidates for T golds.

    Attributes:
        batch: the golds.
        relations: predicate and landmark of each candidate.
        nouns: (K,) numbers of the landmarks' nouns.
    """

    def __init__(self, batch: GoldBatch, stats: CaptionStats) -> None:
        self.batch, self.stats = batch, stats
        self.counts: Floats = np.array([min(count, _MAX_COUNT) for count in stats.relations.values()], float)
        self.relations: Sequence[tuple[str, NounPhrase]] = list(stats.relations)
        self.nouns = batch.nouns.find(landmark.noun for _, landmark in self.relations)
        self.shape = len(batch), len(self.relations)
        self.takes = batch.test(takes_other_landmark)

    def make(self, row: int, column: int) -> RelationPhrase:
        """The relation of a row and a column."""
        predicate, landmark = self.relations[column]
        return RelationPhrase(predicate, landmark, find_scene_preposition(self.batch.golds[row]))

    def weigh(self) -> Floats:
        """(T, K) weights of the candidates: their counts, less for what does not go together, 0 for the unusual."""
        things, places = Numbers(), Numbers()
        thing_rows = [
            things[gold.object.noun, task.region.category]
            for task, gold in zip(self.batch.tasks, self.batch.golds, strict=True)
        ]
        place_rows = [places[resolve_scene(gold.scene.noun).name] for gold in self.batch.golds]
        usual = np.array([_find_usual(*pair, self.stats) for pair in things], bool)
        plausible = np.array([_find_plausible(place, self.stats) for place in places], bool)
        fits = usual.reshape(len(things), self.shape[1])[thing_rows]
        table = fits * np.where(plausible.reshape(len(places), self.shape[1])[place_rows], 1.0, _IMPLAUSIBLE_FACTOR)
        own = self.batch.nouns.interchangeable[np.ix_(self.batch.landmarks, self.nouns)]
        weights: Floats = table * self.counts * self.takes[:, None] * ~own
        return weights

    def hash_words(self) -> Hashes:
        """(K,) hashes of the words of the candidates."""
        return hash_texts(f"relation {landmark.text} {predicate}" for predicate, landmark in self.relations)

    @cached_property
    def _related(self) -> Bools:
        """(N, K) whether a noun and the landmark's are related."""
        found: Bools = self.batch.nouns.related[:, self.nouns]
        return found

    @cached_property
    def _shown(self) -> Bools:
        """(T, K) whether the picture has a thing that the landmark's noun may mean."""
        found = [self._related[self.batch.nouns.find(own.regions_by_name)].any(axis=0) for own in self.batch.pictures]
        shown: Bools = np.array(found, bool).reshape(len(found), self.shape[1])[self.batch.owners]
        return shown

    def hold_by_geometry(self) -> Bools:
        """A thing of the picture is the landmark, and boxes and masks do not deny the relation to it."""
        found = np.zeros(self.shape, bool)
        denials = [find_denial(predicate) for predicate, _ in self.relations]
        for row, task in enumerate(self.batch.tasks):
            known: dict[tuple[str, str], bool] = {}
            for column in self.find_shown(row).tolist():
                key = denials[column], self.relations[column][1].noun
                if key not in known:
                    meant = task.evidence.find_meant_regions(key[1])
                    known[key] = any(may_hold(task.evidence, key[0], task.region, other) for other in meant)
                found[row, column] = known[key]
        return found

    def unannotated(self) -> Bools:
        """The landmark may be in the picture although no annotation names it."""
        things = self.batch.nouns.things
        known = np.array([thing.name in self.batch.annotated for thing in things], bool)[self.nouns]
        bears = np.array([thing.kind in _BEARERS for thing in things], bool)[self.nouns]
        rests = np.array([find_denial(predicate) in _UNPROVABLE for predicate, _ in self.relations], bool)
        found: Bools = ~self._shown & ~(known & ~(bears & rests))
        return found

    def fits_captions(self) -> Bools:
        """The human texts mention the landmark, and no annotated thing explains the mention."""
        found: Bools = self.batch.mentioned[:, self.nouns] & ~self._shown
        return found

    def echo(self) -> Bools:
        """The caption would name a thing twice, or a landmark of the region's own name."""
        same, interchangeable = self.batch.nouns.same, self.batch.nouns.interchangeable
        found: Bools = same[np.ix_(self.batch.objects, self.nouns)] | same[np.ix_(self.batch.scenes, self.nouns)]
        found |= interchangeable[np.ix_(self.batch.names, self.nouns)]
        return found

    def find_shown(self, row: int) -> Ints:
        """The columns of a row whose landmark is in the picture."""
        return np.flatnonzero(self._shown[row] & self.takes[row])


def takes_other_landmark(gold: CaptionPhrases) -> bool:
    """Whether a caption has a thing between its predicate and its scene, or room for one before a place."""
    relation = gold.relation
    if relation.landmark is not None:
        return True
    if relation.form == "position":
        return "in" in resolve_scene(gold.scene.noun).prepositions
    return relation.form == "contact" and not is_group(gold.scene) and is_place(gold.scene, relation.predicate)


def find_scene_preposition(gold: CaptionPhrases) -> str:
    """The words before the scene of a caption once a thing stands before them."""
    relation = gold.relation
    return "in" if relation.form == "position" else relation.last_preposition


@lru_cache(maxsize=1 << 13)
def _find_usual(noun: str, category: str, stats: CaptionStats) -> Bools:
    """(K,) whether a thing now and then has each relation of a corpus."""
    found = []
    for predicate, landmark in stats.relations:
        form = find_form(predicate)
        usual = form == "direction" or any(is_usual(word, predicate, landmark.noun) for word in (noun, category))
        found.append(usual and not (form == "action" and not can_act(category)))
    return np.array(found, bool)


@lru_cache(maxsize=1 << 12)
def _find_plausible(scene: str, stats: CaptionStats) -> Bools:
    """(K,) whether captions now and then name the landmark of each relation of a corpus with a place."""
    things = [resolve_category(landmark.noun) for _, landmark in stats.relations]
    return np.array([is_plausible(thing.name, thing.kind, scene) for thing in things], bool)
