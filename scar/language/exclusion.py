"""Which predicates cannot be true of one pair of things at once, by the meaning of their words alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from scar.language.lexicon import Verb, find_side, read_verbs, resolve_category
from scar.language.relation_phrase import BEARING, RelationPhrase
from scar.language.word_tables import read_word_table

_ANIMATE = frozenset({"person", "animal", "bird"})
"""Kinds of things that act. A teddy bear may do so too: people pose it."""

_SINKS = frozenset({"sink", "counter", "bathtub"})
"""Things whose rim and basin captions do not tell apart."""


@lru_cache(maxsize=1 << 14)
def excludes(subject: str, true: str, other: str, landmark: str) -> bool:
    """Whether ``other`` cannot be true of two things of which ``true`` is true. False in doubt.

    Args:
        subject: noun of the first of the two things.
        true: the true predicate.
        other: the predicate that may be false.
        landmark: noun of the second of the two things.

    >>> [excludes(noun, "sitting on", "standing on", "bench") for noun in ("dog", "laptop")]
    [True, False]
    >>> [excludes("bottle", "on", "next to", noun) for noun in ("bench", "sink")]
    [True, False]
    >>> excludes("man", "riding", "sitting on", "horse"), excludes("cup", "held by", "lying next to", "person")
    (False, True)
    """
    if not can_act(subject) and not {"holding", "wearing", "riding"}.isdisjoint((true, other)):
        return False  # a fork that holds a carrot is in it
    here, there = _find_place(true), _find_place(other)
    if can_act(subject) and BEARING in (here, there):
        return False  # "a man with skis" may be on them
    if BEARING in (here, there) and not describe_landmark(subject).isdisjoint(_SINKS):
        return False  # what is on a sink may be said to be next to it
    doubtful = _index_exclusions().get((here, there))
    if doubtful is not None and describe_landmark(landmark).isdisjoint(doubtful):
        return True
    first, second = _find_deed(true), _find_deed(other)
    thing = resolve_category(subject)
    if any(deed and deed[1] == "posture" and not deed[0].accepts_subject(thing) for deed in (first, second)):
        return False  # a laptop that sits on a table may as well stand or lie on it
    if first is None or second is None or not set(first[0].states).isdisjoint(second[0].states):
        return False
    # Who holds a thing may also stand beside it; but what is held does not lie anywhere.
    return first[1] == second[1] or ("passive" in (first[1], second[1]) and "active" not in (first[1], second[1]))


@lru_cache(maxsize=1 << 14)
def find_preposition_class(predicate: str) -> str:
    """The class of the preposition with which a predicate ends, such as "on" for "lying on top of"; empty if none.

    "With" alone says what a thing bears; after a verb, as in "playing with", it has no class.
    """
    verb, preposition = split_preposition(predicate)
    return "" if verb and preposition == BEARING else _index_classes().get(preposition, "")


@lru_cache(maxsize=1 << 14)
def split_preposition(predicate: str) -> tuple[str, str]:
    """The words before the preposition that ends a predicate, and the preposition; all words and "" if none does.

    The longest preposition of `prepositions.toml` counts.

    >>> split_preposition("lying on top of"), split_preposition("held by"), split_preposition("watching")
    (('lying', 'on top of'), ('', 'held by'), ('watching', ''))
    """
    words = predicate.split()
    ends = (index for index in range(len(words)) if " ".join(words[index:]) in _index_classes())
    start = next(ends, len(words))
    return " ".join(words[:start]), " ".join(words[start:])


def is_passive(predicate: str) -> bool:
    """Whether a predicate says what its landmark does to the thing: "held by"."""
    return predicate in _index_passives()


@lru_cache(maxsize=1 << 14)
def can_act(noun: str) -> bool:
    """Whether the thing that a noun names can be the subject of an action: a person, an animal or a teddy bear."""
    thing = resolve_category(noun)
    return thing.kind in _ANIMATE or thing.name == "teddy bear"


def _find_place(predicate: str) -> str:
    """The class of a predicate's preposition; empty if it says no place: "working on", "looking at", "dressed in"."""
    stem, _ = split_preposition(predicate)
    says_no_place = stem.endswith("ing") and RelationPhrase(predicate).verb is None
    return "" if says_no_place or stem == "dressed" else find_preposition_class(predicate)


def _find_deed(predicate: str) -> tuple[Verb, str] | None:
    """The verb of a predicate, and its role: "posture", "active" or "passive"; None without a verb of the table."""
    if is_passive(predicate):
        return _index_passives()[predicate], "passive"
    verb = RelationPhrase(predicate).verb
    return (verb, "active" if verb.landmarks else "posture") if verb else None


def describe_landmark(noun: str) -> frozenset[str]:
    """What a row of the table may call a landmark: its noun and name, its kind, and the side of a place."""
    thing = resolve_category(noun)
    return frozenset({noun, thing.name, thing.head, thing.kind, find_side(noun)})


@cache
def list_exception_words() -> frozenset[str]:
    """Every word of `describe_landmark` on which the exclusions depend."""
    return _SINKS.union(*_index_exclusions().values())


@cache
def _index_passives() -> Mapping[str, Verb]:
    """What is said of a verb's landmark -> the verb."""
    return {verb.passive: verb for verb in read_verbs().values() if verb.passive}


@cache
def _index_classes() -> Mapping[str, str]:
    """Preposition -> its class."""
    return {word: name for name, row in read_word_table("prepositions").items() for word in row["words"]}


@cache
def _index_exclusions() -> Mapping[tuple[str, str], frozenset[str]]:
    """Two classes that exclude each other -> the landmarks with which both may be true; in both orders."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for name, row in read_word_table("prepositions").items():
        for other, doubtful in row.get("excludes", {}).items():
            found[name, other] = found[other, name] = frozenset(doubtful)
    return found
