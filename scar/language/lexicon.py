"""The words that captions are made of, from the tables beside this file: places, things and verbs."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from scar.language import english, wordnet


@dataclass(frozen=True, eq=False)
class Scene:
    """A row of `scenes.toml`, which says what the columns mean; known by identity: one for the same words."""

    name: str
    at: tuple[str, ...]
    worlds: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    side: str = ""
    holds: tuple[str, ...] = ()
    implied: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    weight: int = 1
    text: str = ""

    @cached_property
    def phrase(self) -> str:
        """As a caption says it, with its article."""
        return self.text or english.with_article(self.name)

    @lru_cache(maxsize=1 << 16)  # noqa: B019 - places are few, and are kept anyway
    def is_incompatible_with(self, other: Scene) -> bool:
        """Whether no picture of one can be called a picture of the other."""
        return (
            bool(self.worlds)
            and bool(other.worlds)
            and set(self.worlds).isdisjoint(other.worlds)
            and not wordnet.is_related(self.name, other.name)
        )


@dataclass(frozen=True, eq=False)
class Thing:
    """A row of `things.toml`, which says what the columns mean; known by identity: one for the same words."""

    name: str
    kind: str = ""
    places: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    text: str = ""
    weight: int = 1
    bears: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()

    @cached_property
    def noun(self) -> str:
        return self.text or self.name

    @cached_property
    def phrase(self) -> str:
        """As a caption says it, with its article."""
        return english.with_article(self.noun)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """All that captions call it."""
        return (self.name, self.noun, *self.says)


@dataclass(frozen=True, eq=False)
class Verb:
    """A row of `verbs.toml`, which says what the columns mean; known by identity."""

    name: str
    subjects: tuple[str, ...]
    states: tuple[str, ...]
    takes: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    form: str = ""

    @cached_property
    def text(self) -> str:
        """As a caption says it."""
        return self.form or english.to_gerund(self.name)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """All the ways to say it."""
        verbs = (self.name, *self.says)
        return (
            self.text,
            *map(english.to_gerund, verbs),
            *map(english.to_third_person, verbs),
            *map(english.to_past_tense, verbs),
        )

    def accepts_subject(self, subject: Thing) -> bool:
        """Whether such a thing does it."""
        return subject.kind in self.subjects or subject.name in self.subjects

    def accepts_landmark(self, landmark: Thing) -> bool:
        """Whether it is done to such a thing."""
        return landmark.kind in self.takes or landmark.name in self.takes


@cache
def read_scenes() -> Mapping[str, Scene]:
    """All places by name, in the order of their table."""
    return {name: Scene(name, **_parse_row(row)) for name, row in _read_table("scenes").items()}


@cache
def read_things() -> Mapping[str, Thing]:
    """All things by name, in the order of their table."""
    return {name: Thing(name, **_parse_row(row)) for name, row in _read_table("things").items()}


@cache
def read_verbs() -> Mapping[str, Verb]:
    """All verbs by name, in the order of their table."""
    return {name: Verb(name, **_parse_row(row)) for name, row in _read_table("verbs").items()}


@lru_cache(maxsize=1 << 16)
def resolve_scene(label: str) -> Scene:
    """The place that a source calls so, in its words.

    Of a place that the table lacks WordNet tells whether it is indoors: it may then be like any place that is too.

    >>> place("Dirt road").name, place("Dirt road").phrase, place("night club").phrase
    ('road', 'a dirt road', 'a night club')
    """
    return _find_scene(" ".join(label.replace("_", " ").lower().split()))


@lru_cache(maxsize=1 << 16)
def _find_scene(words: str) -> Scene:
    """The place that has these words, in the table or by WordNet."""
    for found in read_scenes().values():
        if words in (found.name, english.strip_article(found.phrase)):
            return found
        if words in found.says:
            return dataclasses.replace(found, text=english.with_article(words))
    side = next((side for side, synsets in _read_table("groups")["sides"].items() if wordnet.is_a(words, *synsets)), "")
    beside = {world for found in read_scenes().values() if found.side == side for world in found.worlds}
    return Scene(words, at=("in",) if side == "indoor" else (), worlds=tuple(sorted(beside)), side=side)


@lru_cache(maxsize=1 << 16)
def resolve_noun_phrase(phrase: str) -> Thing:
    """What a noun phrase means, its article left out."""
    return resolve_category(english.strip_article(phrase))


@lru_cache(maxsize=1 << 16)
def resolve_category(category: str) -> Thing:
    """What a source's category is called; a new thing, of the kind that WordNet says, if the table lacks it.

    Some sources give several words for one category, with commas between: the first counts.

    >>> thing("tv").phrase, thing("green_apples").phrase, thing("cabinet, cupboard").phrase
    ('a television', 'green apples', 'a cabinet')
    """
    words = " ".join(category.replace("_", " ").lower().split(",")[0].split())
    return read_things().get(_index_names_by_text().get(words, words)) or _make_unlisted_thing(words)


@lru_cache(maxsize=1 << 16)
def _make_unlisted_thing(name: str) -> Thing:
    """A thing that the table lacks."""
    return Thing(name, kind=_find_kind(name))


@lru_cache(maxsize=1 << 16)
def is_interchangeable(a: str, b: str) -> bool:
    """Whether no thing is plainly one and not the other: they are of one lineage, or taken for each other."""
    return is_related(a, b) or is_confusable(a, b)


@lru_cache(maxsize=1 << 16)
def is_related(a: str, b: str) -> bool:
    """Whether two things share a lineage: in WordNet, or by their head unless colours tell them apart.

    >>> kin("man", "person"), kin("dog", "cat"), kin("red star", "blue star"), kin("red star", "star")
    (True, False, False, True)
    """
    first, second = _make_profile(a), _make_profile(b)
    if first.head == second.head:
        return first.modifier == second.modifier or not (first.has_colour and second.has_colour)
    return wordnet.is_related(first.name, second.name) or wordnet.is_related(first.noun, second.noun)


@lru_cache(maxsize=1 << 16)
def is_confusable(a: str, b: str) -> bool:
    """Whether one may take a thing for the other, as with a car and a truck."""
    return not _make_profile(a).confusion_groups.isdisjoint(_make_profile(b).confusion_groups)


class _Profile(NamedTuple):
    """What tells things apart: name, noun, the words of the name before its head, and what it is taken for."""

    name: str
    noun: str
    modifier: str
    head: str
    has_colour: bool
    confusion_groups: frozenset[int]


@lru_cache(maxsize=1 << 16)
def _make_profile(category: str) -> _Profile:
    that = resolve_category(category)
    before, _, head = that.name.rpartition(" ")
    groups = _index_confusion_groups().get(resolve_category(without_colour(category)).name, frozenset())
    return _Profile(that.name, that.noun, before, head, before in read_colours(), groups)


@lru_cache(maxsize=1 << 16)
def without_colour(noun: str) -> str:
    """The noun without a colour before it.

    >>> plain("red car"), plain("orange"), plain("stop sign")
    ('car', 'orange', 'stop sign')
    """
    first, _, rest = noun.partition(" ")
    return rest if first in read_colours() and rest else noun


@cache
def read_colours() -> tuple[str, ...]:
    return tuple(_read_table("groups")["colours"])


@cache
def read_person_nouns() -> Mapping[str, tuple[str, ...]]:
    """What captions call a person, by the word that our captions use."""
    return _parse_row(_read_table("groups")["people"])


@cache
def _index_names_by_text() -> Mapping[str, str]:
    """Names of the things that captions call otherwise: `television` is a tv."""
    return {found.text: found.name for found in read_things().values() if found.text}


@cache
def _index_confusion_groups() -> Mapping[str, frozenset[int]]:
    """Numbers of the groups of things that are taken for each other, by each thing in them."""
    groups = [frozenset(group) for group in _read_table("groups")["alike"]]
    names = frozenset().union(*groups)
    return {name: frozenset(i for i, group in enumerate(groups) if name in group) for name in names}


@cache
def _find_kind(noun: str) -> str:
    """Kind of a thing that the table lacks, by its WordNet lineage; empty if none fits."""
    kinds: dict[str, list[int]] = _read_table("groups")["kinds"]
    return next((kind for kind, synsets in kinds.items() if wordnet.is_a(noun, *synsets)), "")


def _parse_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


@cache
def _read_table(name: str) -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "tables" / f"{name}.toml").read_text(encoding="utf-8"))
