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
class Place:
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
        return self.text or english.a(self.name)

    @lru_cache(maxsize=1 << 16)  # noqa: B019 - places are few, and are kept anyway
    def excludes(self, other: Place) -> bool:
        """Whether no picture of one can be called a picture of the other."""
        return (
            bool(self.worlds)
            and bool(other.worlds)
            and set(self.worlds).isdisjoint(other.worlds)
            and not wordnet.related(self.name, other.name)
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
        return english.a(self.noun)

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
        return self.form or english.gerund(self.name)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """All the ways to say it."""
        verbs = (self.name, *self.says)
        return (self.text, *map(english.gerund, verbs), *map(english.third_person, verbs), *map(english.past, verbs))

    def suits(self, subject: Thing) -> bool:
        """Whether such a thing does it."""
        return subject.kind in self.subjects or subject.name in self.subjects

    def fits(self, anchor: Thing) -> bool:
        """Whether it is done to such a thing."""
        return anchor.kind in self.takes or anchor.name in self.takes


@cache
def places() -> Mapping[str, Place]:
    """All places by name, in the order of their table."""
    return {name: Place(name, **_row(row)) for name, row in _table("scenes").items()}


@cache
def things() -> Mapping[str, Thing]:
    """All things by name, in the order of their table."""
    return {name: Thing(name, **_row(row)) for name, row in _table("things").items()}


@cache
def verbs() -> Mapping[str, Verb]:
    """All verbs by name, in the order of their table."""
    return {name: Verb(name, **_row(row)) for name, row in _table("verbs").items()}


@lru_cache(maxsize=1 << 16)
def place(label: str) -> Place:
    """The place that a source calls so, in its words.

    Of a place that the table lacks WordNet tells whether it is indoors: it may then be like any place that is too.

    >>> place("Dirt road").name, place("Dirt road").phrase, place("night club").phrase
    ('road', 'a dirt road', 'a night club')
    """
    return _place(" ".join(label.replace("_", " ").lower().split()))


@lru_cache(maxsize=1 << 16)
def _place(words: str) -> Place:
    """The place that has these words, in the table or by WordNet."""
    for found in places().values():
        if words in (found.name, english.bare(found.phrase)):
            return found
        if words in found.says:
            return dataclasses.replace(found, text=english.a(words))
    side = next((side for side, synsets in _table("groups")["sides"].items() if wordnet.is_a(words, *synsets)), "")
    beside = {world for found in places().values() if found.side == side for world in found.worlds}
    return Place(words, at=("in",) if side == "indoor" else (), worlds=tuple(sorted(beside)), side=side)


@lru_cache(maxsize=1 << 16)
def meant(phrase: str) -> Thing:
    """What a noun phrase means, its article left out."""
    return thing(english.bare(phrase))


@lru_cache(maxsize=1 << 16)
def thing(category: str) -> Thing:
    """What a source's category is called; a new thing, of the kind that WordNet says, if the table lacks it.

    Some sources give several words for one category, with commas between: the first counts.

    >>> thing("tv").phrase, thing("green_apples").phrase, thing("cabinet, cupboard").phrase
    ('a television', 'green apples', 'a cabinet')
    """
    words = " ".join(category.replace("_", " ").lower().split(",")[0].split())
    return things().get(_named_by_text().get(words, words)) or _other_thing(words)


@lru_cache(maxsize=1 << 16)
def _other_thing(name: str) -> Thing:
    """A thing that the table lacks."""
    return Thing(name, kind=_kind(name))


@lru_cache(maxsize=1 << 16)
def alike(a: str, b: str) -> bool:
    """Whether no thing is plainly one and not the other: they are of one lineage, or taken for each other."""
    return kin(a, b) or confusable(a, b)


@lru_cache(maxsize=1 << 16)
def kin(a: str, b: str) -> bool:
    """Whether two things share a lineage: in WordNet, or by their head unless colours tell them apart.

    >>> kin("man", "person"), kin("dog", "cat"), kin("red star", "blue star"), kin("red star", "star")
    (True, False, False, True)
    """
    first, second = _profile(a), _profile(b)
    if first.head == second.head:
        return first.before == second.before or not (first.coloured and second.coloured)
    return wordnet.related(first.name, second.name) or wordnet.related(first.noun, second.noun)


@lru_cache(maxsize=1 << 16)
def confusable(a: str, b: str) -> bool:
    """Whether one may take a thing for the other, as with a car and a truck."""
    return not _profile(a).groups.isdisjoint(_profile(b).groups)


class _Profile(NamedTuple):
    """What tells things apart: name, noun, the words of the name before its head, and what it is taken for."""

    name: str
    noun: str
    before: str
    head: str
    coloured: bool
    groups: frozenset[int]


@lru_cache(maxsize=1 << 16)
def _profile(category: str) -> _Profile:
    that = thing(category)
    before, _, head = that.name.rpartition(" ")
    groups = _groups_by_name().get(thing(plain(category)).name, frozenset())
    return _Profile(that.name, that.noun, before, head, before in colours(), groups)


@lru_cache(maxsize=1 << 16)
def plain(noun: str) -> str:
    """The noun without a colour before it.

    >>> plain("red car"), plain("orange"), plain("stop sign")
    ('car', 'orange', 'stop sign')
    """
    first, _, rest = noun.partition(" ")
    return rest if first in colours() and rest else noun


@cache
def colours() -> tuple[str, ...]:
    return tuple(_table("groups")["colours"])


@cache
def people() -> Mapping[str, tuple[str, ...]]:
    """What captions call a person, by the word that our captions use."""
    return _row(_table("groups")["people"])


@cache
def _named_by_text() -> Mapping[str, str]:
    """Names of the things that captions call otherwise: `television` is a tv."""
    return {found.text: found.name for found in things().values() if found.text}


@cache
def _groups_by_name() -> Mapping[str, frozenset[int]]:
    """Numbers of the groups of things that are taken for each other, by each thing in them."""
    groups = [frozenset(group) for group in _table("groups")["alike"]]
    names = frozenset().union(*groups)
    return {name: frozenset(i for i, group in enumerate(groups) if name in group) for name in names}


@cache
def _kind(noun: str) -> str:
    """Kind of a thing that the table lacks, by its WordNet lineage; empty if none fits."""
    kinds: dict[str, list[int]] = _table("groups")["kinds"]
    return next((kind for kind, synsets in kinds.items() if wordnet.is_a(noun, *synsets)), "")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


@cache
def _table(name: str) -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "tables" / f"{name}.toml").read_text(encoding="utf-8"))
