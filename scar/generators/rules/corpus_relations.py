"""False relations to things that golds of the corpus relate to: "to the left of a cup" where there is no cup there.

They are said of any box as often as true ones, which relations to the things of the picture cannot be: a thing on the
left of the picture is to the left of nearly all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.draws import Bools, Floats, Hashes, Ints, hash_texts
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.holding import find_denial, find_held
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
        self.batch = batch
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
        rows = Numbers()
        numbers = [
            rows[gold.object.noun, task.region.category, resolve_scene(gold.scene.noun).name]
            for task, gold in zip(self.batch.tasks, self.batch.golds, strict=True)
        ]
        fits = [
            [_measure_fit(noun, category, scene, predicate, other.noun) for predicate, other in self.relations]
            for noun, category, scene in rows
        ]
        table = np.array(fits).reshape(len(rows), len(self.relations))[numbers]
        own = self.batch.nouns.interchangeable[np.ix_(self.batch.landmarks, self.nouns)]
        weights: Floats = table * self.counts * self.takes[:, None] * ~own
        return weights

    def hash_words(self) -> Hashes:
        """(K,) hashes of the words of the candidates."""
        return hash_texts(f"relation {landmark.text} {predicate}" for predicate, landmark in self.relations)

    @cached_property
    def _shown(self) -> Bools:
        """(T, K) whether the picture has a thing that the landmark's noun may mean."""
        nouns, inverse = np.unique(self.nouns, return_inverse=True)
        names = [self.batch.nouns.nouns[number] for number in nouns.tolist()]
        found = [[bool(picture.find_meant_regions(name)) for name in names] for picture in self.batch.pictures]
        shown: Bools = np.array(found, bool).reshape(len(found), len(names))[self.batch.owners][:, inverse]
        return shown

    def hold_by_geometry(self) -> Bools:
        """A thing of the picture is the landmark, and boxes and masks do not deny the relation to it."""
        found = np.zeros(self.shape, bool)
        denials = [find_denial(predicate) for predicate, _ in self.relations]
        for row, column in zip(*np.nonzero(self._shown & self.takes[:, None]), strict=True):
            task, denial = self.batch.tasks[row], denials[column]
            meant = task.evidence.find_meant_regions(self.relations[column][1].noun)
            found[row, column] = bool(find_held(task.region, meant, (denial,))[denial])
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


def _measure_fit(noun: str, category: str, scene: str, predicate: str, landmark: str) -> float:
    """How well a relation suits a thing and a place; 0 if the thing hardly ever has it."""
    usual = any(is_usual(word, predicate, landmark) for word in (noun, category))
    if find_form(predicate) != "direction" and not usual:
        return 0.0
    if find_form(predicate) == "action" and not can_act(category):
        return 0.0
    thing = resolve_category(landmark)
    return 1.0 if is_plausible(thing.name, thing.kind, scene) else _IMPLAUSIBLE_FACTOR
