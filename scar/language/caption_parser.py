"""Reading what people wrote about a picture: which places it shows, and who does what in it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import Scene, Thing, Verb, read_scenes, read_verbs

_TOKEN_PATTERN = re.compile(r"[a-z]+(?:['-][a-z]+)*|[.,;:!?]")

_STATING, _RESTING, _PART, _DETERMINERS = (
    frozenset(english.WORD_LISTS[kind]) for kind in ("stating", "resting", "part", "determiners")
)
_FUNCTION = _STATING | _DETERMINERS | frozenset(english.WORD_LISTS["function"])
_JOINING = _FUNCTION - _DETERMINERS

_MAX_NOUN_WORDS = 4
"""Words that the name of a thing has at most in a caption."""

_MAX_WORDS_TO_PREPOSITION = 6
"""A place's preposition stands at most so many words before it."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a caption says that its subject does.

    Attributes:
        verb: what it does.
        preposition: the preposition between verb and anchor, if any.
        landmark: the thing it is done to or where; None if the scene follows.
    """

    verb: Verb
    preposition: str
    landmark: Thing | None


@lru_cache(maxsize=1024)
def tokenize_caption(caption: str) -> tuple[str, ...]:
    """Words in lower case, and the marks between them.

    >>> tokens("A man's dog, on a T-shirt.")
    ('a', "man's", 'dog', ',', 'on', 'a', 't-shirt', '.')
    """
    return tuple(_TOKEN_PATTERN.findall(caption.lower()))


def has_noun(caption: str, nouns: tuple[str, ...]) -> bool:
    """Whether a caption has one of the nouns, in singular or plural.

    >>> says("Two pizza pies", ("pizza",)), says("Some men", ("boy", "man")), says("A man", ("woman",))
    (True, True, False)
    """
    return has_noun_in_joined(_space_tokens(caption), nouns)


def join_captions(captions: Sequence[str]) -> str:
    """Some captions in one, to be asked by `has_noun_in_joined`."""
    return "/".join(map(_space_tokens, captions))


def has_noun_in_joined(text: str, nouns: tuple[str, ...]) -> bool:
    """Whether a text that `joined` made has one of the nouns, in singular or plural."""
    for form in _spaced_forms(nouns):  # noqa: SIM110 - `any` takes twice as long, and this is asked a hundred times a picture
        if form in text:
            return True
    return False


@lru_cache(maxsize=64)
def collect_words(captions: tuple[str, ...]) -> frozenset[str]:
    """All words of some captions."""
    return frozenset(word for caption in captions for word in tokenize_caption(caption))


@lru_cache(maxsize=1024)
def _space_tokens(caption: str) -> str:
    """Its words with spaces between, before and behind."""
    return f" {' '.join(tokenize_caption(caption))} "


@lru_cache(maxsize=1 << 16)
def _spaced_forms(nouns: tuple[str, ...]) -> tuple[str, ...]:
    """Singulars and plurals as `_spaced` has them."""
    forms = (form for noun in nouns for form in (noun, english.to_plural(noun), english.to_singular(noun)))
    return tuple(f" {form} " for form in dict.fromkeys(forms))


@lru_cache(maxsize=64)
def find_named_scenes(captions: tuple[str, ...]) -> frozenset[str]:
    """Names of all places that some caption has a word for, wherever it stands."""
    return frozenset(
        place.name for caption in captions for _, _, place in _iter_scene_mentions(tokenize_caption(caption))
    )


@lru_cache(maxsize=1024)
def find_stated_scenes(caption: str) -> tuple[Scene, ...]:
    """The places in which, as a caption says, the picture was taken, in the order of the caption.

    >>> [place.name for place in stated_places("A cat on a table near the beach, under a street light.")]
    ['table']
    """
    words = tokenize_caption(caption)
    return tuple(
        place for start, end, place in _iter_scene_mentions(words) if _is_stated(words, start, end, place.side)
    )


def parse_actions(
    caption: str, subjects: tuple[str, ...], landmarks: Mapping[str, Thing], count: int = 1
) -> Iterator[Action]:
    """What the subject with which a caption begins does, by each verb that has the word; several do it each.

    Args:
        caption: a sentence such as "A young man is riding a wave on a surfboard" or "Two men on a bench".
        subjects: nouns for the subject, in the singular.
        landmarks: nouns of other things in the picture, and which things they are.
        count: how many there are of the subject; a caption must count as many.
    """
    words = tokenize_caption(caption)
    at = _find_subject_end(words, subjects, count)
    if not at:
        return
    while at < len(words) and words[at] in ("that", "who", "is", "are"):
        at += 1
    said = words[at] if at < len(words) else ""
    spot, at = _find_preposition_at(words, at + 1)
    anchor = _find_landmark_at(words, at, landmarks)
    for verb in _index_verbs_by_form().get(said, ()):
        if anchor or (not verb.takes and spot in _STATING):
            yield Action(verb, spot, anchor)


def is_about(caption: str, subjects: tuple[str, ...], count: int = 1) -> bool:
    """Whether a caption begins with so many of a subject."""
    return _find_subject_end(tokenize_caption(caption), subjects, count) > 0


def _find_subject_end(words: Sequence[str], subjects: tuple[str, ...], count: int) -> int:
    """Where the noun phrase ends with which a caption begins; 0 if it is not about so many of the subject."""
    start = _find_count_end(words, count)
    if count > 1 and not start:
        return 0
    nouns = subjects if count == 1 else _pluralize_nouns(subjects)
    longest = _max_noun_words(nouns)
    for i in range(start, min(start + 4, len(words))):
        subject = _find_noun_at(words, i, nouns, longest)
        if subject:
            return i + len(subject.split())
        if words[i] in _FUNCTION:
            return 0
    return 0


@cache
def _index_verbs_by_form() -> Mapping[str, tuple[Verb, ...]]:
    """The verbs that have a word among their forms, in the order of their table."""
    found: dict[str, list[Verb]] = {}
    for verb in read_verbs().values():
        for form in dict.fromkeys(verb.forms):
            found.setdefault(form, []).append(verb)
    return {form: tuple(several) for form, several in found.items()}


@lru_cache(maxsize=1 << 16)
def _pluralize_nouns(nouns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(english.to_plural, nouns))


def _find_count_end(words: Sequence[str], count: int) -> int:
    """Where the noun phrase goes on after an article or a number that means so many; 0 if it means another number."""
    if count == 1:
        return 1 if words and words[0] in ("a", "an", "the", "this", "one") else 0
    if count == 2 and words[:3] in (("a", "couple", "of"), ("a", "pair", "of")):
        return 3
    return 1 if words and words[0] == _NUMBERS.get(count) else 0


def _find_landmark_at(words: Sequence[str], at: int, landmarks: Mapping[str, Thing]) -> Thing | None:
    """The thing that the noun phrase at a position means."""
    if at < len(words) and words[at] in _DETERMINERS:
        at += 1
    for i in range(at, min(at + 3, len(words))):
        noun = _find_noun_at(words, i, landmarks)
        after = words[i + len(noun.split())] if i + len(noun.split()) < len(words) else "."
        if noun and (after in _FUNCTION or not after.isalpha() or after.endswith("ing") or after == "together"):
            return landmarks[noun]
        if words[i] in _FUNCTION:
            return None
    return None


_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def _find_preposition_at(words: Sequence[str], at: int) -> tuple[str, int]:
    """The spot that stands at a position, and where it ends; empty if none does."""
    for length in (3, 2, 1):
        spot = _PREPOSITIONS.get(" ".join(words[at : at + length]))
        if spot and at + length <= len(words):
            return spot, at + length
    return "", at


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


@lru_cache(maxsize=1 << 16)
def _max_noun_words(nouns: tuple[str, ...]) -> int:
    """How many words one of the nouns has at most."""
    return min(max((1 + noun.count(" ") for noun in nouns), default=0), _MAX_NOUN_WORDS)


def _find_noun_at(words: Sequence[str], at: int, nouns: Container[str], longest: int = _MAX_NOUN_WORDS) -> str:
    """The longest of the nouns that stands at a position; empty if none does."""
    for end in range(min(at + longest, len(words)), at, -1):
        noun = " ".join(words[at:end])
        if noun in nouns:
            return noun
    return ""


@cache
def _index_scene_words() -> Mapping[tuple[str, ...], Scene]:
    return {tuple(said.split()): place for place in read_scenes().values() for said in (place.name, *place.says)}


@cache
def _index_scene_starts() -> Mapping[str, int]:
    """How many words a place's name may have, by the first of them."""
    longest: dict[str, int] = {}
    for said in _index_scene_words():
        longest[said[0]] = max(longest.get(said[0], 0), len(said))
    return longest


