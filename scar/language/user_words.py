"""A user's words for the categories and scenes of a source."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import msgspec


class Words(msgspec.Struct, frozen=True):
    """A user's words; each mapping is written as pairs, so that a record can be a key.

    Attributes:
        names: name of a category -> the phrase that captions say for it.
        plurals: noun in the singular -> its plural.
        scenes: label of a scene -> the phrase that captions say for it.
    """

    names: tuple[tuple[str, str], ...] = ()
    plurals: tuple[tuple[str, str], ...] = ()
    scenes: tuple[tuple[str, str], ...] = ()

    def find_name(self, category: str) -> str | None:
        """The phrase for a category; None if the user gives none."""
        return _index_by_key(self.names).get(make_key(category))


NO_WORDS = Words()


def make_key(name: str) -> str:
    """The form of a name in which spelling, case and separators do not matter: "Fire_hydrant" is "fire-hydrant".

    >>> make_key("Fire_hydrant") == make_key("fire-hydrant") == make_key("FireHydrant")
    True
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum()) or folded.strip()


@lru_cache(maxsize=64)
def _index_by_key(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {make_key(name): text for name, text in pairs}
