"""The tables of words: every row is usable, and what they say of pairs of words is consistent."""

import itertools

import pytest

from scar.language.caption_parser import named_places
from scar.language.english import bare
from scar.language.lexicon import alike, confusable, kin, people, place, places, plain, thing, things, verbs
from scar.language.relation_phrase import JOINTS, Statement

KINDS = {thing.kind for thing in things().values()}


@pytest.mark.parametrize("name", places())
def test_every_place_is_usable(name: str) -> None:
    row = places()[name]
    assert row.at and set(row.at) <= set(JOINTS)
    assert row.side in ("indoor", "outdoor", "top")
    assert row.worlds and row.weight >= 1
    assert set(row.holds) <= KINDS
    assert set(row.shows) <= set(things())
    false = [other for other in places().values() if row.excludes(other) and set(row.at[:1]) <= set(other.at)]
    assert len(false) >= 3, "three false scenes that take the same preposition"


@pytest.mark.parametrize("name", places())
def test_a_place_is_read_back_from_its_phrase(name: str) -> None:
    row = places()[name]
    assert place(bare(row.phrase)).name == name
    assert name in named_places((f"Somebody near {row.phrase}.",))


def test_no_word_means_two_places() -> None:
    words = [word for row in places().values() for word in (row.name, *row.says)]
    assert len(words) == len(set(words))


def test_excluding_is_mutual_and_never_of_itself() -> None:
    for a, b in itertools.product(places().values(), repeat=2):
        assert a.excludes(b) == b.excludes(a)
        assert not (a.excludes(b) and set(a.worlds) & set(b.worlds))
    assert places()["kitchen"].excludes(places()["beach"])
    assert not places()["kitchen"].excludes(places()["dining room"])


@pytest.mark.parametrize("name", things())
def test_every_thing_is_usable(name: str) -> None:
    row = things()[name]
    assert row.kind and row.weight >= 1
    assert row.places and set(row.places) <= {"indoor", "outdoor"}
    assert set(row.bears) <= KINDS
    assert thing(row.noun) is row
    assert sum(not alike(name, other) for other in things()) >= 3


@pytest.mark.parametrize("name", verbs())
def test_every_verb_is_usable(name: str) -> None:
    row = verbs()[name]
    assert row.states
    assert any(row.suits(subject) for subject in things().values())
    assert not row.takes or any(row.fits(anchor) for anchor in things().values())
    statement = Statement(row.text, "a dog" if row.takes else "", "in")
    assert Statement.parse(statement.text) == statement
    assert statement.verb == row


def test_alike_is_mutual() -> None:
    for a, b in itertools.combinations([*things(), *people(), "red star", "blue star", "star"], 2):
        assert kin(a, b) == kin(b, a), (a, b)
        assert confusable(a, b) == confusable(b, a), (a, b)


@pytest.mark.parametrize(
    ("a", "b", "so"),
    [
        ("man", "person", True),
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
    assert alike(a, b) == so


def test_a_category_that_the_table_lacks_gets_its_kind_from_wordnet() -> None:
    assert thing("goat").kind == "animal"
    assert thing("nurse").kind == "person"
    assert thing("Green_Apples, fruit").phrase == "green apples"
    assert thing("xyzzy").kind == ""


@pytest.mark.parametrize(
    ("label", "side"), [("art gallery", "indoor"), ("night club", "indoor"), ("canyon", "outdoor")]
)
def test_a_label_that_the_table_lacks_gets_its_side_from_wordnet(label: str, side: str) -> None:
    assert place(label).side == side
    assert place(label).phrase.endswith(f" {label}")
    assert all(
        other.side != side for other in places().values() if label not in other.says and place(label).excludes(other)
    ) or (label == "art gallery")


def test_colours_are_no_part_of_the_noun() -> None:
    assert (plain("red car"), plain("orange"), plain("stop sign")) == ("car", "orange", "stop sign")
