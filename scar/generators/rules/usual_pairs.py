"""Which relations are usual between two things, by their kinds: a cup on a table, a person on a horse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from scar.evidence.thing_groups import find_groups
from scar.language.exclusion import find_preposition_class
from scar.language.lexicon import Verb, find_side, read_scenes, read_things, read_verbs, resolve_category, resolve_scene
from scar.language.relation_phrase import RelationPhrase
from scar.language.word_tables import read_word_table

_HOLLOW = frozenset({"vehicle", "train", "afloat", "tableware"})
"""Kinds of things that things may be in."""

_MIN_PAIR_COUNT = 2
"""Captions, of 12,500, that name a thing and a scene that go together; a single one may be a slip."""


@lru_cache(maxsize=1 << 16)
def is_usual(subject: str, predicate: str, landmark: str) -> bool:
    """Whether `contacts.toml` or `verbs.toml` allow a predicate for the things of two nouns, by their names or kinds.

    >>> is_usual("cup", "on", "table"), is_usual("cup", "on", "pair of scissors"), is_usual("dog", "holding", "cup")
    (True, False, False)
    """
    first, second = resolve_category(subject), resolve_category(landmark)
    verb = RelationPhrase(predicate).verb
    if verb is not None and verb.landmarks:
        return verb.accepts_subject(first) and verb.accepts_landmark(second)
    if verb is not None and not verb.accepts_subject(first):
        return False
    passive = _find_passive(predicate)
    if passive is not None:
        return passive.accepts_subject(second) and passive.accepts_landmark(first)
    usual = _find_usual_groups(find_preposition_class(predicate), find_groups(subject))
    return not usual.isdisjoint(find_groups(landmark))


def can_contain(noun: str) -> bool:
    """Whether something may be in the thing or place that a noun names.

    >>> can_contain("bowl"), can_contain("kitchen"), can_contain("table")
    (True, True, False)
    """
    thing = resolve_category(noun)
    return thing.is_hollow or thing.kind in _HOLLOW or bool(find_side(noun))


@cache
def is_plausible(name: str, kind: str, scene: str) -> bool:
    """Whether captions of photographs name a thing together with a scene or another thing, now and then.

    A thing that the counts lack is as plausible as all of its kind together; one without a kind, or a scene that no
    table has, is plausible.

    >>> is_plausible("oven", "fixture", "kitchen"), is_plausible("oven", "fixture", "beach")
    (True, False)
    """
    counts = read_word_table("pair_counts").get(scene)
    if counts is None:
        return scene not in read_scenes() and scene not in read_things()
    if name in read_things():
        return bool(counts["things"].get(name, 0) >= _MIN_PAIR_COUNT)
    names = _list_names_of_kind(kind)
    return not names or sum(counts["things"].get(other, 0) for other in names) >= _MIN_PAIR_COUNT


@lru_cache(maxsize=1 << 12)
def count_companions(noun: str) -> Mapping[str, int]:
    """How many captions of photographs name a thing together with the place or thing of ``noun``, by the thing's name.

    Things that just one caption names are left out; empty if nothing is known of the place or thing.

    >>> count_companions("meadow")["cow"] > count_companions("meadow").get("cup", 0)
    True
    """
    counts = read_word_table("pair_counts")
    names = (resolve_scene(noun).name, resolve_category(noun).name)
    found: Mapping[str, int] = next((counts[name]["things"] for name in names if name in counts), {})
    return {name: count for name, count in found.items() if count >= _MIN_PAIR_COUNT}


@cache
def _list_names_of_kind(kind: str) -> tuple[str, ...]:
    """Names of the listed things of a kind; empty for no kind."""
    return tuple(name for name, thing in read_things().items() if kind and thing.kind == kind)


@cache
def _find_passive(predicate: str) -> Verb | None:
    """The verb of which a predicate is the passive, as "held by" is of "hold"."""
    return next((verb for verb in read_verbs().values() if verb.passive == predicate), None)


@cache
def _find_usual_groups(preposition: str, groups: frozenset[str]) -> frozenset[str]:
    """The groups of the landmarks that are usual after a class of prepositions, for a subject of some groups."""
    return frozenset(landmark for subject, landmark in _index_pairs().get(preposition, ()) if subject in groups)


@cache
def _index_pairs() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Class of prepositions -> groups of the subject and the landmark of each rule. What bears a thing is under it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for rule in read_word_table("contacts")["rule"]:
        subject, landmark = rule["subject"], rule["landmark"]
        name = find_preposition_class(rule["predicate"])
        found.setdefault(name, []).append((subject, landmark))
        found.setdefault(find_preposition_class(rule["inverse"]), []).append((landmark, subject))
        if name == "on":
            found.setdefault("under", []).append((landmark, subject))
    return {name: tuple(pairs) for name, pairs in found.items() if name}
