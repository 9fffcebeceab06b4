"""Say the label of a scene in English: "outdoor_parking_lot" is "in a parking lot".

A user's words come first, then the tables `scene_names.toml` and `scenes.toml`, then rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

import msgspec

from scar.language import english, wordnet
from scar.language.category_names import Origin, capitalize, clean_name, split_camel_case
from scar.language.user_words import NO_WORDS, SCENE_OPENERS, Words, make_key
from scar.language.word_tables import read_word_table

MAX_CHARACTERS = 80
"""Most characters of the words for a scene; a longer label counts as none."""

_TABLE = read_word_table("scene_names")
_SIDES, _INNER = frozenset(_TABLE["sides"]), frozenset(_TABLE["inner"])
_LAST_SIDES = _SIDES | frozenset(_TABLE["last_sides"])

_TIMES, _TIME_OPENERS, _WEATHER = (frozenset(_TABLE[kind]) for kind in ("times", "time_openers", "weather"))


class SceneName(msgspec.Struct, frozen=True):
    """What a caption says for a scene.

    Attributes:
        phrase: the noun phrase with its article, such as "a hockey arena"; None if the label names no scene.
        preposition: what puts a thing into the scene: in, on or at; empty if nothing tells it.
        origin: where the phrase comes from; ``no_thing`` if it is None.
    """

    phrase: str | None
    preposition: str
    origin: Origin

    @property
    def text(self) -> str:
        """The preposition and the phrase: "in a kitchen"."""
        return f"{self.preposition} {self.phrase or ''}".strip()


_NO_SCENE = SceneName(None, "", "no_thing")


@lru_cache(maxsize=1 << 14)
def describe_scene(label: str, words: Words | None = None) -> SceneName:
    """The phrase for a scene's label, with the preposition of a thing that is there.

    ``words`` are the user's, which come first; None if there are none.

    >>> [describe_scene(label).text for label in ("kitchen", "outdoor_parking_lot", "night club", "/a/arena/hockey")]
    ['in a kitchen', 'in a parking lot', 'in a night club', 'at a hockey arena']
    >>> describe_scene("misc").phrase
    """
    name, words = clean_name(label), words or NO_WORDS
    if found := words.find_scene(name):
        preposition, phrase = found
        phrase = english.with_article(phrase)
        return SceneName(phrase, preposition or _find_preposition(english.strip_article(phrase), ""), "user")
    opener, _, rest = name.partition(" ")
    if opener in SCENE_OPENERS and _drop_time(name.lower()) and english.strip_article(rest) != rest:
        return SceneName(rest, opener, "rule")
    parts = [part for part in map(_space_words, re.split(r"[,;|]", name)[0].split("/")) if len(part) > 1]
    if not parts:
        return _NO_SCENE
    spoken, side = _join_parts(parts)
    place = _drop_time(spoken)
    if place != spoken:
        return (_find_in_tables([place], place, side) if place else None) or _NO_SCENE
    if not any(map(str.isalpha, spoken)) or len(spoken) > MAX_CHARACTERS or make_key(spoken) in _index_no_scenes():
        return _NO_SCENE
    if scene := _find_in_tables(["".join(parts[-2:]), spoken], spoken, side):
        return scene
    is_known = any(map(wordnet.is_known, (spoken, spoken.rpartition(" ")[2]))) or bool(_find_end(spoken))
    preposition = _find_preposition(spoken, side) if is_known else ""
    return SceneName(_add_article(spoken), preposition, "rule" if is_known else "unknown")


def _find_in_tables(labels: Sequence[str], spoken: str, side: str) -> SceneName | None:
    """The scene of the first label that `scene_names.toml` has, or of the spoken words in scenes.toml; else None."""
    for label in labels:
        if text := _index_texts().get(make_key(label)):
            preposition, _, phrase = text.partition(" ")
            return SceneName(phrase, preposition, "table")
    if row := _find_row(spoken):
        phrase, preposition, is_indoor = row
        return SceneName(phrase, "at" if is_indoor and side and side not in _INNER else preposition, "table")
    return None


def _add_article(noun: str) -> str:
    return capitalize(english.with_article(noun))


def _space_words(text: str) -> str:
    """The words of a label in lower case, without the separators of files."""
    spaced = split_camel_case(text).replace("_", " ").lower()
    return " ".join(spaced.split() if wordnet.is_known(spaced) else spaced.replace("-", " ").split())


def _join_parts(parts: list[str]) -> tuple[str, str]:
    """The words of a scene, and the word that tells its side; empty if none does.

    "arena/hockey" is a hockey arena; of a longer path such as "outdoor/urban/street" the last part counts.
    """
    is_pair = len(parts) == 2 and parts[1] not in _LAST_SIDES
    words = (f"{parts[1]} {parts[0]}" if is_pair else " ".join(parts[-2:]) if len(parts) == 2 else parts[-1]).split()
    side = ""
    if len(words) > 1 and words[-1] in _LAST_SIDES:
        side = words.pop()
    if len(words) > 1 and words[0] in _SIDES:
        side = words.pop(0)
    return " ".join(words), side


def _drop_time(spoken: str) -> str:
    """The words of a label before those of a time; empty if the others only tell the weather.

    >>> _drop_time("city street at night"), _drop_time("rainy night"), _drop_time("night club")
    ('city street', '', 'night club')
    """
    words = spoken.split()
    if words and words[-1] in _TIMES:
        while words and (words[-1] in _TIMES or words[-1] in _TIME_OPENERS):
            words.pop()
    return "" if all(word in _WEATHER or word in _TIME_OPENERS for word in words) else " ".join(words)


def _find_preposition(noun: str, side: str) -> str:
    """The preposition of a scene that no table has."""
    is_indoor = side in _INNER or (not side and wordnet.is_a(noun, *_list_indoor_synsets()))
    if side and side not in _INNER and wordnet.is_a(noun, *_list_indoor_synsets()):
        return "at"
    return _find_end(noun) or ("in" if is_indoor else "at")


def _find_end(noun: str) -> str:
    """The preposition of the longest end of a noun that the table has; empty if it has none."""
    words = noun.split()
    ends = (" ".join(words[start:]) for start in range(len(words)))
    return next((found for end in ends if (found := _index_prepositions().get(end))), "")


def _find_row(words: str) -> tuple[str, str, bool] | None:
    """Phrase, usual preposition and whether it is indoors, of a row of scenes.toml; a synonym is said itself."""
    for name, row in read_word_table("scenes").items():
        text, is_indoor = row.get("text", ""), row.get("side") == "indoor"
        if words in (name, english.strip_article(text)):
            return text or english.with_article(name), row["prepositions"][0], is_indoor
        if words in row.get("synonyms", ()):
            return _add_article(words), _find_end(words) or row["prepositions"][0], is_indoor
    return None


def _list_indoor_synsets() -> list[int]:
    synsets: list[int] = read_word_table("groups")["sides"]["indoor"]
    return synsets


@cache
def _index_prepositions() -> Mapping[str, str]:
    return {end: preposition for preposition, ends in _TABLE["prepositions"].items() for end in ends}


@cache
def _index_texts() -> Mapping[str, str]:
    return {make_key(label): text for label, text in _TABLE["scenes"].items()}


@cache
def _index_no_scenes() -> frozenset[str]:
    return frozenset(map(make_key, _TABLE["no_scene"]))
