"""The words of captions: scenes, things and verbs, from the TOML tables in the folder `tables`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from scar.language import english, wordnet
from scar.language.category_names import name_category
from scar.language.scene_names import describe_scene
from scar.language.word_tables import read_word_table


@dataclass(frozen=True, eq=False)
class Scene:
    """A row of `scenes.toml`; the head of that file explains the columns. Scenes are compared by identity."""

    name: str
    prepositions: tuple[str, ...]
    compatibility_groups: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    side: str = ""
    holds_kinds: tuple[str, ...] = ()
    hint_words: tuple[str, ...] = ()
    hint_categories: tuple[str, ...] = ()
    sure_categories: tuple[str, ...] = ()
    lone_kinds: tuple[str, ...] = ()
    weight: int = 1
    text: str = ""

    @cached_property
    def phrase(self) -> str:
        """The scene's words in a caption, with its article."""
        return self.text or english.with_article(self.name)

    @lru_cache(maxsize=1 << 16)  # noqa: B019 - scenes are few and live as long as the process
    def is_incompatible_with(self, other: Scene) -> bool:
        """Whether no picture can show both scenes; False if a scene's compatibility is unknown."""
        return (
            bool(self.compatibility_groups)
            and bool(other.compatibility_groups)
            and set(self.compatibility_groups).isdisjoint(other.compatibility_groups)
            and not wordnet.is_related(self.name, other.name)
        )


@dataclass(frozen=True, eq=False)
class Thing:
    """A row of `things.toml`; the head of that file explains the columns. Things are compared by identity.

    Of a thing that the table lacks, ``said`` is its phrase in a caption; empty stands for the noun and its article.
    """

    name: str
    kind: str = ""
    found_in: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    text: str = ""
    weight: int = 1
    is_hollow: bool = False
    said: str = ""

    @cached_property
    def noun(self) -> str:
        """The thing's noun in a caption."""
        return self.text or self.name

    @cached_property
    def phrase(self) -> str:
        """The thing's words in a caption, with its article."""
        return self.said or english.with_article(self.noun)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every noun that captions use for the thing: its name, its noun and its synonyms."""
        return (self.name, self.noun, *self.synonyms)

    @cached_property
    def head(self) -> str:
        """The last word of the name: "light" of "traffic light"."""
        return self.name.rpartition(" ")[2]

    @cached_property
    def modifier(self) -> str:
        """The words of the name before its last word; empty if the name has one word."""
        return self.name.rpartition(" ")[0]


@dataclass(frozen=True, eq=False)
class Verb:
    """A row of `verbs.toml`; the head of that file explains the columns. Verbs are compared by identity."""

    name: str
    subjects: tuple[str, ...]
    states: tuple[str, ...]
    landmarks: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    form: str = ""
    passive: str = ""

    @cached_property
    def text(self) -> str:
        """The form of the verb in our captions, such as "riding"."""
        return self.form or english.to_gerund(self.name)

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Every form of the verb and of its synonyms that a caption may use."""
        verbs = (self.name, *self.synonyms)
        return (
            self.text,
            *map(english.to_gerund, verbs),
            *map(english.to_third_person, verbs),
            *map(english.to_past_tense, verbs),
        )

    def accepts_subject(self, subject: Thing) -> bool:
        """Whether a thing can be the subject of the verb, as a person can ride."""
        return subject.kind in self.subjects or subject.name in self.subjects

    def accepts_landmark(self, landmark: Thing) -> bool:
        """Whether a thing can be the object of the verb, as a horse can be ridden; False if it takes no object."""
        return landmark.kind in self.landmarks or landmark.name in self.landmarks


@cache
def read_scenes() -> Mapping[str, Scene]:
    """All scenes by name, in the order of their table."""
    return {name: Scene(name, **_parse_row(row)) for name, row in read_word_table("scenes").items()}


@cache
def read_things() -> Mapping[str, Thing]:
    """All things by name, in the order of their table."""
    return {name: Thing(name, **_parse_row(row)) for name, row in read_word_table("things").items()}


