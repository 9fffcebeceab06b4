"""A user's words for the categories and scenes of a source, from a TOML file.

An example::

    [names]      # category -> what captions say for one thing of it
    "sky-other" = "the sky"
    "veh_03" = "a delivery van"

    [plurals]    # noun -> its plural; a noun that is its own plural takes no article: quinoa = "quinoa"
    cactus = "cacti"

    [scenes]     # scene label -> what captions say for it, with or without the preposition
    "club_vip" = "in a night club"
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from scar.common.tables import check_values, read_toml
from scar.errors import RecipeError

Pairs: TypeAlias = tuple[tuple[str, str], ...]

MAX_CHARACTERS = 80
"""Largest length of a phrase or a plural."""

SCENE_OPENERS = ("in", "on", "at")
"""Prepositions with which the phrase of a scene may begin."""

_OPENERS = ("a ", "an ")


class Words(msgspec.Struct, frozen=True):
    """A user's words. Each mapping is stored as pairs, so that the record can be a key of a cache.

    Attributes:
        names: name of a category -> the phrase that captions say for it.
        plurals: noun in the singular -> its plural.
        scenes: label of a scene -> the phrase that captions say for it, with its preposition or without.
    """

    names: Pairs = ()
    plurals: Pairs = ()
    scenes: Pairs = ()

    def find_name(self, category: str) -> str | None:
        """The phrase for a category; None if the user gives none. Case and separators of the name do not matter."""
        return _index_by_key(self.names).get(make_key(category))

    def find_scene(self, label: str) -> tuple[str, str] | None:
        """The preposition and the phrase for a scene; None if the user gives no words for it.

        The preposition is empty if the user's words begin with none.
        """
        text = _index_by_key(self.scenes).get(make_key(label))
        if text is None:
            return None
        first, _, rest = text.partition(" ")
        return (first.lower(), rest) if first.lower() in SCENE_OPENERS and rest else ("", text)

    def to_singular(self, noun: str) -> str | None:
        """The singular of a plural that the user gives; None for all other words."""
        return {plural: singular for singular, plural in self.plurals}.get(noun)

    def to_plural(self, noun: str) -> str | None:
        """The plural that the user gives for a noun in the singular; None if the user gives none."""
        return dict(self.plurals).get(noun)


NO_WORDS = Words()
"""The words of a user who gives none."""


def make_key(name: str) -> str:
    """The form of a name that all spellings of it share, whatever their case, spaces and separators.

    >>> make_key("Fire_hydrant") == make_key("fire-hydrant") == make_key("FireHydrant")
    True
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum()) or folded.strip()


def read_words(path: Path) -> Words:
    """Read a user's words.

    Raises:
        RecipeError: the file cannot be read, is no TOML, has an unknown table or an unusable text, or contradicts
            itself: the same name twice, a plural that is also another noun or its plural, a name that is also a scene.
    """
    return parse_words(read_toml(path, RecipeError), str(path))


def parse_words(content: Mapping[str, Any], where: str) -> Words:
    """Make `Words` from the tables of a TOML file; ``where`` is the file's name for messages. See `read_words`."""
    kinds = dict.fromkeys(("names", "plurals", "scenes"), dict[str, Any])
    tables = check_values(content, kinds, where, RecipeError, what="table")
    words = Words(**{kind: tuple(_iter_pairs(tables.get(kind, {}), f"{where}, [{kind}]")) for kind in kinds})
    for kind in kinds:
        _refuse_same_names(getattr(words, kind), f"{where}, [{kind}]")
    _refuse_unclear_plurals(words, where)
    scenes = {make_key(label): label for label, _ in words.scenes}
    for name, _ in words.names:
        if scene := scenes.get(make_key(name)):
            raise RecipeError(
                f"{where}: {name!r} in [names] is {scene!r} in [scenes]; rename the category or the scene."
            )
    return words


def _iter_pairs(table: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of a table, with single spaces.

    Raises:
        RecipeError: a name or a text cannot be used.
    """
    for name, text in table.items():
        if not any(map(str.isalnum, name)):
            raise RecipeError(f"{where}: the name {name!r} has no letter and no digit; give the name of a category.")
        if not isinstance(text, str):
            raise RecipeError(f"{where}: {name!r} = {text!r} is no text; put the words into quotes.")
        if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co") for letter in text):
            raise RecipeError(f"{where}: {name!r} = {text!r} has a control character; write the words on one line.")
        if not any(map(str.isalpha, text)):
            raise RecipeError(f"{where}: {name!r} = {text!r} has no word; give the words, or leave the name out.")
        if len(text) > MAX_CHARACTERS:
            problem = f"has {len(text):,} characters, {MAX_CHARACTERS} are allowed"
            raise RecipeError(f"{where}: {name!r} = {text[:20]!r}... {problem}; give a short phrase.")
        yield name, " ".join(text.split())


def _refuse_same_names(pairs: Pairs, where: str) -> None:
    """Raise `RecipeError` if two names differ in their spelling alone."""
    seen: dict[str, str] = {}
    for name, _ in pairs:
        first = seen.setdefault(make_key(name), name)
        if first != name:
            raise RecipeError(f"{where}: {first!r} and {name!r} are the same name; leave one out.")


def _refuse_unclear_plurals(words: Words, where: str) -> None:
    """Raise `RecipeError` if a plural is also something else."""
    table, singulars = f"{where}, [plurals]", dict(words.plurals)
    seen: dict[str, str] = {}
    for noun, plural in words.plurals:
        if plural != noun and plural in singulars:
            raise RecipeError(f"{table}: {plural!r}, the plural of {noun!r}, is itself a noun there; leave one out.")
        if (other := seen.setdefault(plural, noun)) != noun:
            raise RecipeError(f"{table}: {plural!r} is the plural of {other!r} and of {noun!r}; leave one out.")
    for name, text in words.names:
        last = text.rpartition(" ")[2]
        if text.lower().startswith(_OPENERS) and last in seen and seen[last] != last:
            problem = f"{text!r} is one thing, but {last!r} is the plural of {seen[last]!r}"
            raise RecipeError(f"{where}, [names]: {name!r}: {problem}; change one of them.")


@lru_cache(maxsize=64)
def _index_by_key(pairs: Pairs) -> dict[str, str]:
    return {make_key(name): text for name, text in pairs}
