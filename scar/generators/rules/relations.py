"""False relations: other predicates to the same thing, and directions from other things of the picture."""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np

from scar.evidence.geometry import find_denied_positions
from scar.evidence.picture_evidence import name_thing
from scar.generators.generator import GoldTask
from scar.generators.rules.block import CandidateBlock, Refusals
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.corpus_relations import (
    CorpusRelations,
    find_scene_preposition,
    takes_other_landmark,
)
from scar.generators.rules.draws import Bools, Floats, Hashes, Ints, hash_texts
from scar.generators.rules.features import list_contexts, relation_features
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.holding import find_denial, find_held
from scar.generators.rules.noun_table import Numbers
from scar.generators.rules.phrases import is_group
from scar.generators.rules.predicates import (
    DIRECTION_PREDICATES,
    POSITION_WEIGHTS,
    Predicate,
    list_predicates,
    list_ranks,
)
from scar.generators.rules.records import CaptionPhrases
from scar.language.exclusion import excludes
from scar.language.lexicon import is_related
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import (
    A_PICTURE_OF,
    DIRECTIONS,
    OPPOSITES,
    POSITIONS,
    RelationPhrase,
    find_form,
    normalize_predicate,
)

_OTHER_LANDMARK_FACTOR = 0.3
"""Factor for a relation to another thing of the picture, relative to another relation to the same thing."""

_POSITION_FACTOR = 0.03
"""Factor for a direction in place of a position."""


