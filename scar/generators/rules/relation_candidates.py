"""Candidates for the relation of a caption: other relations to the same thing, or to another thing of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

from scar.evidence.ordinals import list_rank_predicates
from scar.evidence.picture_evidence import name_thing
from scar.generators.generator import GoldTask
from scar.generators.rules.features import make_relation
from scar.generators.rules.records import CandidateSet, CaptionPhrases, CaptionStats, WeightedSets
from scar.generators.rules.usual_pairs import can_contain, is_usual
from scar.language.attribute_swaps import NUMBERS
from scar.language.exclusion import can_act, is_passive, split_preposition
from scar.language.lexicon import read_verbs, resolve_category, resolve_scene
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import (
    A_PICTURE_OF,
    LARGER_THAN,
    NEXT_TO,
    OPPOSITES,
    POSITIONS,
    RelationPhrase,
    find_form,
)

_OPPOSITE_FACTOR = 4.0
"""Factor for the opposite of the true relation, relative to others of its form: only the picture excludes it."""

_OTHER_FORM_FACTOR = 0.3
"""Factor for a relation of another form, such as a direction in place of an action: the form may give it away."""

_POSITION_FACTOR = 0.03
"""Factor for a direction in place of a position."""

_UNUSUAL_FACTOR = 0.2
"""Factor for a relation that the two things hardly ever have: the words alone would exclude it."""

_ABSURD_FACTOR = 1e-4
"""Factor for last resorts: "a motorcycle worn by a person", "a cup in a toothbrush"."""

_OTHER_LANDMARK_FACTOR = 0.3
"""Factor for a relation to another thing of the picture, relative to another relation to the same thing."""

_MAX_CORPUS_COUNT = 3
"""A predicate of the corpus weighs as much as it is frequent, up to this many golds."""

_DIRECTIONS = (*OPPOSITES, NEXT_TO)
_CONTACTS = ("on", "under", "in", "next to", "in front of", "behind")
_POSTURES = (
    *("standing", "sitting", "lying", "sleeping", "kneeling", "walking", "running", "jumping", "leaning"),
    *("hanging", "parked", "flying", "perched"),
)
"""Postures that need no water, board or snow; others are candidates if the corpus has them."""

_POSTURE_PLACES = ("on", "next to", "in front of")
_SIZES = ("smaller than", "as large as", "half as large as")


def propose_relations(gold: CaptionPhrases, task: GoldTask, stats: CaptionStats) -> WeightedSets:
    """Propose other relations for a gold caption, most of them of the form of the true one."""
    relation, form = gold.relation, gold.relation.form
    if form == "ordinal":
        return [(_make_rank_set(relation.predicate, gold.scene, stats), 1.0)]
    if form == "position":
        sets: WeightedSets = [(_make_position_set(stats), 1.0)]
        if "in" in resolve_scene(gold.scene.noun).prepositions:
            sets.append((_make_landmark_set(task, "in", stats), _POSITION_FACTOR))
        return sets
    category = task.region.category
    predicates = _weigh_predicates(relation.predicate, gold.object.noun, category, gold.landmark.noun, stats)
    relations = (
        make_relation(RelationPhrase(predicate, relation.landmark, relation.preposition), weight)
        for predicate, weight in predicates
    )
    sets = [(CandidateSet(tuple(relations), stats), 1.0)]
    if relation.landmark:
        sets.append((_make_landmark_set(task, relation.preposition, stats), _OTHER_LANDMARK_FACTOR))
    return sets


@lru_cache(maxsize=1 << 12)
def _weigh_predicates(
    true: str, noun: str, category: str, landmark: str, stats: CaptionStats
) -> tuple[tuple[str, float], ...]:
    """Predicates of a thing and a landmark, each with its weight; without the true one.

    Args:
        true: the true predicate.
        noun: the noun of the caption for the thing.
        category: the category of the thing, for nouns that the tables lack.
        landmark: the noun of the caption for the landmark.
        stats: statistics of the true captions.
    """
    form = find_form(true)
    weights = dict.fromkeys(_iter_predicates(true, noun, category, landmark), 1.0)
    for predicate, count in stats.predicates_by_noun.get(landmark, {}).items():
        if _fits(predicate, noun, category, landmark):
            weights[predicate] = float(min(count, _MAX_CORPUS_COUNT))
    weights.pop(true, None)
    for predicate in weights:
        if find_form(predicate) != form:
            weights[predicate] *= _OTHER_FORM_FACTOR
        usual = any(is_usual(word, predicate, landmark) for word in (noun, category))
        if find_form(predicate) != "direction" and not usual:
            is_absurd = _is_done(predicate) or (predicate.split()[-1] == "in" and not can_contain(landmark))
            weights[predicate] *= _ABSURD_FACTOR if is_absurd else _UNUSUAL_FACTOR
        if OPPOSITES.get(predicate) == true:
            weights[predicate] *= _OPPOSITE_FACTOR
    return tuple(weights.items())


def _iter_predicates(true: str, noun: str, category: str, landmark: str) -> Iterator[str]:
    """Prepositions alone and after the true verb, and verbs that the things accept."""
    yield from _DIRECTIONS
    yield from _CONTACTS
    stem, preposition = split_preposition(true)
    verb = RelationPhrase(true).verb
    if stem and preposition and verb is not None and not verb.landmarks:
        yield from (f"{stem} {word}" for word in (*_CONTACTS, "over", "against"))
    subjects, thing = (resolve_category(noun), resolve_category(category)), resolve_category(landmark)
    if is_passive(true):
        yield from ("held by", "worn by", "ridden by", "kicked by", "washed by")
    if true in ("holding", "wearing", "riding") and can_act(category):
        yield from ("holding", "wearing", "riding", "reaching for")
    for other in read_verbs().values():
        if other.passive and other.accepts_subject(thing) and any(map(other.accepts_landmark, subjects)):
            yield other.passive
        if not any(map(other.accepts_subject, subjects)):
            continue
        if not other.landmarks and other.text in _POSTURES and find_form(true) == "action":
            places = [preposition] if preposition in _CONTACTS else _POSTURE_PLACES if stem else [NEXT_TO]
            yield from (f"{other.text} {place}" for place in places)
        elif other.accepts_landmark(thing):
            yield other.text


def _fits(predicate: str, noun: str, category: str, landmark: str) -> bool:
    """Whether a predicate of the corpus makes sense for the two things."""
    if _is_done(predicate):
        return any(is_usual(word, predicate, landmark) for word in (noun, category))
    needs_actor = find_form(predicate) == "action" or predicate == "at"
    return can_act(category) if needs_actor else find_form(predicate) in ("contact", "direction")


def _is_done(predicate: str) -> bool:
    """Whether a predicate says that one thing does something with the other: "holding", "held by"."""
    verb = RelationPhrase(predicate).verb
    return is_passive(predicate) or (verb is not None and bool(verb.landmarks))


@lru_cache(maxsize=1 << 10)
def _make_rank_set(true: str, group: NounPhrase, stats: CaptionStats) -> CandidateSet:
    """The other ranks in a row of as many things; for the largest thing, smaller or as large."""
    count = NUMBERS.index(group.text.rpartition(" ")[2]) + 2 if group.text.startswith("a row of ") else 0
    predicates = _SIZES if true == LARGER_THAN else list_rank_predicates(true, count)
    return CandidateSet(tuple(make_relation(RelationPhrase(predicate), 1.0) for predicate in predicates), stats)


@cache
def _make_position_set(stats: CaptionStats) -> CandidateSet:
    most = max(POSITIONS.values())
    relations = ((RelationPhrase(predicate, None, A_PICTURE_OF), weight) for predicate, weight in POSITIONS.items())
    return CandidateSet(tuple(make_relation(relation, weight / most) for relation, weight in relations), stats)


def _make_landmark_set(task: GoldTask, preposition: str, stats: CaptionStats) -> CandidateSet:
    """Directions from the things of the picture."""
    landmarks = [name_thing(category) for category in task.evidence.picture.regions_by_category]
    relations = (RelationPhrase(word, landmark, preposition) for landmark in landmarks for word in _DIRECTIONS)
    return CandidateSet(tuple(make_relation(relation, 1.0) for relation in relations), stats)
