"""Which nouns may name a thing of a category."""

from __future__ import annotations

import pytest

from scar.language.lexicon import read_things
from scar.language.naming import can_mean, can_name, may_name
from scar.language.noun_phrase import NounPhrase


@pytest.mark.parametrize(
    ("noun", "category"),
    [
        ("kitty", "cat"), ("surfer", "person"), ("sedan", "car"), ("racquet", "tennis racket"), ("phone", "cell phone"),
        ("table", "dining table"), ("panda bear", "bear"), ("man", "people"), ("plane", "airplane"), ("sofa", "couch"),
    ],
)  # fmt: skip
def test_synonyms_and_kinds_name_a_thing(noun: str, category: str) -> None:
    assert can_name(noun, category)
    assert may_name(noun, category)


@pytest.mark.parametrize(
    ("noun", "category"),
    [
        ("animal", "cat"), ("dog", "cat"), ("hot dog", "dog"), ("teddy bear", "bear"), ("clock tower", "clock"),
        ("hat", "person"),
        ("sdfgh", "cat"), ("", "cat"), ("vehicle", "bus"), ("wine glass", "bottle"),
    ],
)  # fmt: skip
def test_wider_words_and_other_things_do_not(noun: str, category: str) -> None:
    assert not can_name(noun, category)


def test_a_wider_word_may_be_used() -> None:
    assert may_name("animal", "cat")
    assert not may_name("table", "cat")


def test_each_thing_has_its_own_name() -> None:
    assert [name for name, thing in read_things().items() if not can_name(thing.noun, name)] == []


def test_a_likeness_is_a_toy() -> None:
    assert can_mean(NounPhrase("a stuffed bear", "bear", ("stuffed",)), "teddy bear")
    assert can_mean(NounPhrase("a plush dog", "dog", ("plush",)), "teddy bear")
    assert not can_mean(NounPhrase("a stuffed bear", "bear", ("stuffed",)), "bear")
    assert not can_mean(NounPhrase("a toy car", "car", ("toy",)), "car")