class _Relations:
    """The candidates for the relations of a batch.

    The first P columns are predicates with the true landmark. Next come directions, D a thing of the picture, and last
    the K relations of the corpus to other things.
    """

    def __init__(self, batch: GoldBatch, stats: CaptionStats) -> None:
        self.batch = batch
        self.own = [_list_own(gold, task, stats) for task, gold in zip(batch.tasks, batch.golds, strict=True)]
        numbers = Numbers()
        self.columns = [np.array([numbers[each.text] for each in several], np.intp) for several in self.own]
        self.texts = list(numbers)
        self.landmarks = [
            _list_other_landmarks(task, gold) for task, gold in zip(batch.tasks, batch.golds, strict=True)
        ]
        self.width = max(map(len, self.landmarks), default=0)
        self.shape = len(batch), len(self.texts)
        self.corpus = CorpusRelations(batch, stats)

    def make(self, row: int, column: int) -> RelationPhrase:
        """The relation of a row and a column."""
        gold = self.batch.golds[row].relation
        preposition = A_PICTURE_OF if gold.form == "position" else gold.preposition
        if column < len(self.texts):
            return RelationPhrase(self.texts[column], gold.landmark, preposition)
        place, direction = divmod(column - len(self.texts), len(DIRECTION_PREDICATES))
        if place >= self.width:
            return self.corpus.make(row, column - len(self.texts) - self.width * len(DIRECTION_PREDICATES))
        preposition = find_scene_preposition(self.batch.golds[row])
        return RelationPhrase(DIRECTION_PREDICATES[direction], self.landmarks[row][place], preposition)

    def _spread(self, values: list[list[float]]) -> Floats:
        """(T, P) values of the predicates of each gold; 0 for predicates that are none of its."""
        found = np.zeros(self.shape)
        for row, (columns, several) in enumerate(zip(self.columns, values, strict=True)):
            found[row, columns] = several
        return found

    def weigh(self) -> Floats:
        """(T, P + D * width + K) weights of the candidates."""
        weights = self._spread([[each.weight for each in several] for several in self.own])
        factors = np.zeros((len(self.batch), self.width, len(DIRECTION_PREDICATES)))
        for row, (gold, several) in enumerate(zip(self.batch.golds, self.landmarks, strict=True)):
            known = gold.relation.landmark
            factors[row, : len(several)] = _POSITION_FACTOR if known is None else _OTHER_LANDMARK_FACTOR
            factors[row, [place for place, phrase in enumerate(several) if phrase == known]] = 0
        corpus = _OTHER_LANDMARK_FACTOR * self.corpus.weigh()
        return np.concatenate((weights, factors.reshape(len(self.batch), -1), corpus), axis=1)

    def hash_words(self) -> Hashes:
        """(T, P + D * width + K) hashes of the words of the candidates."""
        own = np.broadcast_to(hash_texts(f"relation {text}" for text in self.texts), self.shape)
        known = {phrase.text: number for number, phrase in enumerate(dict.fromkeys(chain(*self.landmarks)))}
        table = hash_texts(f"relation {word} {text}" for text in known for word in DIRECTION_PREDICATES)
        others = np.zeros((len(self.batch), self.width, len(DIRECTION_PREDICATES)), np.uint64)
        for row, several in enumerate(self.landmarks):
            others[row, : len(several)] = table.reshape(-1, len(DIRECTION_PREDICATES))[
                [known[phrase.text] for phrase in several]
            ]
        corpus = np.broadcast_to(self.corpus.hash_words(), self.corpus.shape)
        return np.concatenate((own, others.reshape(len(self.batch), -1), corpus), axis=1)

    def find_features(self) -> tuple[list[str], Ints, Ints]:
        """Names of the features, (T, P + D * width + K, 3) features of the candidates and (T, 3) of the golds."""
        numbers = Numbers()
        forms = list(map(find_form, self.texts))
        predicates = np.array([numbers[relation_features(text, "", "", "")[0]] for text in self.texts], np.intp)
        directions = [numbers[relation_features(text, "", "", "")[0]] for text in DIRECTION_PREDICATES]
        own = np.zeros((*self.shape, 3), np.intp)
        others = np.zeros((len(self.batch), self.width, len(DIRECTION_PREDICATES), 3), np.intp)
        corpus = np.zeros((*self.corpus.shape, 3), np.intp)
        golds = np.zeros((len(self.batch), 3), np.intp)
        own[..., 0], others[..., 0] = predicates, directions

        @cache
        def by_preposition(preposition: str) -> Ints:
            several = (
                relation_features(text, find_form(text), phrase.noun, preposition)
                for text, phrase in self.corpus.relations
            )
            return np.array([[numbers[name] for name in names] for names in several], np.intp).reshape(-1, 3)

        for row, (gold, several) in enumerate(zip(self.batch.golds, self.landmarks, strict=True)):
            relation = gold.relation
            noun = relation.landmark.noun if relation.landmark else ""
            by_form = {
                form: [numbers[name] for name in relation_features("", form, noun, relation.preposition)[1:]]
                for form in {relation.form, *(forms[column] for column in self.columns[row])}
            }
            golds[row] = numbers[f"predicate {relation.predicate}"], *by_form[relation.form]
            own[row, self.columns[row], 1:] = [by_form[forms[column]] for column in self.columns[row]]
            preposition = find_scene_preposition(gold)
            corpus[row] = by_preposition(preposition)
            for place, phrase in enumerate(several):
                names = relation_features("", "direction", phrase.noun, preposition)[1:]
                others[row, place, :, 1:] = [numbers[name] for name in names]
        features = np.concatenate((own, others.reshape(len(self.batch), -1, 3), corpus), axis=1)
        return list(numbers), features, golds

    def veto(self) -> Refusals:
        """What each veto refuses."""
        absent = np.zeros((len(self.batch), 1, 1), bool)
        corpus, none = self.corpus, np.zeros(self.corpus.shape, bool)
        tables: dict[str, tuple[Bools, Bools, Bools]] = {
            "not_one_element": (self._repeat_true(), absent, none),
            "holds_by_geometry": (*self._hold_by_geometry(), corpus.hold_by_geometry()),
            "holds_by_annotation": (*self._hold_by_annotation(), self._hold_by_annotation_of_corpus()),
            "echo": (*self._echo(), corpus.echo()),
            "unannotated": (np.zeros(self.shape, bool), absent, corpus.unannotated()),
            "fits_captions": (self._fit_captions(), absent, corpus.fits_captions()),
        }
        others = (len(self.batch), self.width, len(DIRECTION_PREDICATES))
        return {
            name: np.concatenate((own, np.broadcast_to(other, others).reshape(len(self.batch), -1), third), axis=1)
            for name, (own, other, third) in tables.items()
        }

    def _repeat_true(self) -> Bools:
        """The false part reads as that of the gold caption."""
        golds = [gold.relation.predicate for gold in self.batch.golds]
        found: Bools = np.array(golds, object)[:, None] == np.array(self.texts, object)
        return found

    def _hold_by_geometry(self) -> tuple[Bools, Bools]:
        """Neither the true relation nor the boxes and masks deny the false relation."""
        denials = Numbers()
        columns = np.array([denials[find_denial(text)] for text in self.texts], np.intp)
        names = list(denials)
        possible, elsewhere = (np.zeros((len(self.batch), len(names)), bool) for _ in range(2))
        ranked, found = np.zeros(len(self.batch), bool), np.zeros(self.shape, bool)
        others = np.zeros((len(self.batch), self.width, len(DIRECTION_PREDICATES)), bool)
        for row, (task, gold) in enumerate(zip(self.batch.tasks, self.batch.golds, strict=True)):
            ranked[row] = gold.relation.form == "ordinal"
            if gold.relation.form == "position":
                denied = find_denied_positions(task.region.box, task.evidence.picture)
                found[row] = [text in POSITIONS and text not in denied for text in self.texts]
            elif not ranked[row]:
                meant = task.evidence.find_meant_regions(gold.landmark.noun)
                needed = list(dict.fromkeys(columns[self.columns[row]].tolist()))
                true = find_denial(gold.relation.predicate)
                held = find_held(task.evidence, task.region, meant, {true, *(names[number] for number in needed)})
                possible[row, needed] = [not meant or bool(held[names[number]]) for number in needed]
                elsewhere[row, needed] = [bool(held[names[number]] - held[true]) for number in needed]
            if self.landmarks[row]:
                others[row, : len(self.landmarks[row])] = _hold_with_others(task, self.landmarks[row])
        excluded = self._spread([[each.is_excluded for each in several] for several in self.own]) > 0
        unseen = self._spread([[each.is_borne_unseen for each in several] for several in self.own]) > 0
        # Another thing of the landmark's name may have the false relation: one that has not the true one.
        found |= np.where(excluded, elsewhere[:, columns] | unseen, possible[:, columns])
        return found & ~ranked[:, None], others & ~ranked[:, None, None]

    def _hold_by_annotation(self) -> tuple[Bools, Bools]:
        """An annotated relation does not exclude the false one; or this is one of depth that no annotation denies."""
        found = np.zeros(self.shape, bool)
        others = np.zeros((len(self.batch), self.width, len(DIRECTION_PREDICATES)), bool)
        for row, (task, gold) in enumerate(zip(self.batch.tasks, self.batch.golds, strict=True)):
            if not task.evidence.picture.relations:
                continue
            known = _find_known_relations(task)
            name = self.batch.things[row].name
            for column in self.columns[row]:
                text = self.texts[column]
                if find_form(text) not in ("position", "ordinal"):
                    found[row, column] = _is_annotated(name, text, gold.landmark.noun, known)
            for place, phrase in enumerate(self.landmarks[row]):
                others[row, place] = [_is_annotated(name, text, phrase.noun, known) for text in DIRECTION_PREDICATES]
        return found, others

    def _hold_by_annotation_of_corpus(self) -> Bools:
        """The same for the relations of the corpus, where the landmark is in the picture."""
        found = np.zeros(self.corpus.shape, bool)
        for row, task in enumerate(self.batch.tasks):
            if task.evidence.picture.relations:
                known, name = _find_known_relations(task), self.batch.things[row].name
                for column in self.corpus.find_shown(row).tolist():
                    predicate, landmark = self.corpus.relations[column]
                    found[row, column] = _is_annotated(name, predicate, landmark.noun, known)
        return found

    def _echo(self) -> tuple[Bools, Bools]:
        """The caption names a thing twice, as in "a couch next to a couch", or a landmark of the region's own name."""
        batch, same, interchangeable = self.batch, self.batch.nouns.same, self.batch.nouns.interchangeable
        has_scene = batch.test(lambda gold: not is_group(gold.scene))
        has_landmark = batch.test(
            lambda gold: gold.relation.landmark is not None and not is_group(gold.relation.landmark)
        )
        ends = same[batch.objects, batch.scenes] & has_scene
        middle = same[batch.landmarks, batch.objects] | (same[batch.landmarks, batch.scenes] & has_scene)
        own = np.broadcast_to((ends | (middle & has_landmark))[:, None], self.shape)
        others = np.zeros((len(batch), self.width), bool)
        for row, several in enumerate(self.landmarks):
            if several:
                nouns = batch.nouns.find(phrase.noun for phrase in several)
                others[row, : len(several)] = (
                    same[batch.objects[row], nouns]
                    | (same[batch.scenes[row], nouns] & has_scene[row])
                    | interchangeable[nouns, batch.names[row]]
                    | ends[row]
                )
        return own, others[:, :, None]

    def _fit_captions(self) -> Bools:
        """The human texts have the verb of the false relation."""
        verbs = {column: verb for column, text in enumerate(self.texts) if (verb := RelationPhrase(text).verb)}
        found = np.zeros(self.shape, bool)
        found[:, list(verbs)] = self.batch.mention([verb.forms for verb in verbs.values()])
        for row, gold in enumerate(self.batch.golds):
            if verb := gold.relation.verb:
                found[row, [column for column, other in verbs.items() if other is verb]] = False
        return found


