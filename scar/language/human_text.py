"""What people wrote, before it is parsed: cleaned, and refused with a reason where it cannot be read."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, TypeAlias

from scar.language import english, wordnet

Unread: TypeAlias = Literal["no_words", "too_long", "not_english"]
"""Why a text is not parsed."""

MAX_WORDS = 60
"""Most words of a text: captions have about ten, and a parser's time grows with them."""

MAX_CHARACTERS = 600
"""Most characters of a text, for texts without spaces."""

_MIN_LATIN_SHARE = 0.7
"""Least share of the letters of A to Z among a text's letters: names and loanwords have a few others."""

_MIN_KNOWN_SHARE = 0.5
"""Least share of a text's words that English has: misspelt captions have more."""

_WORD = re.compile(r"[^\W\d_]+")
_FUNCTION_WORDS = frozenset(
    word
    for kind in ("locating", "supporting", "determiners", "function_words", "phrase_openers")
    for word in english.WORD_LISTS[kind]
)
_FOREIGN_WORDS = frozenset(english.WORD_LISTS["foreign"])


def clean_text(text: str) -> str:
    r"""A text without control characters, with single spaces, and in lower case if it is all in capitals.

    >>> clean_text(" A MAN\x00 ON\nA BUS "), clean_text("A man on a bus . ")
    ('a man on a bus', 'A man on a bus')
    """
    kept = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    words = " ".join(kept.split()).rstrip(" .")
    return words.lower() if words.isupper() else words


@lru_cache(maxsize=1 << 12)
def find_unread_reason(text: str) -> Unread | None:
    """Why a text that `clean_text` returned cannot be read; None if it can.

    >>> find_unread_reason("A dog on a sofa"), find_unread_reason("Ein Hund auf einem Sofa")
    (None, 'not_english')
    """
    if len(text) > MAX_CHARACTERS or text.count(" ") >= MAX_WORDS:
        return "too_long"
    words = _WORD.findall(text.lower())
    if not words:
        return "no_words"
    letters = "".join(words)
    if sum("a" <= letter <= "z" for letter in letters) < _MIN_LATIN_SHARE * len(letters):
        return "not_english"
    foreign = sum(word in _FOREIGN_WORDS for word in words)
    if foreign > sum(word in _FUNCTION_WORDS for word in words):
        return "not_english"
    return None if sum(map(is_english_word, words)) >= _MIN_KNOWN_SHARE * len(words) else "not_english"


@lru_cache(maxsize=1 << 16)
def is_english_word(word: str) -> bool:
    """Whether a word is one of English or a regular form of one; capitals do not matter."""
    word = word.lower()
    if word in _FUNCTION_WORDS or wordnet.is_known(word) or wordnet.find_parts_of_speech(word):
        return True
    if word.endswith(("ing", "ed", "es", "er", "est", "s")):
        stems = {word.removesuffix(ending) for ending in ("ing", "ed", "es", "er", "est", "s", "d")}
        stems |= {f"{stem}e" for stem in stems} | {stem[:-1] for stem in stems if stem[-1:] == stem[-2:-1]}
        return any(stem != word and wordnet.find_parts_of_speech(stem) for stem in stems)
    return False
