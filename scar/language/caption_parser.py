"""Read human captions: the scenes that they state and the actions of their subjects."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import Scene, Thing, Verb, read_scenes, read_verbs

_TOKEN_PATTERN = re.compile(r"[a-z]+(?:['-][a-z]+)*|[.,;:!?]")

_LOCATING, _SUPPORTING, _PARTITIVE, _DETERMINERS = (
    frozenset(english.WORD_LISTS[kind]) for kind in ("locating", "supporting", "partitive", "determiners")
)
_FUNCTION_WORDS = _LOCATING | _DETERMINERS | frozenset(english.WORD_LISTS["function_words"])
_CONNECTIVES = _FUNCTION_WORDS - _DETERMINERS

_MAX_NOUN_WORDS = 4
"""Largest number of words of a thing's name in a caption; longer names hardly occur."""

_MAX_WORDS_TO_PREPOSITION = 6
"""Largest distance in words from a preposition to its scene; a longer search finds another noun's preposition."""

_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}

_PREPOSITIONS = {
    "on top of": "on",
    "next to": "next to",
    "in front of": "in front of",
    "beside": "next to",
    "by": "next to",
    "near": "next to",
    "atop": "on",
    "on": "on",
    "under": "under",
    "behind": "behind",
    "inside": "in",
    "in": "in",
    "at": "at",
    "down": "down",
    "along": "along",
    "across": "across",
    "through": "through",
}
"""Preposition of human captions -> the preposition that our captions use for it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the subject of a caption does.

    Attributes:
        verb: what the subject does.
        preposition: the preposition after the verb, as our captions say it; empty if there is none.
        landmark: the thing after the verb or the preposition; None if the caption names the scene there.
    """

    verb: Verb
    preposition: str
    landmark: Thing | None


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
    return has_noun_in_joined(_space_tokens(caption), nouns)


def join_captions(captions: Sequence[str]) -> str:
    """Join the tokens of several captions to one text, in which `has_noun_in_joined` searches."""
    return "/".join(map(_space_tokens, captions))


def has_noun_in_joined(text: str, nouns: tuple[str, ...]) -> bool:
    """Whether a text that `join_captions` made contains one of the nouns, in singular or plural."""
    for form in _spaced_forms(nouns):  # noqa: SIM110 - `any` takes twice as long; a picture needs a hundred calls
        if form in text:
            return True
    return False


@lru_cache(maxsize=64)
def collect_words(captions: tuple[str, ...]) -> frozenset[str]:
    """The distinct words and punctuation marks of several captions."""
    return frozenset(word for caption in captions for word in tokenize_caption(caption))


@lru_cache(maxsize=1024)
def _space_tokens(caption: str) -> str:
    """The tokens of a caption as one text, with a space before and after each."""
    return f" {' '.join(tokenize_caption(caption))} "


@lru_cache(maxsize=1 << 16)
def _spaced_forms(nouns: tuple[str, ...]) -> tuple[str, ...]:
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
    """The scenes where a caption says that the picture was taken, in the order of the caption.

    >>> [scene.name for scene in find_stated_scenes("A cat on a table near the beach, under a street light.")]
    ['table']
    """
    words = tokenize_caption(caption)
    return tuple(
        scene for start, end, scene in _iter_scene_mentions(words) if _is_stated(words, start, end, scene.side)
    )


def parse_actions(
    caption: str, subjects: tuple[str, ...], landmarks: Mapping[str, Thing], count: int = 1
) -> Iterator[Action]:
    """Iterate over the actions of the subject with which a caption begins; several if verbs share a form.

    Args:
        caption: a sentence such as "A young man is riding a wave on a surfboard" or "Two men on a bench".
        subjects: nouns that the caption may use for the subject, in the singular.
        landmarks: nouns of the other things in the picture, each with its thing.
        count: number of things that the subject must mean: one for "a man", two for "two men".
    """
    words = tokenize_caption(caption)
    index = _find_subject_end(words, subjects, count)
    if not index:
        return
    while index < len(words) and words[index] in ("that", "who", "is", "are"):
        index += 1
    form = words[index] if index < len(words) else ""
    preposition, index = _find_preposition_at(words, index + 1)
    landmark = _find_landmark_at(words, index, landmarks)
    for verb in _index_verbs_by_form().get(form, ()):
        if landmark or (not verb.landmarks and preposition in _LOCATING):
            yield Action(verb, preposition, landmark)


