"""The tables of words: every row is usable, and comparisons of two words are consistent."""

import itertools

import pytest

from scar.language.caption_parser import find_named_scenes
from scar.language.english import strip_article
from scar.language.lexicon import (
    is_confusable,
    is_interchangeable,
    is_related,
    read_person_nouns,
    read_scenes,
    read_things,
    read_verbs,
    resolve_category,
    resolve_scene,
    without_colour,
)

KINDS = {thing.kind for thing in read_things().values()}


@pytest.mark.parametrize("name", read_scenes())
def test_every_place_is_usable(name: str) -> None:
    row = read_scenes()[name]
    assert row.prepositions and set(row.prepositions) <= {"in", "on", "at"}
    assert row.side in ("indoor", "outdoor", "top")
    assert row.compatibility_groups and row.weight >= 1
    assert set(row.holds_kinds) <= KINDS
    assert set(row.hint_categories) <= set(read_things())
    false = [
        other
        for other in read_scenes().values()
        if row.is_incompatible_with(other) and set(row.prepositions[:1]) <= set(other.prepositions)
    ]
    assert len(false) >= 3, "three false scenes that take the same preposition"


@pytest.mark.parametrize("name", read_scenes())
def test_a_place_is_read_back_from_its_phrase(name: str) -> None:
    row = read_scenes()[name]
    assert resolve_scene(strip_article(row.phrase)).name == name
    assert name in find_named_scenes((f"Somebody near {row.phrase}.",))


def test_no_word_means_two_places() -> None:
    words = [word for row in read_scenes().values() for word in (row.name, *row.synonyms)]
    assert len(words) == len(set(words))


def test_excluding_is_mutual_and_never_of_itself() -> None:
    for a, b in itertools.product(read_scenes().values(), repeat=2):
        assert a.is_incompatible_with(b) == b.is_incompatible_with(a)
        assert not (a.is_incompatible_with(b) and set(a.compatibility_groups) & set(b.compatibility_groups))
    assert read_scenes()["kitchen"].is_incompatible_with(read_scenes()["beach"])
    assert not read_scenes()["kitchen"].is_incompatible_with(read_scenes()["dining room"])


@pytest.mark.parametrize("name", read_things())
def test_every_thing_is_usable(name: str) -> None:
    row = read_things()[name]
    assert row.kind and row.weight >= 1
    assert row.found_in and set(row.found_in) <= {"indoor", "outdoor"}
    assert resolve_category(row.noun) is row
    assert sum(not is_interchangeable(name, other) for other in read_things()) >= 3


@pytest.mark.parametrize("name", read_verbs())
def test_every_verb_is_usable(name: str) -> None:
    row = read_verbs()[name]
    assert row.states
    assert any(row.accepts_subject(subject) for subject in read_things().values())
    assert not row.landmarks or any(row.accepts_landmark(landmark) for landmark in read_things().values())


def test_alike_is_mutual() -> None:
    for a, b in itertools.combinations([*read_things(), *read_person_nouns(), "red star", "blue star", "star"], 2):
        assert is_related(a, b) == is_related(b, a), (a, b)
        assert is_confusable(a, b) == is_confusable(b, a), (a, b)


@pytest.mark.parametrize(
    ("a", "b", "so"),
    [
        ("man", "person", True),
        ("people", "person", True),
        ("people", "pedestrian", True),
        ("men", "man", True),
        ("women", "person", True),
        ("people", "dog", False),
        ("women", "men", False),
        ("bicycle", "motorbike", True),
        ("chair", "sofa", True),
        ("cars", "truck", True),
        ("sofa", "cat", False),
        ("teddy bear", "bear", True),
        ("hot dog", "dog", True),
        ("bicycle", "motorcycle", True),
        ("red car", "truck", True),
        ("dog", "person", False),
        ("bowl", "broccoli", False),
        ("red circle", "blue circle", False),
        ("red circle", "red square", False),
        ("red circle", "circle", True),
        ("big circle", "red circle", True),
    ],
)
def test_what_is_alike(a: str, b: str, so: bool) -> None:
    assert is_interchangeable(a, b) == so


def test_a_category_that_the_table_lacks_gets_its_kind_from_wordnet() -> None:
    assert resolve_category("goat").kind == "animal"
    assert resolve_category("nurse").kind == "person"
    assert resolve_category("Green_Apples, fruit").phrase == "green apples"
    assert resolve_category("xyzzy").kind == ""


@pytest.mark.parametrize(
    ("label", "side"), [("art gallery", "indoor"), ("night club", "indoor"), ("canyon", "outdoor")]
)
def test_a_label_that_the_table_lacks_gets_its_side_from_wordnet(label: str, side: str) -> None:
    assert resolve_scene(label).side == side
    assert resolve_scene(label).phrase.endswith(f" {label}")
    assert all(
        other.side != side
        for other in read_scenes().values()
        if label not in other.synonyms and resolve_scene(label).is_incompatible_with(other)
    ) or (label == "art gallery")


def test_colours_are_no_part_of_the_noun() -> None:
    assert (without_colour("red car"), without_colour("orange"), without_colour("stop sign")) == (
        "car",
        "orange",
        "stop sign",
    )
