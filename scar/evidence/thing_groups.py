"""The groups of things for which evidence means something: seats, tables, what one wears, stuff such as grass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import read_things, resolve_category
from scar.language.word_tables import read_word_table

_STUFF = frozenset({"ground", "water", "sky", "wall"})


@lru_cache(maxsize=1 << 14)
def find_groups(category: str) -> frozenset[str]:
    """The groups of `thing_groups.toml` to which a thing of a category belongs."""
    thing = resolve_category(category)
    words = {thing.name, thing.noun, thing.head, english.to_singular(thing.head), f"kind:{thing.kind}"}
    is_listed = thing.name in read_things()  # WordNet takes a toaster for a person who proposes a toast
    return frozenset(
        name
        for name, (names, synsets) in _read_groups().items()
        if words & names or (not is_listed and wordnet.is_a(thing.noun, *synsets))
    )


def is_stuff(category: str) -> bool:
    """Whether a category is stuff without a place of its own, such as grass: it is around or below things, not near."""
    return not _STUFF.isdisjoint(find_groups(category))


@cache
def _read_groups() -> Mapping[str, tuple[frozenset[str], tuple[int, ...]]]:
    """The groups, each with its names and its synsets."""
    return {
        name: (
            frozenset(entry for entry in entries if isinstance(entry, str)),
            tuple(entry for entry in entries if isinstance(entry, int)),
        )
        for name, entries in read_word_table("thing_groups").items()
    }
