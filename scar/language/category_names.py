"""Say the category of a source in English: "wall-concrete" is "a concrete wall", "diningtable" is "a dining table".

A user's words come first, then the tables `category_names.toml` and `things.toml`, then rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Literal, TypeAlias

import msgspec

from scar.language import english, wordnet
from scar.language.noun_phrase import NounPhrase
from scar.language.user_words import NO_WORDS, Words, make_key
from scar.language.word_tables import read_word_table

Origin: TypeAlias = Literal["user", "table", "rule", "unknown", "no_thing"]
"""Where the words for a category or a scene come from: from the user's words, from a table, or by rules.

``unknown`` is by rules, too, but of a name whose last word neither a table nor WordNet has. ``no_thing`` is a name
without words: it names nothing that a caption could tell of.
"""

MAX_CHARACTERS = 80
"""Most characters of the words for a category; a longer name counts as no thing.

The longest words among the categories of COCO, LVIS, ADE20K and Open Images have 36 characters.
"""

_TABLE = read_word_table("category_names")
_PARTITIVES = frozenset(_TABLE["partitives"])
_JOINED = frozenset(_TABLE["never_joined"])
_PREPOSITIONS = frozenset(_TABLE["prepositions"])
_SMALL_WORDS = _PREPOSITIONS | frozenset(_TABLE["small_words"])
_REVERSED = frozenset(_TABLE["reversed"])
# "Orange juice" is no coloured juice.
_COLOURS = frozenset(read_word_table("attributes")["colour"]["words"]) - {"orange"}
_ATTRIBUTES = _COLOURS | frozenset((*_TABLE["attributes"], *english.WORD_LISTS["materials"].values()))
_OPENERS = frozenset(english.WORD_LISTS["phrase_openers"]) - {"one", "two"}
_DROPPED_ENDS = ("merged", "other", "stuff")

_CAMEL_CASE = re.compile(r"(?<=[a-z][a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_LEVELS = re.compile(r"--|::?|(?<=\w\w)\.(?=[^\W\d]\w)")
_PHRASE = re.compile(r"(a|an|some)( [\w'-]*[^\W\d_][\w'-]*)+")
_PLACEHOLDER = re.compile(
    rf"(?:{'|'.join(_TABLE['numbered_no_thing'])})(?:[ _.#:-]*\d+|[ _.#:-]+[a-z])"  # "LABEL_2", "class a"
    r"|c_?\d{1,2}|n\d{8}|/?[mg][./][01]\w+",  # "c0"; ids of WordNet and Freebase: "n02084071", "/m/01g317"
    re.IGNORECASE,
)
_DEFINITE = re.compile(r"^the (?=\w)", re.IGNORECASE)  # at the start, as in the expressions of MDETR and Visual Genome
_NUMBERED = re.compile(r"(?<=[^\W\d]{3})[ _.-]?\d+$")


class CategoryName(msgspec.Struct, frozen=True):
    """What a caption says for a thing of a category.

    Attributes:
        phrase: the noun phrase; None if the category names no thing, as "background" and "DontCare" do.
        origin: where the phrase comes from.
    """

    phrase: NounPhrase | None
    origin: Origin


def name_category(category: str, words: Words | None = None) -> NounPhrase | None:
    """The noun phrase for one thing of a source's category; None if the category names no thing.

    ``words`` are the user's, which come first; None if there are none.

    >>> [name_category(name).text for name in ("wall-concrete", "diningtable", "Person_sitting", "green_apples")]
    ['a concrete wall', 'a dining table', 'a sitting person', 'green apples']
    >>> name_category("DontCare")
    """
    return describe_category(category, words).phrase


@lru_cache(maxsize=1 << 16)
def describe_category(category: str, words: Words | None = None) -> CategoryName:
    """The phrase that `name_category` returns, and where it comes from."""
    name, words = clean_name(category), words or NO_WORDS
    if said := words.find_name(name):
        return CategoryName(_parse_user_phrase(said, words), "user")
    name = _DEFINITE.sub("", name)
    if _PLACEHOLDER.fullmatch(name):
        return CategoryName(None, "no_thing")
    if _PHRASE.fullmatch(name) and len(name) <= MAX_CHARACTERS:
        phrase = parse_noun_phrase(name)
        return CategoryName(phrase, "rule" if _is_known(phrase.noun.rpartition(" ")[2]) else "unknown")
    for form in _iter_forms(name):
        if make_key(form) in _index_no_things():
            return CategoryName(None, "no_thing")
        if text := _find_phrase(form):
            return CategoryName(parse_noun_phrase(text), "table")
    spoken = _apply_rules(name)
    if not any(map(str.isalpha, spoken)) or len(spoken) > MAX_CHARACTERS or make_key(spoken) in _index_no_things():
        return CategoryName(None, "no_thing")
    if _has_user_plural(spoken, words):
        return CategoryName(_parse_user_phrase(spoken, words), "user")
    phrase = parse_noun_phrase(_find_phrase(spoken) or english.add_article(spoken))
    is_known = _is_known(phrase.noun) or _is_known(phrase.noun.rpartition(" ")[2])
    return CategoryName(phrase, "rule" if is_known else "unknown")


def _has_user_plural(noun: str, words: Words) -> bool:
    """Whether the last word of a noun stands among a user's plurals, in singular or plural."""
    last = noun.rpartition(" ")[2]
    return words.to_plural(last) is not None or words.to_singular(last) is not None


