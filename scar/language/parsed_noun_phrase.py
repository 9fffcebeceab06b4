"""Noun phrases of a parsed text, as captions say them: with an indefinite article, their head noun and attributes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from scar.language import english, wordnet
from scar.language.human_text import is_english_word
from scar.language.lexicon import read_colours, read_person_nouns, read_scenes, read_things
from scar.language.noun_phrase import NounPhrase
from scar.language.syntax_tree import NOUN_TAGS, TABLE, Tree, begins_at, ends_at

PHYSICAL_ENTITY, PERSON, ANIMAL = 1930, 7846, 15388
"""Synsets of WordNet 3.0; a picture can show physical entities."""

_PLACEHOLDERS, _GROUPS, _PORTIONS, _WITH_THE, _BARE_IDIOMS, _REFUSED_OPENERS, _VISIBLE = (
    frozenset(TABLE["words"][kind])
    for kind in ("placeholders", "groups", "portions", "with_the", "bare_idioms", "refused_openers", "visible")
)
_MASS = frozenset(TABLE["words"]["mass"]) | frozenset(english.WORD_LISTS["mass"])
_NUMBERS = {word: number for number, word in enumerate(english.NUMBER_WORDS[:7], start=1)}
_NUMBERS |= {str(number): number for number in _NUMBERS.values()}
_NUMBER_WORDS = {number: word for word, number in _NUMBERS.items() if word.isalpha()}
_MODIFIERS = frozenset({"det", "amod", "compound", "nummod", "poss", "nmod", "quantmod", "advmod", "npadvmod", "punct"})
_POSSESSIVES = frozenset({"his", "her", "its", "their"})
_INVARIANT = frozenset(TABLE["words"]["invariant"])
_ARTICLES = frozenset({"a", "an", "the", "this", "that", "these", "those", "some"})
_MAX_WORDS = 8
"""Most words of a phrase; longer ones are hardly parsed right."""


@dataclass(frozen=True, slots=True)
class ParsedNounPhrase:
    """A noun phrase of a parsed text, and where it stands there.

    Attributes:
        phrase: the phrase.
        head: index of the word that other words depend on: "slice" of "a slice of pizza".
        start: index of the first word.
        end: index after the last word.
        count: number of things: 1 for "a man", 2 for "two men"; None for "men" and "water", which do not say it.
        possessive: "his", "her", "its" or "their", if the phrase begins with it; else empty.
    """

    phrase: NounPhrase
    head: int
    start: int
    end: int
    count: int | None
    possessive: str


def read_noun_phrase(tree: Tree, head: int, *, is_played: bool = False) -> ParsedNounPhrase | None:
    """Read the noun phrase with this head word; None if it names no thing, or the parse of it is doubtful.

    Args:
        tree: the text.
        head: index of the word that other words depend on.
        is_played: whether the phrase follows "playing", so that it needs no article: "playing frisbee".
    """
    return _read(tree, head, depth=int(is_played))


def _read(tree: Tree, head: int, depth: int) -> ParsedNounPhrase | None:
    if not tree.is_noun(head) or depth > 2:
        return None
    lefts = [child for child in tree.children[head] if child < head]
    if any(tree.parse.deps[child] not in _MODIFIERS for child in lefts):
        lefts = [child for child in lefts if child > max(c for c in lefts if tree.parse.deps[c] not in _MODIFIERS)]
    start = min([head, *map(tree.leftmost, lefts)])
    if head + 1 - start > _MAX_WORDS:
        return None
    if not begins_at(tree, start) or not ends_at(tree, head, bare=start == head):
        return None
    words = _merge_hyphens([_spell(tree, index) for index in range(start, head + 1)])
    determiner, count, words = _split_determiner(words)
    if not words or determiner is None or not all(map(_is_word, words)) or not _is_plain(tree, start, head, words):
        return None
    if determiner == "" and len(words) == 1 and words[0] in _BARE_IDIOMS:
        return None
    noun_words = _find_noun(words)
    if noun_words is None:
        return None
    noun = english.to_singular(" ".join(word.lower() for word in noun_words))
    before = words[: len(words) - len(noun_words)]
    if "'s" in before:  # the owner is no attribute
        before = before[before.index("'s") + 1 :]
    attributes = tuple(word for word in before if word not in (",", "and"))
    plural = tree.parse.tags[head] in ("NNS", "NNPS") or english.is_plural(words[-1])
    if words[-1].lower() in _INVARIANT:  # "a sheep", "sheep"
        plural = determiner not in ("a", "an", "one", "this", "that", "another")
    if words[-1].lower() in _MASS | {"glasses"} and not plural:
        count = None
    elif count is None and not plural:
        count = 1
    of_phrase = _read_of_phrase(tree, head, depth)
    if of_phrase == "unreadable":
        return None
    if isinstance(of_phrase, ParsedNounPhrase):
        return _join(head, start, determiner, words, noun, attributes, count, plural, of_phrase)
    last = noun if " " in noun else words[-1].lower()  # a bus stop is a thing, although a stop is none
    if last in _PLACEHOLDERS or noun in _PLACEHOLDERS or last in _GROUPS or (last in _PORTIONS and last != "head"):
        return None
    text: str | None
    if determiner in _POSSESSIVES:
        text = _join_words([determiner, *words])
    else:
        bare = depth > 0 and determiner == "" and not plural  # "a box of pizza"
        text = _join_words(words) if bare else _add_article(determiner, words, plural)
        if text is None:
            return None
    phrase = NounPhrase(text=text, noun=noun, attributes=attributes, plural=plural)
    possessive = determiner if determiner in _POSSESSIVES else ""
    return ParsedNounPhrase(phrase, head, start, head + 1, count, possessive)


def _join(
    head: int,
    start: int,
    determiner: str,
    words: list[str],
    noun: str,
    attributes: tuple[str, ...],
    count: int | None,
    plural: bool,
    of_phrase: ParsedNounPhrase,
) -> ParsedNounPhrase | None:
    """The phrase "<words> of <of_phrase>"; after words for groups and portions, the second noun is the head."""
    last = words[-1].lower()
    possessive = of_phrase.possessive or (determiner if determiner in _POSSESSIVES else "")
    if last in _GROUPS:
        if not of_phrase.phrase.plural and last not in (
            "pile",
            "piles",
            "stack",
            "stacks",
            "bunch",
            "bunches",
            "lot",
            "lots",
        ):
            return None
        count = 2 if last in ("couple", "pair") and not plural else 3 if last == "trio" else None
        pairs = last == "pair" and of_phrase.phrase.text.split()[-1] in english.WORD_LISTS["pairs"]
        count, is_plural = (1, False) if pairs else (count, of_phrase.phrase.plural)
        noun, attributes = of_phrase.phrase.noun, of_phrase.phrase.attributes
        plural_text = last.endswith("s") and last != "series"
        if last in ("lot", "lots", "number", "variety", "assortment", "array", "collection", "series"):
            return None
    elif last in _PORTIONS:
        noun, attributes, is_plural, plural_text = of_phrase.phrase.noun, of_phrase.phrase.attributes, plural, plural
        if noun in _PLACEHOLDERS:
            return None
    elif last in _PLACEHOLDERS:
        return None
    else:
        is_plural = plural_text = plural
    if determiner in _POSSESSIVES:
        text: str | None = _join_words([determiner, *words])
    elif determiner == "the" and last not in _GROUPS | _PORTIONS:  # "the hood of a car": a car has one
        text = f"the {_join_words(words)}"
    else:
        text = _add_article(determiner, words, plural_text)
    if text is None:
        return None
    phrase = NounPhrase(f"{text} of {of_phrase.phrase.text}", noun, attributes, is_plural)
    return ParsedNounPhrase(phrase, head, start, of_phrase.end, count, possessive)


def _read_of_phrase(tree: Tree, head: int, depth: int) -> ParsedNounPhrase | str | None:
    """What follows "of" after a noun; None without "of", "unreadable" if it is no noun phrase."""
    after = head + 1
    if after >= len(tree) or tree.words[after] != "of":
        return None
    objects = tree.find_children(after, "pobj")
    found = _read(tree, objects[0], depth + 1) if objects else None
    return found if found is not None and found.start == after + 1 else "unreadable"


def _split_determiner(words: list[str]) -> tuple[str | None, int | None, list[str]]:
    """Determiner, number of things, and the other words; the determiner is None if no caption begins so."""
    first = words[0].lower()
    if first in ("another",) and len(words) > 1:
        return "another", 1, words[1:]
    if first in _ARTICLES and len(words) > 1:
        second = words[1].lower()
        if first in ("the", "these", "those") and second in _NUMBERS and len(words) > 2:
            return _NUMBER_WORDS[_NUMBERS[second]], _NUMBERS[second], words[2:]
        return first, (1 if first in ("a", "an") else None), words[1:]
    if first in _POSSESSIVES and len(words) > 1:
        return first, None, words[1:]
    if first in _NUMBERS and len(words) > 1:
        return _NUMBER_WORDS[_NUMBERS[first]], _NUMBERS[first], words[1:]
    if first in ("several", "many") and len(words) > 1:
        return "several", None, words[1:]
    if first in _REFUSED_OPENERS or first.isdigit():
        return None, None, words
    return "", None, words


def _add_article(determiner: str, words: list[str], plural: bool) -> str | None:
    """The words with the article that a caption gives them; None if article and noun do not fit together."""
    bare, last = _join_words(words), words[-1].lower()
    if words[0].lower() in _REFUSED_OPENERS:
        return None
    if determiner == "another":
        return None if plural else f"another {bare}"
    if determiner in _NUMBER_WORDS.values():
        one = determiner == "one"
        if one == plural:
            return None
        return f"{english.indefinite_article(bare)} {bare}" if one else f"{determiner} {bare}"
    if determiner == "several":
        return f"several {bare}" if plural else None
    if determiner == "the" and len(words) == 1 and last in _WITH_THE:
        return f"the {bare}"
    if plural:
        return None if determiner in ("a", "an", "this", "that") else bare
    if (last in _MASS or bare.lower() in _MASS) and determiner not in ("a", "an"):
        return bare
    return f"{english.indefinite_article(bare)} {bare}"


@cache
def _read_names() -> frozenset[str]:
    """Names of things and scenes, of several words."""
    things = {word for thing in read_things().values() for word in thing.words}
    scenes = {word for scene in read_scenes().values() for word in (scene.name, *scene.synonyms)}
    return frozenset(name for name in things | scenes if " " in name)


def find_misread_names(tree: Tree) -> list[int]:
    """Where the names of things begin that a parser took for clauses: "a teddy bear" for one whose verb is "bear"."""
    found = []
    for end in range(1, len(tree)):
        is_clause = not tree.is_noun(end) or tree.parse.heads[end - 1] < end or tree.parse.deps[end - 1] == "nsubj"
        if is_clause and f"{tree.words[end - 1]} {tree.words[end]}" in _read_names():
            found.append(end - 1)
    return found


def _find_noun(words: list[str]) -> list[str] | None:
    """The last words, which name the thing; None if English does not have the noun."""
    lower = [word.lower() for word in words]
    for length in (3, 2):
        if length <= len(lower):
            name = english.to_singular(" ".join(lower[-length:]))
            if name in _read_names():
                return words[-length:]
            colour = lower[-length] in read_colours()
            if not colour and "," not in lower[-length:] and (wordnet.find_lemma(name) or "") == name:
                return words[-length:]
    return words[-1:] if wordnet.is_known(lower[-1]) and len(lower[-1]) > 1 else None


def _is_plain(tree: Tree, start: int, head: int, words: list[str]) -> bool:
    """Whether a phrase has one determiner, no number inside, and "and" only between adjectives."""
    inner = range(start + 1, head)
    if any(
        tree.parse.tags[i] in ("DT", "PRP$", "CD", "IN") and tree.words[i + 1] != "-"
        for i in inner
        if "'s" not in words
    ):
        return tree.words[start] in ("the", "these", "those") and all(
            tree.parse.tags[i] not in ("DT", "PRP$", "IN") and (tree.parse.tags[i] != "CD" or i == start + 1)
            for i in inner
        )
    for i in range(start, head):
        if tree.parse.tags[i] == "NNS" and tree.words[i] not in ("sports", "glasses", "french", "clothes", "arts"):
            return "'s" in words or tree.words[i + 1] == "-"  # "a females lap"
    for i in inner:
        if tree.parse.tags[i] == "VBG" and tree.parse.tags[i - 1] in NOUN_TAGS:
            return False  # "toilet bowl brushing teeth"
        if tree.words[i] in ("and", "or", "&"):
            sides = (i - 1, i + 1)
            if not all(tree.parse.tags[j].startswith("JJ") or tree.words[j] in read_colours() for j in sides):
                return False
    return True


def _merge_hyphens(words: list[str]) -> list[str]:
    """The words with those around a hyphen made one: "t-shirt" is three words of a parse."""
    merged: list[str] = []
    for word in words:
        if merged and (word == "-" or merged[-1].endswith("-")):
            merged[-1] += word
        else:
            merged.append(word)
    return merged


def _join_words(words: list[str]) -> str:
    """One text of several words; commas and the possessive 's stand without a space."""
    return " ".join(words).replace(" ,", ",").replace(" 's", "'s")


