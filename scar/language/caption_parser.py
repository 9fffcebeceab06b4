"""Reading what people wrote about a picture: which places it shows, and who does what in it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.lexicon import Place, Thing, Verb, places, verbs

_TOKEN = re.compile(r"[a-z]+(?:['-][a-z]+)*|[.,;:!?]")

_STATING, _RESTING, _PART, _DETERMINERS = (
    frozenset(english.WORDS[kind]) for kind in ("stating", "resting", "part", "determiners")
)
_FUNCTION = _STATING | _DETERMINERS | frozenset(english.WORDS["function"])
_JOINING = _FUNCTION - _DETERMINERS

_LONGEST = 4
"""Words that the name of a thing has at most in a caption."""

_REACH = 6
"""A place's preposition stands at most so many words before it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a caption says that its subject does.

    Attributes:
        verb: what it does.
        spot: the preposition between verb and anchor, if any.
        anchor: the thing it is done to or where; None if the scene follows.
    """

    verb: Verb
    spot: str
    anchor: Thing | None


@lru_cache(maxsize=1024)
def tokens(caption: str) -> tuple[str, ...]:
    """Words in lower case, and the marks between them.

    >>> tokens("A man's dog, on a T-shirt.")
    ('a', "man's", 'dog', ',', 'on', 'a', 't-shirt', '.')
    """
    return tuple(_TOKEN.findall(caption.lower()))


def says(caption: str, nouns: tuple[str, ...]) -> bool:
    """Whether a caption has one of the nouns, in singular or plural.

    >>> says("Two pizza pies", ("pizza",)), says("Some men", ("boy", "man")), says("A man", ("woman",))
    (True, True, False)
    """
    return has(_spaced(caption), nouns)


def joined(captions: Sequence[str]) -> str:
    """Some captions in one, to be asked by `has`."""
    return "/".join(map(_spaced, captions))


def has(text: str, nouns: tuple[str, ...]) -> bool:
    """Whether a text that `joined` made has one of the nouns, in singular or plural."""
    for form in _forms(nouns):  # noqa: SIM110 - `any` takes twice as long, and this is asked a hundred times a picture
        if form in text:
            return True
    return False


@lru_cache(maxsize=64)
def words_of(captions: tuple[str, ...]) -> frozenset[str]:
    """All words of some captions."""
    return frozenset(word for caption in captions for word in tokens(caption))


@lru_cache(maxsize=1024)
def _spaced(caption: str) -> str:
    """Its words with spaces between, before and behind."""
    return f" {' '.join(tokens(caption))} "


@lru_cache(maxsize=1 << 16)
def _forms(nouns: tuple[str, ...]) -> tuple[str, ...]:
    """Singulars and plurals as `_spaced` has them."""
    forms = (form for noun in nouns for form in (noun, english.plural(noun), english.singular(noun)))
    return tuple(f" {form} " for form in dict.fromkeys(forms))


@lru_cache(maxsize=64)
def named_places(captions: tuple[str, ...]) -> frozenset[str]:
    """Names of all places that some caption has a word for, wherever it stands."""
    return frozenset(place.name for caption in captions for _, _, place in _mentions(tokens(caption)))


@lru_cache(maxsize=1024)
def stated_places(caption: str) -> tuple[Place, ...]:
    """The places in which, as a caption says, the picture was taken, in the order of the caption.

    >>> [place.name for place in stated_places("A cat on a table near the beach, under a street light.")]
    ['table']
    """
    words = tokens(caption)
    return tuple(place for start, end, place in _mentions(words) if _is_stated(words, start, end, place.side))


def deeds(caption: str, subjects: tuple[str, ...], anchors: Mapping[str, Thing], count: int = 1) -> Iterator[Deed]:
    """What the subject with which a caption begins does, by each verb that has the word; several do it each.

    Args:
        caption: a sentence such as "A young man is riding a wave on a surfboard" or "Two men on a bench".
        subjects: nouns for the subject, in the singular.
        anchors: nouns of other things in the picture, and which things they are.
        count: how many there are of the subject; a caption must count as many.
    """
    words = tokens(caption)
    at = _after_subject(words, subjects, count)
    if not at:
        return
    while at < len(words) and words[at] in ("that", "who", "is", "are"):
        at += 1
    said = words[at] if at < len(words) else ""
    spot, at = _spot_at(words, at + 1)
    anchor = _anchor_at(words, at, anchors)
    for verb in _verbs_by_form().get(said, ()):
        if anchor or (not verb.takes and spot in _STATING):
            yield Deed(verb, spot, anchor)


def is_about(caption: str, subjects: tuple[str, ...], count: int = 1) -> bool:
    """Whether a caption begins with so many of a subject."""
    return _after_subject(tokens(caption), subjects, count) > 0


def _after_subject(words: Sequence[str], subjects: tuple[str, ...], count: int) -> int:
    """Where the noun phrase ends with which a caption begins; 0 if it is not about so many of the subject."""
    start = _counted(words, count)
    if count > 1 and not start:
        return 0
    nouns = subjects if count == 1 else _plurals(subjects)
    longest = _longest(nouns)
    for i in range(start, min(start + 4, len(words))):
        subject = _noun_at(words, i, nouns, longest)
        if subject:
            return i + len(subject.split())
        if words[i] in _FUNCTION:
            return 0
    return 0


@cache
def _verbs_by_form() -> Mapping[str, tuple[Verb, ...]]:
    """The verbs that have a word among their forms, in the order of their table."""
    found: dict[str, list[Verb]] = {}
    for verb in verbs().values():
        for form in dict.fromkeys(verb.forms):
            found.setdefault(form, []).append(verb)
    return {form: tuple(several) for form, several in found.items()}


@lru_cache(maxsize=1 << 16)
def _plurals(nouns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(english.plural, nouns))


def _counted(words: Sequence[str], count: int) -> int:
    """Where the noun phrase goes on after an article or a number that means so many; 0 if it means another number."""
    if count == 1:
        return 1 if words and words[0] in ("a", "an", "the", "this", "one") else 0
    if count == 2 and words[:3] in (("a", "couple", "of"), ("a", "pair", "of")):
        return 3
    return 1 if words and words[0] == _NUMBERS.get(count) else 0


def _anchor_at(words: Sequence[str], at: int, anchors: Mapping[str, Thing]) -> Thing | None:
    """The thing that the noun phrase at a position means."""
    if at < len(words) and words[at] in _DETERMINERS:
        at += 1
    for i in range(at, min(at + 3, len(words))):
        noun = _noun_at(words, i, anchors)
        after = words[i + len(noun.split())] if i + len(noun.split()) < len(words) else "."
        if noun and (after in _FUNCTION or not after.isalpha() or after.endswith("ing") or after == "together"):
            return anchors[noun]
        if words[i] in _FUNCTION:
            return None
    return None


_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def _spot_at(words: Sequence[str], at: int) -> tuple[str, int]:
    """The spot that stands at a position, and where it ends; empty if none does."""
    for length in (3, 2, 1):
        spot = _SPOTS.get(" ".join(words[at : at + length]))
        if spot and at + length <= len(words):
            return spot, at + length
    return "", at


_SPOTS = {
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
def _longest(nouns: tuple[str, ...]) -> int:
    """How many words one of the nouns has at most."""
    return min(max((1 + noun.count(" ") for noun in nouns), default=0), _LONGEST)


def _noun_at(words: Sequence[str], at: int, nouns: Container[str], longest: int = _LONGEST) -> str:
    """The longest of the nouns that stands at a position; empty if none does."""
    for end in range(min(at + longest, len(words)), at, -1):
        noun = " ".join(words[at:end])
        if noun in nouns:
            return noun
    return ""


@cache
def _place_words() -> Mapping[tuple[str, ...], Place]:
    return {tuple(said.split()): place for place in places().values() for said in (place.name, *place.says)}


@cache
def _place_starts() -> Mapping[str, int]:
    """How many words a place's name may have, by the first of them."""
    longest: dict[str, int] = {}
    for said in _place_words():
        longest[said[0]] = max(longest.get(said[0], 0), len(said))
    return longest


def _mentions(words: Sequence[str]) -> Iterator[tuple[int, int, Place]]:
    """Yield start, end and place wherever one is named; of overlapping names the longest."""
    index, longest = _place_words(), _place_starts()
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
    if after not in _FUNCTION and after.isalpha() and not after.endswith(("ing", "ed")) and wordnet.known(after):
        return False  # a street light, a beach umbrella
    if " ".join(words[end : end + 3]) in ("in the background", "in the distance"):
        return False
    for i in range(start - 1, max(start - 1 - _REACH, -1), -1):
        word = words[i]
        if side == "top" and word in _JOINING:
            return word in _RESTING and (word != "of" or words[i - 2 : i] == ("on", "top"))
        if word == "of":
            return words[i - 1] in _PART or words[i - 2 : i] == ("on", "top")
        if word in _JOINING:
            return word in _STATING or word in ("is", "there")
        if not word[0].isalpha():
            return False
    return start <= _REACH
