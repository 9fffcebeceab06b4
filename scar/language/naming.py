"""Which nouns of captions may name a thing of a category."""

from __future__ import annotations

from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import is_related, read_things, resolve_category
from scar.language.noun_phrase import NounPhrase
from scar.language.parsed_noun_phrase import ANIMAL
from scar.language.syntax_tree import TABLE

_LIKENESSES = frozenset(TABLE["words"]["likenesses"])


@lru_cache(maxsize=1 << 16)
def can_name(noun: str, category: str) -> bool:
    """Whether a noun is a word for the category or for a kind of it.

    >>> can_name("kitty", "cat"), can_name("surfer", "person"), can_name("animal", "cat"), can_name("van", "car")
    (True, True, False, True)
    """
    thing = resolve_category(category)
    words = {english.to_singular(word) for word in (category, *thing.words)}
    if noun in words or english.to_singular(noun) in words:
        return True
    head = noun.rpartition(" ")[2]
    if head != noun and head in words:  # "panda bear" is a bear; "teddy bear" and "hot dog" are things of their own
        return noun not in _read_names()
    name = english.to_singular(thing.name if wordnet.is_known(thing.name) else thing.noun)
    return wordnet.is_known(noun) and wordnet.is_known(name) and wordnet.is_kind_of(noun, name)


@cache
def _read_names() -> frozenset[str]:
    """Every word of captions for a thing of the table."""
    return frozenset(word for thing in read_things().values() for word in thing.words)


@lru_cache(maxsize=1 << 16)
def may_name(noun: str, category: str) -> bool:
    """Whether somebody may call a thing of the category by a noun, even by one as wide as "animal" for a cat."""
    return can_name(noun, category) or is_related(noun, category)


@lru_cache(maxsize=1 << 16)
def is_synonym(noun: str, other: str) -> bool:
    """Whether a thing of the table has both nouns.

    >>> is_synonym("desk", "table"), is_synonym("sofa", "chair")
    (True, False)
    """
    return any(noun in thing.words and other in thing.words for thing in read_things().values())


def can_mean(phrase: NounPhrase, category: str) -> bool:
    """Whether a noun phrase can mean a thing of the category: by its noun, but "a stuffed bear" is no bear."""
    if not _LIKENESSES.isdisjoint(word.lower() for word in phrase.attributes):
        is_toy = phrase.noun == "teddy bear" or wordnet.is_a(phrase.noun, ANIMAL)
        return is_toy and resolve_category(category).name == "teddy bear"
    return can_name(phrase.noun, category)
