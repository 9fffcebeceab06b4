"""The tables of nouns say what the rules say of each noun and pair."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scar.generators.rules.noun_table import NounTable
from scar.generators.rules.usual_pairs import can_contain, is_usual
from scar.language.exclusion import can_act, excludes
from scar.language.lexicon import is_confusable, is_interchangeable, is_related, read_things, resolve_category

NOUNS = [
    *list(read_things())[::4],
    "man",
    "woman",
    "people",
    "skier",
    "red car",
    "blue car",
    "puppy",
    "animal",
    "cats",
    "kitchens",
    "xyzzy",
    "sofa",
    "couch",
    "motorbike",
    "wall-concrete",
    "teddy bear",
    "dining table",
]


@pytest.fixture(scope="module")
def table() -> NounTable:
    return NounTable([*NOUNS, "man"])


def test_each_noun_has_one_number(table: NounTable) -> None:
    assert table.nouns == tuple(dict.fromkeys(NOUNS))
    assert table.find(["man", "xyzzy"]).tolist() == [table.nouns.index("man"), table.nouns.index("xyzzy")]


def test_pairs_are_those_of_the_lexicon(table: NounTable) -> None:
    for i, one in enumerate(table.nouns):
        for j, other in enumerate(table.nouns):
            words = set(resolve_category(one).words), set(resolve_category(other).words)
            found = table.related[i, j], table.confusable[i, j], table.interchangeable[i, j], table.same[i, j]
            expected = is_related(one, other), is_confusable(one, other), is_interchangeable(one, other)
            assert found == (*expected, not words[0].isdisjoint(words[1])), (one, other)


def test_persons_may_be_each_other_but_for_those_that_exclude_each_other(table: NounTable) -> None:
    man, woman, skier, dog = (table.numbers[noun] for noun in ("man", "woman", "skier", "puppy"))
    assert table.persons[man, skier]
    assert not table.persons[man, woman]
    assert not table.persons[man, dog]


def test_rules_do_not_tell_the_nouns_of_a_class_apart(table: NounTable) -> None:
    rules: list[Callable[[str], bool]] = [
        can_act,
        can_contain,
        lambda noun: is_usual(noun, "on", "dining table"),
        lambda noun: is_usual("person", "holding", noun),
        lambda noun: excludes(noun, "on", "next to", "bench"),
        lambda noun: excludes("cup", "on", "in front of", noun),
    ]
    for number, rule in enumerate(rules):
        assert [bool(found) for found in table.ask(("test", number), rule)] == [
            bool(rule(noun)) for noun in table.nouns
        ]