def _parse_user_phrase(text: str, words: Words) -> NounPhrase:
    """The noun phrase with a user's text, which gets an article where it needs one; plurals are the user's."""
    last = text.rpartition(" ")[2]
    if singular := words.to_singular(last):
        phrase = parse_noun_phrase(text)
        noun = f"{phrase.noun.rpartition(' ')[0]} {singular}".strip()
        return msgspec.structs.replace(phrase, noun=noun, plural=singular != last)
    if words.to_plural(last) and _strip_opener(text) == text:
        return parse_noun_phrase(f"{english.indefinite_article(text)} {text}")
    return parse_noun_phrase(english.with_article(text))


def parse_noun_phrase(text: str) -> NounPhrase:
    """The noun phrase with this text: its adjectives are attributes, its other words belong to the noun.

    >>> parse_noun_phrase("a concrete wall")
    NounPhrase(text='a concrete wall', noun='wall', attributes=('concrete',), plural=False)
    >>> parse_noun_phrase("men"), parse_noun_phrase("a pair of scissors").noun
    (NounPhrase(text='men', noun='man', attributes=(), plural=True), 'scissors')
    """
    spoken = _strip_opener(text).lower().removeprefix("pair of ").split()
    several = False
    is_part = "of" in spoken[1:-1] and english.to_singular(spoken[spoken.index("of") - 1]) in _PARTITIVES
    if is_part:
        several = english.is_plural(spoken[spoken.index("of") - 1])
        spoken = spoken[spoken.index("of") + 1 :]
    cut = next((i for i, word in enumerate(spoken) if i and word in _PREPOSITIONS), len(spoken))
    nouns = [" ".join(spoken)] if cut < len(spoken) and _is_known(" ".join(spoken)) else spoken[:cut]
    colours = next((i for i, word in enumerate(nouns) if word not in _COLOURS), 0)
    start = next((i for i in range(colours, len(nouns)) if _is_known(" ".join(nouns[i:]))), max(len(nouns) - 1, 0))
    while start and not _is_attribute(nouns[start - 1]):
        start -= 1
    noun = " ".join(nouns[start:])
    is_one = english.is_mass(noun) or text.startswith(("a ", "an "))
    in_pairs = text.startswith("a pair of ")
    return NounPhrase(
        text=capitalize(text),
        noun=noun if in_pairs or (is_one and not is_part) else english.to_singular(noun),
        attributes=tuple(nouns[:start]),
        plural=several or (english.is_plural(noun) and not is_one),
    )


def _is_attribute(word: str) -> bool:
    """Whether a word before a noun describes it, as an adjective does."""
    return word in _ATTRIBUTES or not (_is_known(word) or word in _SMALL_WORDS)


def clean_name(category: str) -> str:
    """The name in Unicode's composed form, without invisible characters; control characters become single spaces."""
    composed = unicodedata.normalize("NFC", category)
    visible = ("" if unicodedata.category(letter) in ("Cf", "Cs", "Co", "Cn") else letter for letter in composed)
    spaced = (" " if unicodedata.category(letter) == "Cc" else letter for letter in visible if letter)
    return " ".join("".join(spaced).split())


def split_camel_case(name: str) -> str:
    """The name with spaces where its case says that a word begins: "TrafficLight", but not "iPod"."""
    return _CAMEL_CASE.sub(" ", name)


def _iter_forms(name: str) -> Iterator[str]:
    """The forms of a name under which the tables may have it, the longest first."""
    plain = _strip_brackets(name)
    first = re.split(r"[,;|]", plain)[0]
    yield from dict.fromkeys((name, plain, first, _LEVELS.split(first)[-1]))


def _strip_brackets(name: str) -> str:
    return " ".join(re.sub(r"[_ ]?[(\[][^)\]]*[)\]]?", " ", name).split())


def _apply_rules(name: str) -> str:
    """The words of a name without an article, in lower case; empty if none is left."""
    name = re.split(r"[,;|/]", _strip_brackets(name))[0]
    name = _LEVELS.split(name)[-1]
    is_reversed = re.fullmatch(r"[a-z]+(-[a-z]+)+", name.strip()) is not None
    name = split_camel_case(name)
    numbered = _NUMBERED.sub("", name)
    if numbered != name and not wordnet.is_known(name) and wordnet.is_known(numbered.replace("_", " ")):
        name = numbered
    words = _strip_opener(" ".join(name.replace("_", " ").lower().split())).split()
    if is_reversed:
        words = _reverse(words[0].split("-"))
    tokens = [piece for i, word in enumerate(words) for piece in _split_hyphens(word, is_last=i == len(words) - 1)]
    while len(tokens) > 1 and tokens[-1] in _DROPPED_ENDS:
        tokens.pop()
    while len(tokens) > 1 and tokens[0] in ("other", "another"):
        tokens.pop(0)
    tokens = [token.strip("-'\"!?.:*#&+=~<>{}`^") for token in tokens]
    return _join_or_split([token for token in tokens if token])


