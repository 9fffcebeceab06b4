"""Predicates that exclude each other: symmetric, never of one meaning, and never both true of one pair of things."""

from __future__ import annotations

from itertools import product

import pytest

from scar.language.exclusion import can_act, excludes, find_preposition_class, is_passive, split_preposition
from scar.language.lexicon import read_verbs
from scar.language.word_tables import read_word_table

TABLE = read_word_table("prepositions")
WORDS = [word for row in TABLE.values() for word in row["words"]]
PREDICATES = [
    *WORDS,
    *(verb.text for verb in read_verbs().values() if verb.landmarks),
    *(
        f"{posture} {word}"
        for posture in ("sitting", "standing", "lying", "walking")
        for word in ("on", "next to", "under")
    ),
]


@pytest.mark.parametrize("subject", ["man", "dog", "cup"])
@pytest.mark.parametrize("landmark", ["table", "horse", "person", "street"])
def test_exclusion_is_mutual_and_spares_the_predicate_itself(subject: str, landmark: str) -> None:
    for true, other in product(PREDICATES, PREDICATES):
        assert excludes(subject, true, other, landmark) == excludes(subject, other, true, landmark)
        if find_preposition_class(true) == find_preposition_class(other) and true in WORDS and other in WORDS:
            assert not excludes(subject, true, other, landmark), "two words of one class"


def test_every_class_that_is_excluded_has_a_row() -> None:
    assert len(WORDS) == len(set(WORDS))
    assert {other for row in TABLE.values() for other in row.get("excludes", {})} <= TABLE.keys()


@pytest.mark.parametrize(
    ("subject", "true", "other", "landmark"),
    [
        ("cup", "on", "under", "table"),
        ("cup", "on", "next to", "table"),
        ("carrot", "in", "next to", "bowl"),
        ("dog", "under", "on top of", "bench"),
        ("man", "sitting on", "standing on", "bench"),
        ("man", "sitting on", "sitting next to", "bench"),
        ("dog", "lying on", "walking next to", "bed"),
        ("man", "riding", "walking next to", "horse"),
        ("man", "riding", "holding", "surfboard"),
        ("man", "holding", "wearing", "tie"),
        ("man", "washing", "feeding", "horse"),
        ("surfboard", "ridden by", "held by", "person"),
        ("bat", "held by", "lying next to", "person"),
        ("bus", "driving down", "parked on", "road"),
        ("plant", "in front of", "behind", "fire hydrant"),
        ("bowl", "filled with", "next to", "apple"),
        ("table", "with", "on", "cup"),
        ("bed", "in", "outside", "kitchen"),
        ("clock", "to the left of", "to the right of", "cup"),
        ("surfboard", "leaning against", "under", "wall"),
    ],
)
def test_what_cannot_both_be_true(subject: str, true: str, other: str, landmark: str) -> None:
    assert excludes(subject, true, other, landmark)


@pytest.mark.parametrize(
    ("subject", "true", "other", "landmark"),
    [
        ("man", "riding", "on", "horse"),
        ("man", "riding", "sitting on", "horse"),
        ("man", "riding", "in", "bus"),
        ("man", "wearing", "in", "shirt"),
        ("man", "wearing", "carrying", "backpack"),
        ("man", "wearing", "on", "skis"),
        ("man", "riding", "wearing", "skis"),
        ("man", "with", "on", "skis"),
        ("sink", "with", "next to", "cup"),
        ("man", "holding", "next to", "bat"),
        ("man", "holding", "under", "umbrella"),
        ("man", "eating", "holding", "apple"),
        ("man", "standing on", "walking on", "street"),
        ("man", "leaning on", "next to", "post"),
        ("man", "leaning on", "standing next to", "post"),
        ("man", "behind", "in front of", "laptop"),
        ("man", "next to", "in front of", "car"),
        ("man", "sitting at", "next to", "table"),
        ("bird", "sitting on", "perched on", "bench"),
        ("cat", "sleeping on", "lying on", "couch"),
        ("laptop", "sitting on", "lying on", "table"),
        ("car", "sitting on", "parked on", "road"),
        ("fork", "holding", "in", "carrot"),
        ("bottle", "on", "next to", "sink"),
        ("cat", "in", "on", "box"),
        ("picture", "on", "in front of", "wall"),
        ("chair", "under", "next to", "table"),
        ("cup", "next to", "to the left of", "plate"),
        ("cup", "on", "above", "table"),
        ("skis", "worn by", "under", "person"),
        ("boy", "dressed in", "next to", "gear"),
        ("man", "working on", "next to", "keyboard"),
        ("man", "waiting at", "standing next to", "bench"),
    ],
)
def test_what_may_both_be_true(subject: str, true: str, other: str, landmark: str) -> None:
    assert not excludes(subject, true, other, landmark)


@pytest.mark.parametrize("words", WORDS)
def test_a_predicate_ends_with_its_preposition(words: str) -> None:
    assert split_preposition(words) == ("", words)
    assert split_preposition(f"hovering {words}") == ("hovering", words)


def test_verbs_say_who_acts() -> None:
    assert can_act("man")
    assert not can_act("table")
    assert is_passive("held by")
    assert not is_passive("holding")