@cache
def read_verbs() -> Mapping[str, Verb]:
    """All verbs by name, in the order of their table."""
    return {name: Verb(name, **_parse_row(row)) for name, row in read_word_table("verbs").items()}


@lru_cache(maxsize=1 << 16)
def resolve_scene(label: str) -> Scene:
    """The scene that a source's label names; its phrase keeps the words of the label.

    If the table lacks the scene, WordNet says whether it is indoors or outdoors, and it is compatible with every scene
    of that side. If WordNet does not say so, it is compatible with all scenes. `scar.language.scene_names` says how a
    label becomes words; a label that names no scene is compatible with all.

    >>> resolve_scene("Dirt road").name, resolve_scene("Dirt road").phrase, resolve_scene("night club").phrase
    ('road', 'a dirt road', 'a night club')
    """
    said = describe_scene(label)
    if said.phrase is None:
        return Scene(" ".join(label.lower().split()), prepositions=())
    return _find_scene(said.phrase, said.preposition)


@lru_cache(maxsize=1 << 16)
def _find_scene(phrase: str, preposition: str) -> Scene:
    """The scene with this phrase: a row of the table, or a new scene whose side WordNet gives."""
    words = english.strip_article(phrase).lower()
    for scene in read_scenes().values():
        prepositions = tuple(dict.fromkeys((preposition, *scene.prepositions)))
        if words in (scene.name, english.strip_article(scene.phrase)):
            is_usual = prepositions == scene.prepositions
            return scene if is_usual else dataclasses.replace(scene, prepositions=prepositions)
        if words in scene.synonyms:
            return dataclasses.replace(scene, text=phrase, prepositions=prepositions)
    sides = read_word_table("groups")["sides"].items()
    side = next((side for side, synsets in sides if wordnet.is_a(words, *synsets)), "")
    groups = {group for scene in read_scenes().values() if scene.side == side for group in scene.compatibility_groups}
    prepositions = (preposition,) if preposition else ()
    return Scene(words, prepositions=prepositions, compatibility_groups=tuple(sorted(groups)), side=side, text=phrase)


@lru_cache(maxsize=1 << 16)
def find_side(noun: str) -> str:
    """Whether the noun of a caption is an "indoor" or an "outdoor" place; empty if it is a thing or unknown.

    >>> find_side("kitchen"), find_side("street"), find_side("fire hydrant"), find_side("table")
    ('indoor', 'outdoor', '', '')
    """
    side = resolve_scene(noun).side
    return side if side != "top" and resolve_category(noun).name not in read_things() else ""


@lru_cache(maxsize=1 << 16)
def resolve_noun_phrase(phrase: str) -> Thing:
    """The thing that a noun phrase names; an article before the noun is ignored. See `resolve_category`.

    >>> resolve_noun_phrase("a television").name, resolve_noun_phrase("an astrolabe").name
    ('tv', 'astrolabe')
    """
    return resolve_category(english.strip_article(phrase))


@lru_cache(maxsize=1 << 16)
def resolve_category(category: str) -> Thing:
    """The thing that a source's category names; if the table lacks it, WordNet gives the kind of the thing.

    `scar.language.category_names` says how a category becomes words. The thing of a category that names no thing has
    the category as its name; nothing should be said of it.

    >>> resolve_category("tv").phrase, resolve_category("green_apples").phrase
    ('a television', 'green apples')
    >>> resolve_category("cabinet, cupboard").phrase, resolve_category("wall-concrete").phrase
    ('a cabinet', 'a concrete wall')
    """
    words = " ".join(category.replace("_", " ").lower().split())
    said = name_category(category)
    if said is None:
        return read_things().get(words) or _make_unlisted_thing(words, "")
    noun = english.strip_article(said.text).lower()
    listed = _index_names_by_text().get(noun, noun)
    return read_things().get(words) or read_things().get(listed) or _make_unlisted_thing(noun, said.text)


@lru_cache(maxsize=1 << 16)
def _make_unlisted_thing(name: str, phrase: str) -> Thing:
    """Make a thing that the table lacks; WordNet gives its kind."""
    return Thing(name, kind=_find_kind(name), said=phrase)