def _reverse(parts: list[str]) -> list[str]:
    """The words of a kebab-case name, with what a thing is made of before the thing: "wall-brick", "wall-wood"."""
    parts = [part for part in parts if part not in _DROPPED_ENDS] or parts
    materials: Mapping[str, str] = english.WORD_LISTS["materials"]
    if len(parts) == 2 and parts[0] in _REVERSED and parts[1] in materials:
        return [materials[parts[1]], parts[0]]
    return ["-".join(parts)]


def _split_hyphens(word: str, *, is_last: bool) -> list[str]:
    """The words of a word with hyphens; one word if English writes it with hyphens."""
    parts = [part for part in word.split("-") if part]
    if len(parts) < 2:
        return parts
    spaced = " ".join(parts)
    if wordnet.is_known(spaced) or _find_phrase(spaced):
        return parts
    is_compound = any(len(part) == 1 or part in _SMALL_WORDS for part in parts)
    if wordnet.is_known(word) or is_compound or (not is_last and parts[-1].endswith(("ing", "ed"))):
        return ["-".join(parts)]
    return parts


def _join_or_split(tokens: list[str]) -> str:
    """Write one word as two, or two as one, if only that form is known: "pottedplant", "head light"."""
    spoken = " ".join(tokens)
    if len(tokens) == 1 and not wordnet.is_known(_strip_accents(spoken)):
        return _split_compound(spoken)
    if len(tokens) == 2 and not _is_known(spoken) and tokens[0] not in _JOINED and wordnet.is_known("".join(tokens)):
        return "".join(tokens)
    return spoken


def _split_compound(word: str) -> str:
    """A word that is no noun as the two nouns that it consists of; unchanged if there are none."""
    if phrase := _index_nouns().get(make_key(word)) or _index_lemmas_by_key().get(make_key(word)):
        return phrase
    for i in range(len(word) - 3, 2, -1):
        if wordnet.count_uses(word[:i]) and wordnet.count_uses(word[i:]):
            return f"{word[:i]} {word[i:]}"
    return word


def _strip_opener(text: str) -> str:
    """The text without its article or possessive."""
    first, _, rest = text.partition(" ")
    return rest if first.lower() in _OPENERS and rest else text


def capitalize(text: str) -> str:
    """Give the acronyms and proper adjectives in a text their capitals: "an SUV", "a Christmas tree"."""
    lists = english.WORD_LISTS
    return " ".join(
        word.upper()
        if word in lists["acronyms"]
        else f"{word[:-1].upper()}s"
        if word.endswith("s") and word[:-1] in lists["acronyms"]
        else word.capitalize()
        if word in lists["capitals"]
        else word
        for word in text.split(" ")
    )


def _is_known(noun: str) -> bool:
    """Whether a noun stands in WordNet or in a table, in singular or plural."""
    return wordnet.is_known(_strip_accents(noun)) or make_key(english.to_singular(noun)) in _index_nouns()


def _strip_accents(noun: str) -> str:
    """The noun as WordNet writes it: "cafe" for "café"."""
    return "".join(letter for letter in unicodedata.normalize("NFD", noun) if not unicodedata.combining(letter))


def _find_phrase(name: str) -> str | None:
    """The phrase of a table for a name: in the same words, or else in a spelling without the spaces."""
    by_words, by_key = _index_phrases()
    return by_words.get(_space_words(name)) or by_key.get(make_key(name))


def _space_words(name: str) -> str:
    return " ".join(re.sub("[_-]", " ", name).casefold().split())


@cache
def _index_phrases() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The phrases of the tables by the words of the name, and by the key of the name."""
    things = read_word_table("things").items()
    phrases = {name: english.add_article(row.get("text", name)) for name, row in things} | _TABLE["names"]
    by_words = {_space_words(name): text for name, text in phrases.items()}
    return by_words, {make_key(name): text for name, text in by_words.items()}


@cache
def _index_nouns() -> Mapping[str, str]:
    """Key of each noun of `things.toml`, and of those that WordNet lacks -> the noun."""
    things = read_word_table("things").items()
    nouns = (noun for name, row in things for noun in (name, row.get("text", name), *row.get("synonyms", ())))
    return {make_key(english.to_singular(noun)): noun for noun in (*_TABLE["nouns"], *nouns)}


@cache
def _index_no_things() -> frozenset[str]:
    return frozenset(map(make_key, _TABLE["no_thing"]))


@cache
def _index_lemmas_by_key() -> Mapping[str, str]:
    """Key of each noun of two words or more -> the noun."""
    return {make_key(lemma): lemma for lemma in wordnet.iter_lemmas() if " " in lemma}