def _spell(tree: Tree, index: int) -> str:
    """A word as a caption spells it: names keep their capitals, the first word of a sentence does not."""
    word, lower = tree.parse.words[index], tree.words[index]
    if (
        index == 0
        or lower == word
        or tree.has_title_case
        or lower in read_colours()
        or tree.parse.tags[index] not in ("NNP", "JJ")
    ):
        return lower
    return word if not wordnet.is_known(lower) or tree.parse.deps[index] in ("compound", "amod") else lower


@lru_cache(maxsize=1 << 16)
def _is_word(word: str) -> bool:
    """Whether English has a word of a noun phrase, or its parts between hyphens."""
    if word in (",", "'s", "-"):
        return True
    if word[:1].isupper() and word.isalpha():
        return True
    return all(
        part.isdigit() or (part.isalpha() and is_english_word(part)) for part in word.split("-") if part
    ) and bool(word.strip("-"))


@lru_cache(maxsize=1 << 16)
def is_visible(noun: str) -> bool:
    """Whether a noun, in a common sense, names what a picture can show.

    >>> is_visible("cat"), is_visible("snow"), is_visible("idea")
    (True, True, False)
    """
    return noun in _VISIBLE or noun in read_things() or noun in read_scenes() or wordnet.may_be_a(noun, PHYSICAL_ENTITY)


@lru_cache(maxsize=1 << 16)
def is_person(noun: str) -> bool:
    """Whether a noun names a person."""
    return noun in _PERSONS or (wordnet.is_a(noun, PERSON) and noun not in _find_names_of_objects())


@cache
def _find_names_of_objects() -> frozenset[str]:
    """Words of captions for things that do not live: a controller is a remote control here."""
    objects = (thing for thing in read_things().values() if thing.kind not in ("person", "animal", "bird"))
    return frozenset(word for thing in objects for word in thing.words)


@lru_cache(maxsize=1 << 16)
def has_limbs(noun: str) -> bool:
    """Whether a noun names a person or an animal, whose parts a caption may call "his" or "its".

    >>> has_limbs("skier"), has_limbs("cat"), has_limbs("table")
    (True, True, False)
    """
    last = noun.rpartition(" ")[2]
    return last not in _find_names_of_objects() and (is_person(noun) or wordnet.is_a(noun, ANIMAL))


_PERSONS = frozenset(word for name, words in read_person_nouns().items() for word in (name, *words)) | {"person"}
