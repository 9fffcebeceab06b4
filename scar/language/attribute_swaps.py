"""Noun phrases with another attribute, number or person than a true one: clearly false of its thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from scar.language import english
from scar.language.lexicon import read_person_nouns, resolve_category
from scar.language.noun_phrase import NounPhrase
from scar.language.word_tables import read_word_table

NUMBERS = english.NUMBER_WORDS[1:]
"""Numbers of things that a caption says. A false one is larger than the true one: where three are, two are too."""

_SIZES = frozenset(read_word_table("attributes")["size"]["words"])

_OTHER_PERSONS: Mapping[str, tuple[str, ...]] = {
    "man": ("woman",),
    "woman": ("man",),
    "boy": ("girl",),
    "girl": ("boy",),
    "child": ("man", "woman"),
}
"""Noun for a person -> the nouns that are clearly false of the same person."""


def list_similar_phrases(phrase: NounPhrase) -> list[NounPhrase]:
    """The phrases with one attribute, the number or the person exchanged; each is clearly false of what this one means.

    >>> [other.text for other in list_similar_phrases(NounPhrase("a grassy field", "field", ("grassy",)))]
    ['a snowy field', 'a sandy field', 'a paved field']
    >>> [other.text for other in list_similar_phrases(NounPhrase("a young man", "man", ("young",)))]
    ['an old man', 'an elderly man', 'a young woman']
    """
    return [*_iter_other_attributes(phrase), *_iter_other_numbers(phrase), *_iter_other_persons(phrase)]


def list_attribute_contrasts(attribute: str) -> tuple[str, ...]:
    """The attributes that a thing with this one clearly lacks.

    >>> list_attribute_contrasts("large"), list_attribute_contrasts("lovely")
    (('small', 'little', 'tiny'), ())
    """
    return _index_contrasts().get(attribute, ())


def is_other_person(noun: str, other: str) -> bool:
    """Whether the noun ``other`` is clearly false of a person whom ``noun`` means."""
    return other in _OTHER_PERSONS.get(noun, ())


def _iter_other_attributes(phrase: NounPhrase) -> Iterator[NounPhrase]:
    is_person = resolve_category(phrase.noun).kind == "person"
    for attribute in phrase.attributes:
        if is_person and attribute in _SIZES:
            continue  # a little boy is young
        for contrast in list_attribute_contrasts(attribute):
            if contrast not in phrase.attributes:
                attributes = tuple(contrast if word == attribute else word for word in phrase.attributes)
                yield _replace_word(phrase, attribute, contrast, attributes=attributes)


def _iter_other_numbers(phrase: NounPhrase) -> Iterator[NounPhrase]:
    number = phrase.text.partition(" ")[0]
    if phrase.plural and number in NUMBERS:
        for larger in NUMBERS[NUMBERS.index(number) + 1 :]:
            yield _replace_word(phrase, number, larger)


def _iter_other_persons(phrase: NounPhrase) -> Iterator[NounPhrase]:
    if phrase.noun in read_person_nouns() and phrase.text.endswith(f" {phrase.noun}"):
        for other in _OTHER_PERSONS[phrase.noun]:
            yield _replace_word(phrase, phrase.noun, other, noun=other)


def _replace_word(phrase: NounPhrase, word: str, other: str, **changes: object) -> NounPhrase:
    """The phrase with each occurrence of a word replaced, and the right one of "a" and "an" before it."""
    words = [other if each == word else each for each in phrase.text.split()]
    if words[0] in ("a", "an"):
        words[0] = english.indefinite_article(" ".join(words[1:]))
    return msgspec.structs.replace(phrase, text=" ".join(words), **changes)


@cache
def _index_contrasts() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group in read_word_table("attributes").values():
        for word in group["words"]:
            close = {word}.union(*(words for words in group["close"] if word in words))
            found[word] = tuple(other for other in group["words"] if other not in close)
    return found