def make_relation_block(batch: GoldBatch, stats: CaptionStats) -> CandidateBlock:
    """Make the candidates for the relations of a batch."""
    relations = _Relations(batch, stats)
    names, features, golds = relations.find_features()
    return CandidateBlock(
        relations.weigh(),
        relations.hash_words(),
        names,
        features,
        golds,
        list_contexts(batch, "relation"),
        relations.veto(),
        relations.make,
    )


def count_false_relations(batch: GoldBatch, stats: CaptionStats) -> Ints:
    """(T,) number of candidates for the relation of each gold that no veto refuses."""
    relations = _Relations(batch, stats)
    allowed = relations.weigh() > 0
    for refused in relations.veto().values():
        allowed &= ~refused
    found: Ints = allowed.sum(axis=1)
    return found


def _list_own(gold: CaptionPhrases, task: GoldTask, stats: CaptionStats) -> tuple[Predicate, ...]:
    """The false predicates with the true landmark: most are of the form of the true one."""
    form = gold.relation.form
    if form == "ordinal":
        return tuple(Predicate(text, 1.0) for text in list_ranks(gold.relation.predicate, gold.scene))
    if form == "position":
        return tuple(Predicate(text, weight) for text, weight in POSITION_WEIGHTS.items())
    category, thing = task.region.category, task.evidence.things[task.region.category]
    return list_predicates(gold.relation.predicate, gold.object.noun, category, thing.name, gold.landmark.noun, stats)


