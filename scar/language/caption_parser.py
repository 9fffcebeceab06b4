"""Search human captions for words: nouns in either number, and the scenes that captions state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import Scene, read_scenes

_TOKEN_PATTERN = re.compile(r"[a-z]+(?:['-][a-z]+)*|[.,;:!?]")

_LOCATING, _SUPPORTING, _PARTITIVE, _DETERMINERS = (
    frozenset(english.WORD_LISTS[kind]) for kind in ("locating", "supporting", "partitive", "determiners")
)
_FUNCTION_WORDS = _LOCATING | _DETERMINERS | frozenset(english.WORD_LISTS["function_words"])
_CONNECTIVES = _FUNCTION_WORDS - _DETERMINERS


_MAX_WORDS_TO_PREPOSITION = 6
"""Largest distance in words from a preposition to its scene; a longer search finds another noun's preposition."""


@lru_cache(maxsize=1024)
def tokenize_caption(caption: str) -> tuple[str, ...]:
    """The words of a caption in lower case and its punctuation marks, in the order of the caption.

    >>> tokenize_caption("A man's dog, on a T-shirt.")
    ('a', "man's", 'dog', ',', 'on', 'a', 't-shirt', '.')
    """
    return tuple(_TOKEN_PATTERN.findall(caption.lower()))


def has_noun(caption: str, nouns: tuple[str, ...]) -> bool:
    """Whether a caption contains one of the nouns, in singular or plural.

    >>> has_noun("Two pizza pies", ("pizza",)), has_noun("Some men", ("boy", "man")), has_noun("A man", ("woman",))
    (True, True, False)
    """
    text = _space_tokens(caption)
    return any(form in text for form in spaced_forms(nouns))


@lru_cache(maxsize=64)
def collect_words(captions: tuple[str, ...]) -> frozenset[str]:
    """The distinct words and punctuation marks of several captions."""
    return frozenset(word for caption in captions for word in tokenize_caption(caption))


@lru_cache(maxsize=1024)
def _space_tokens(caption: str) -> str:
    """The tokens of a caption as one text, with a space before and after each."""
    return f" {' '.join(tokenize_caption(caption))} "


@lru_cache(maxsize=1 << 16)
def spaced_forms(nouns: tuple[str, ...]) -> tuple[str, ...]:
    """Singulars and plurals of the nouns with a space before and after each."""
    forms = (form for noun in nouns for form in (noun, english.to_plural(noun), english.to_singular(noun)))
    return tuple(f" {form} " for form in dict.fromkeys(forms))


@lru_cache(maxsize=64)
def find_named_scenes(captions: tuple[str, ...]) -> frozenset[str]:
    """Names of all scenes that the captions mention, whether the picture was taken there or not."""
    return frozenset(
        scene.name for caption in captions for _, _, scene in _iter_scene_mentions(tokenize_caption(caption))
    )


@lru_cache(maxsize=1024)
def find_stated_scenes(caption: str) -> tuple[Scene, ...]:
    """The scenes where a caption says that its thing is, in the order of the caption; surfaces are scenes, too.

    What a thing is only near, or under, is no such scene.

    >>> [scene.name for scene in find_stated_scenes("A cat on a table near the beach, under a street light.")]
    ['table']
    """
    words = tokenize_caption(caption)
    return tuple(
        scene for start, end, scene in _iter_scene_mentions(words) if _is_stated(words, start, end, scene.side)
    )


@cache
def _index_scene_words() -> Mapping[tuple[str, ...], Scene]:
    """The words of each name of a scene -> the scene."""
    return {tuple(name.split()): scene for scene in read_scenes().values() for name in (scene.name, *scene.synonyms)}


@cache
def _index_scene_starts() -> Mapping[str, int]:
    """First word of a scene's name -> number of words of the longest such name."""
    max_words: dict[str, int] = {}
    for name in _index_scene_words():
        max_words[name[0]] = max(max_words.get(name[0], 0), len(name))
    return max_words


def _iter_scene_mentions(words: Sequence[str]) -> Iterator[tuple[int, int, Scene]]:
    """Iterate over start, end and scene of every mention of a scene; the longest of overlapping names counts."""
    scenes, max_words = _index_scene_words(), _index_scene_starts()
    start = 0
    while start < len(words):
        for length in range(max_words.get(words[start], 0), 0, -1):
            scene = scenes.get(tuple(words[start : start + length]))
            if scene:
                yield start, start + length, scene
                start += length - 1
                break
        start += 1


def _is_stated(words: Sequence[str], start: int, end: int, side: str) -> bool:
    """Whether the scene named from `start` to `end` is where the picture was taken, and no modifier or background."""
    after = words[end] if end < len(words) else "."
    if (
        after not in _FUNCTION_WORDS
        and after.isalpha()
        and not after.endswith(("ing", "ed"))
        and wordnet.is_known(after)
    ):
        return False  # a street light, a beach umbrella
    if " ".join(words[end : end + 3]) in ("in the background", "in the distance"):
        return False
    for i in range(start - 1, max(start - 1 - _MAX_WORDS_TO_PREPOSITION, -1), -1):
        word = words[i]
        if side == "top" and word in _CONNECTIVES:
            return word in _SUPPORTING and (word != "of" or words[i - 2 : i] == ("on", "top"))
        if word == "of":
            return words[i - 1] in _PARTITIVE or words[i - 2 : i] == ("on", "top")
        if word in _CONNECTIVES:
            return word in _LOCATING or word in ("is", "there")
        if not word[0].isalpha():
            return False
    return start <= _MAX_WORDS_TO_PREPOSITION
