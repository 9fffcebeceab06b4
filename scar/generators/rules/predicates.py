"""The false predicates of two things: prepositions, verbs that the things accept, and what the corpus says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from scar.evidence.ordinals import list_rank_predicates
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.usual_pairs import can_contain, is_usual
from scar.language.attribute_swaps import NUMBERS
from scar.language.exclusion import can_act, excludes, find_preposition_class, is_passive, split_preposition
from scar.language.lexicon import read_verbs, resolve_category
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import (
    BEARING,
    LARGER_THAN,
    NEAR,
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

_UNUSUAL_FACTOR = 0.2
"""Factor for a relation that the two things hardly ever have: the words alone would exclude it."""

_ABSURD_FACTOR = 1e-4
"""Factor for last resorts: "a motorcycle worn by a person", "a cup in a toothbrush"."""

_MAX_CORPUS_COUNT = 3
"""A predicate of the corpus weighs as much as it is frequent, up to this many golds."""

DIRECTION_PREDICATES = (*OPPOSITES, NEXT_TO)
"""Predicates for which any thing of the picture may be the landmark."""

_CONTACTS = ("on", "under", "in", "next to", "in front of", "behind", NEAR)
_POSTURES = (
    *("standing", "sitting", "lying", "sleeping", "kneeling", "walking", "running", "jumping", "leaning"),
    *("hanging", "parked", "flying", "perched"),
)
"""Postures that need no water, board or snow; others are candidates if the corpus has them."""

_POSTURE_PLACES = ("on", "next to", "in front of")
_SIZES = ("smaller than", "as large as", "half as large as")

POSITION_WEIGHTS: Mapping[str, float] = {
    predicate: count / max(POSITIONS.values()) for predicate, count in POSITIONS.items()
}
"""The positions in a picture, with their weights."""


class Predicate(NamedTuple):
    """A false predicate of two things.

    Attributes:
        text: the predicate.
        weight: its relative frequency, before the weights of its features.
        is_excluded: whether it cannot be true where the true one is.
        is_borne_unseen: whether a hidden landmark may have it: who is next to a chair may sit on one that nobody sees.
    """

    text: str
    weight: float
    is_excluded: bool = False
    is_borne_unseen: bool = False


def list_ranks(true: str, group: NounPhrase) -> dict[str, float]:
    """The false ranks by weight: other places in the row; for the largest thing, "smaller than" and the like."""
    count = NUMBERS.index(group.text.rpartition(" ")[2]) + 2 if group.text.startswith("a row of ") else 0
    return dict.fromkeys(_SIZES if true == LARGER_THAN else list_rank_predicates(true, count), 1.0)


@lru_cache(maxsize=1 << 14)
def list_predicates(
    true: str, noun: str, category: str, name: str, landmark: str, stats: CaptionStats
) -> tuple[Predicate, ...]:
    """The false predicates of a thing and a landmark.

    Args:
        true: the true predicate.
        noun: the noun of the caption for the thing.
        category: the category of the thing, for nouns that the tables lack.
        name: the name of the thing.
        landmark: the noun of the caption for the landmark.
        stats: statistics of the true captions.
    """
    bears = any(is_usual(name, word, landmark) for word in ("on", "in", "under"))
    is_beside = find_preposition_class(true) not in _BEARING_CLASSES
    return tuple(
        Predicate(
            predicate,
            weight,
            excludes(name, true, predicate, landmark),
            bears and is_beside and find_preposition_class(predicate) in _BEARING_CLASSES,
        )
        for predicate, weight in _weigh_predicates(true, noun, category, landmark, stats).items()
    )


_BEARING_CLASSES = ("on", "in", "under")


def _weigh_predicates(true: str, noun: str, category: str, landmark: str, stats: CaptionStats) -> dict[str, float]:
    """Predicates of a thing and a landmark, each with its weight; without the true one."""
    form = find_form(true)
    weights = dict.fromkeys(_iter_predicates(true, noun, category, landmark), 1.0)
    for predicate, count in stats.predicates_by_noun.get(landmark, {}).items():
        if _fits(predicate, noun, category, landmark):
            weights[predicate] = float(min(count, _MAX_CORPUS_COUNT))
    weights.pop(true, None)
    if any(map(can_act, (noun, category, landmark))):  # "a man with a dog": nothing denies company
        weights = {text: weight for text, weight in weights.items() if find_preposition_class(text) != BEARING}
    for predicate in weights:
        if find_form(predicate) != form:
            weights[predicate] *= _OTHER_FORM_FACTOR
        usual = any(is_usual(word, predicate, landmark) for word in (noun, category))
        if find_form(predicate) != "direction" and not usual:
            is_absurd = _is_done(predicate) or (predicate.split()[-1] == "in" and not can_contain(landmark))
            weights[predicate] *= _ABSURD_FACTOR if is_absurd else _UNUSUAL_FACTOR
        if OPPOSITES.get(predicate) == true:
            weights[predicate] *= _OPPOSITE_FACTOR
    return weights


def _iter_predicates(true: str, noun: str, category: str, landmark: str) -> Iterator[str]:
    """Prepositions alone and after the true verb, and verbs that the things accept."""
    yield from DIRECTION_PREDICATES
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