def _iter_scene_mentions(words: Sequence[str]) -> Iterator[tuple[int, int, Scene]]:
    """Yield start, end and place wherever one is named; of overlapping names the longest."""
    index, longest = _index_scene_words(), _index_scene_starts()
    start = 0
    while start < len(words):
        for length in range(longest.get(words[start], 0), 0, -1):
            place = index.get(tuple(words[start : start + length]))
            if place:
                yield start, start + length, place
                start += length - 1
                break
        start += 1


def _is_stated(words: Sequence[str], start: int, end: int, side: str) -> bool:
    """Whether the place at `start` to `end` is where the picture was taken, not a landmark or a modifier."""
    after = words[end] if end < len(words) else "."
    if after not in _FUNCTION and after.isalpha() and not after.endswith(("ing", "ed")) and wordnet.is_known(after):
        return False  # a street light, a beach umbrella
    if " ".join(words[end : end + 3]) in ("in the background", "in the distance"):
        return False
    for i in range(start - 1, max(start - 1 - _MAX_WORDS_TO_PREPOSITION, -1), -1):
        word = words[i]
        if side == "top" and word in _JOINING:
            return word in _RESTING and (word != "of" or words[i - 2 : i] == ("on", "top"))
        if word == "of":
            return words[i - 1] in _PART or words[i - 2 : i] == ("on", "top")
        if word in _JOINING:
            return word in _STATING or word in ("is", "there")
        if not word[0].isalpha():
            return False
    return start <= _MAX_WORDS_TO_PREPOSITION