@lru_cache(maxsize=1 << 16)
def is_interchangeable(a: str, b: str) -> bool:
    """Whether a thing of one category may rightly be called by the other: they are related or confusable."""
    return is_related(a, b) or is_confusable(a, b)


@lru_cache(maxsize=1 << 16)
def is_related(a: str, b: str) -> bool:
    """Whether one category is a kind of the other, in WordNet or by the last word of their names.

    Two names that differ only in the colour before the last word are unrelated.

    >>> is_related("man", "person"), is_related("dog", "cat")
    (True, False)
    >>> is_related("red star", "blue star"), is_related("red star", "star")
    (False, True)

    A name in the plural means its things: WordNet has meanings of some plurals, such as "people" and "men".

    >>> is_related("people", "woman"), is_related("men", "man")
    (True, True)
    """
    first, second = resolve_category(a), resolve_category(b)
    if english.to_singular(first.head) == english.to_singular(second.head):
        colours = read_colours()
        return first.modifier == second.modifier or first.modifier not in colours or second.modifier not in colours
    pairs = ((first.name, second.name), (first.noun, second.noun))
    return any(
        wordnet.is_related(one, other) or wordnet.is_related(english.to_singular(one), english.to_singular(other))
        for one, other in pairs
    )


@lru_cache(maxsize=1 << 16)
def is_confusable(a: str, b: str) -> bool:
    """Whether a viewer may mistake a thing of one category for the other, as with a car and a truck.

    >>> is_confusable("bicycle", "motorbike"), is_confusable("cars", "truck"), is_confusable("sofa", "cat")
    (True, True, False)
    """
    return not find_confusion_groups(a).isdisjoint(find_confusion_groups(b))


@lru_cache(maxsize=1 << 16)
def find_confusion_groups(category: str) -> frozenset[int]:
    """Numbers of the groups of confusable things to which a category belongs."""
    name, groups = resolve_category(without_colour(category)).name, _index_confusion_groups()
    return groups.get(name) or groups.get(english.to_singular(name), frozenset())


@lru_cache(maxsize=1 << 16)
def without_colour(noun: str) -> str:
    """The noun without the colour before it; unchanged if there is no colour before it.

    >>> without_colour("red car"), without_colour("orange"), without_colour("stop sign")
    ('car', 'orange', 'stop sign')
    """
    first, _, rest = noun.partition(" ")
    return rest if first in read_colours() and rest else noun


@cache
def read_colours() -> tuple[str, ...]:
    """The colour words that may stand before a noun, as in "a red car"."""
    return tuple(read_word_table("attributes")["colour"]["words"])


@cache
def read_person_nouns() -> Mapping[str, tuple[str, ...]]:
    """The nouns for persons in our captions, such as "man", each with the nouns that human captions use for it."""
    return _parse_row(read_word_table("groups")["people"])


@cache
def _index_names_by_text() -> Mapping[str, str]:
    """Text in captions -> name of the thing, for things whose text differs from the name: `television` -> `tv`."""
    return {thing.text: thing.name for thing in read_things().values() if thing.text}


@cache
def _index_confusion_groups() -> Mapping[str, frozenset[int]]:
    """Name or synonym of a thing -> numbers of the groups of confusable things to which it belongs."""
    words = {name: thing.words for name, thing in read_things().items()}
    groups = [
        frozenset(word for name in group for word in words.get(name, (name,)))
        for group in read_word_table("groups")["confusable"]
    ]
    names = frozenset().union(*groups)
    return {name: frozenset(i for i, group in enumerate(groups) if name in group) for name in names}


@cache
def _find_kind(noun: str) -> str:
    """The kind of the thing that a noun names, from its hypernyms in WordNet; empty if no kind fits."""
    kinds: dict[str, list[int]] = read_word_table("groups")["kinds"]
    return next((kind for kind, synsets in kinds.items() if wordnet.is_a(noun, *synsets)), "")


def _parse_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