def _list_other_landmarks(task: GoldTask, gold: CaptionPhrases) -> list[NounPhrase]:
    """The things of the picture, where a false relation may name another landmark."""
    if not takes_other_landmark(gold):
        return []
    return list(dict.fromkeys(name_thing(category) for category in task.evidence.things))


def _hold_with_others(task: GoldTask, landmarks: list[NounPhrase]) -> list[list[bool]]:
    """Whether boxes and masks leave open each direction from each landmark."""
    denials = [find_denial(text) for text in DIRECTION_PREDICATES]
    held = find_held(task.evidence, task.region, task.evidence.picture.regions, denials)
    found = []
    for phrase in landmarks:
        meant = {other.id for other in task.evidence.find_meant_regions(phrase.noun)}
        found.append([not meant or not held[denial].isdisjoint(meant) for denial in denials])
    return found


def _find_known_relations(task: GoldTask) -> list[tuple[str, str]]:
    """Predicate and landmark's name of each annotated relation of a region."""
    annotated = task.evidence.picture.relations_by_subject.get(task.region.id, ())
    named = ((normalize_predicate(text), task.evidence.things[other.category].name) for text, other in annotated)
    return [(predicate, name) for predicate, name in named if predicate]


def _is_annotated(name: str, predicate: str, landmark: str, relations: list[tuple[str, str]]) -> bool:
    known = [other for other, noun in relations if is_related(noun, landmark)]
    if any(not excludes(name, other, predicate, landmark) for other in known):
        return True
    return predicate in OPPOSITES and predicate not in DIRECTIONS and OPPOSITES[predicate] not in known