def is_about(caption: str, subjects: tuple[str, ...], count: int = 1) -> bool:
    """Whether a caption begins with a subject that is one of the nouns and means this number of things."""
    return _find_subject_end(tokenize_caption(caption), subjects, count) > 0


def _find_subject_end(words: Sequence[str], subjects: tuple[str, ...], count: int) -> int:
    """Index after the subject with which a caption begins; 0 if the caption has another subject or number."""
    start = _find_count_end(words, count)
    if count > 1 and not start:
        return 0
    nouns = subjects if count == 1 else _pluralize_nouns(subjects)
    max_words = _max_noun_words(nouns)
    for i in range(start, min(start + 4, len(words))):
        subject = _find_noun_at(words, i, nouns, max_words)
        if subject:
            return i + len(subject.split())
        if words[i] in _FUNCTION_WORDS:
            return 0
    return 0


@cache
def _index_verbs_by_form() -> Mapping[str, tuple[Verb, ...]]:
    """Form of a verb -> the verbs with that form, in the order of verbs.toml."""
    found: dict[str, list[Verb]] = {}
    for verb in read_verbs().values():
        for form in dict.fromkeys(verb.forms):
            found.setdefault(form, []).append(verb)
    return {form: tuple(several) for form, several in found.items()}


@lru_cache(maxsize=1 << 16)
def _pluralize_nouns(nouns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(english.to_plural, nouns))


def _find_count_end(words: Sequence[str], count: int) -> int:
    """Index after the article or number with which a noun phrase begins; 0 if it means another number."""
    if count == 1:
        return 1 if words and words[0] in ("a", "an", "the", "this", "one") else 0
    if count == 2 and words[:3] in (("a", "couple", "of"), ("a", "pair", "of")):
        return 3
    return 1 if words and words[0] == _NUMBERS.get(count) else 0


def _find_landmark_at(words: Sequence[str], start: int, landmarks: Mapping[str, Thing]) -> Thing | None:
    """The landmark that the noun phrase at an index names; None if it names none."""
    if start < len(words) and words[start] in _DETERMINERS:
        start += 1
    for i in range(start, min(start + 3, len(words))):
        noun = _find_noun_at(words, i, landmarks)
        after = words[i + len(noun.split())] if i + len(noun.split()) < len(words) else "."
        if noun and (after in _FUNCTION_WORDS or not after.isalpha() or after.endswith("ing") or after == "together"):
            return landmarks[noun]
        if words[i] in _FUNCTION_WORDS:
            return None
    return None


def _find_preposition_at(words: Sequence[str], start: int) -> tuple[str, int]:
    """The preposition that begins at an index, and the index after it; "" and the same index if there is none."""
    for length in (3, 2, 1):
        preposition = _PREPOSITIONS.get(" ".join(words[start : start + length]))
        if preposition and start + length <= len(words):
            return preposition, start + length
    return "", start


@lru_cache(maxsize=1 << 16)
def _max_noun_words(nouns: tuple[str, ...]) -> int:
    """Number of words of the longest noun, at most `_MAX_NOUN_WORDS`; 0 without nouns."""
    return min(max((1 + noun.count(" ") for noun in nouns), default=0), _MAX_NOUN_WORDS)


def _find_noun_at(words: Sequence[str], start: int, nouns: Container[str], max_words: int = _MAX_NOUN_WORDS) -> str:
    """The longest noun that begins at an index; empty if there is none."""
    for end in range(min(start + max_words, len(words)), start, -1):
        noun = " ".join(words[start:end])
        if noun in nouns:
            return noun
    return ""


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
