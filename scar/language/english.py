"""Enough English to put nouns and verbs into captions: articles, plurals, verb forms."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from scar.language import wordnet

WORD_LISTS = tomllib.loads((Path(__file__).parent / "tables" / "english.toml").read_text(encoding="utf-8"))
"""Words with special grammar, by kind; `english.toml` explains each kind."""

_PLURALS: dict[str, str] = WORD_LISTS["plurals"]
_SINGULARS = {plural: singular for singular, plural in _PLURALS.items()}


def has_word(text: str) -> bool:
    """Whether a text has a letter or a digit, without which it names nothing.

    >>> has_word("3d"), has_word("_"), has_word("狗"), has_word("🐶")
    (True, False, True, False)
    """
    return any(character.isalnum() for character in text)


def indefinite_article(words: str) -> str:
    """The indefinite article before `words`, by sound.

    >>> indefinite_article("orange"), indefinite_article("hour"), indefinite_article("unicycle")
    ('an', 'an', 'a')
    """
    start = words.lower()
    if start.startswith(tuple(WORD_LISTS["vowel"])):
        return "an"
    written = start.startswith(("a", "e", "i", "o", "u"))
    return "an" if written and not start.startswith(tuple(WORD_LISTS["consonant"])) else "a"


@lru_cache(maxsize=1 << 16)
def with_article(noun: str) -> str:
    """The noun with its indefinite article, if it takes one.

    >>> with_article("orange"), with_article("scissors"), with_article("wild grass")
    ('an orange', 'a pair of scissors', 'wild grass')
    >>> with_article("trees"), with_article("the sky"), with_article("slice of bread")
    ('trees', 'the sky', 'a slice of bread')
    """
    words = noun.split()
    if not words or words[0].lower() in WORD_LISTS["phrase_openers"]:
        return noun
    head = words[words.index("of") - 1] if "of" in words[1:] else words[-1]
    if head in WORD_LISTS["pairs"]:
        return f"a pair of {noun}"
    return noun if head in WORD_LISTS["mass"] or is_plural(head) else f"{indefinite_article(noun)} {noun}"


@lru_cache(maxsize=1 << 16)
def strip_article(phrase: str) -> str:
    """The noun phrase without its article: the inverse of `with_article`.

    >>> strip_article("an orange"), strip_article("a pair of scissors"), strip_article("trees")
    ('orange', 'scissors', 'trees')
    """
    first, _, rest = phrase.partition(" ")
    return (rest if first in WORD_LISTS["phrase_openers"] and rest else phrase).removeprefix("pair of ")


@lru_cache(maxsize=1 << 16)
def is_plural(noun: str) -> bool:
    """Whether the noun is in the plural.

    >>> is_plural("street lights"), is_plural("bus"), is_plural("sheep"), is_plural("people")
    (True, False, False, True)
    """
    head = next(reversed(noun.lower().split()), "")
    if head in _PLURALS:
        return False
    if head in _SINGULARS or head in WORD_LISTS["pairs"]:
        return True
    if head in WORD_LISTS["singular"] or head.endswith(("ss", "us", "is")):
        return False
    return (
        head.endswith("s") or (head.endswith("men") and head != "specimen") or head in wordnet.read_irregular_plurals()
    )


@lru_cache(maxsize=1 << 16)
def to_plural(noun: str) -> str:
    """The noun with its last word in the plural.

    >>> to_plural("wine glass"), to_plural("knife"), to_plural("baby"), to_plural("skis"), to_plural("key")
    ('wine glasses', 'knives', 'babies', 'skis', 'keys')
    """
    *rest, head = noun.split() or [""]
    if not head or head in WORD_LISTS["mass"] or is_plural(head):
        return noun
    if head in _PLURALS:
        head = _PLURALS[head]
    elif head.endswith("man") and head not in ("human", "german"):
        head = f"{head[:-3]}men"
    elif head.endswith(("s", "x", "z", "ch", "sh")):
        head += "es"
    elif head.endswith("y") and head[-2:-1] not in "aeiou":
        head = f"{head[:-1]}ies"
    else:
        head += "s"
    return " ".join([*rest, head])


@lru_cache(maxsize=1 << 16)
def to_singular(noun: str) -> str:
    """The noun with its last word in the singular; unchanged if it is no plural or has no singular.

    >>> to_singular("wine glasses"), to_singular("men"), to_singular("scissors"), to_singular("puppies")
    ('wine glass', 'man', 'scissors', 'puppy')
    """
    *rest, head = noun.split() or [""]
    if head in WORD_LISTS["pairs"] or not is_plural(head):
        return noun
    if head in _SINGULARS or head in wordnet.read_irregular_plurals():
        head = _SINGULARS.get(head) or wordnet.read_irregular_plurals()[head]
    elif head.endswith("men"):
        head = f"{head[:-3]}man"
    elif head.endswith("ies") and not wordnet.is_known(head[:-1]):
        head = f"{head[:-3]}y"
    elif head.endswith(("sses", "xes", "zes", "ches", "shes")):
        head = head[:-2]
    else:
        head = head[:-1]
    return " ".join([*rest, head])


def to_gerund(verb: str) -> str:
    """The form of a verb in -ing; in a phrase, the first word changes.

    >>> to_gerund("ride"), to_gerund("sit"), to_gerund("lie"), to_gerund("lean over"), to_gerund("see")
    ('riding', 'sitting', 'lying', 'leaning over', 'seeing')
    """
    word, space, rest = verb.partition(" ")
    if word.endswith("ie"):
        word = f"{word[:-2]}y"
    elif word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        word = word[:-1]
    elif _doubles_last_letter(word):
        word += word[-1]
    return f"{word}ing{space}{rest}"


def to_third_person(verb: str) -> str:
    """The form of a verb after he, she or it; in a phrase, the first word changes.

    >>> to_third_person("ride"), to_third_person("catch"), to_third_person("fly"), to_third_person("play with")
    ('rides', 'catches', 'flies', 'plays with')
    """
    word, space, rest = verb.partition(" ")
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        word += "es"
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        word = f"{word[:-1]}ies"
    else:
        word += "s"
    return f"{word}{space}{rest}"


def to_past_tense(verb: str) -> str:
    """The regular form of a verb in -ed; in a phrase, the first word changes.

    >>> to_past_tense("park"), to_past_tense("carry"), to_past_tense("lie"), to_past_tense("jog")
    ('parked', 'carried', 'lied', 'jogged')
    """
    word, space, rest = verb.partition(" ")
    if word.endswith("e"):
        word += "d"
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        word = f"{word[:-1]}ied"
    else:
        word += f"{word[-1]}ed" if _doubles_last_letter(word) else "ed"
    return f"{word}{space}{rest}"


def _doubles_last_letter(word: str) -> bool:
    """Whether -ing and -ed double the last letter: a word of one syllable ends in one vowel and one consonant."""
    vowels = [letter in "aeiou" for letter in word]
    return len(word) >= 3 and vowels[-3:] == [False, True, False] and sum(vowels) == 1 and word[-1] not in "wxy"
