"""A statement about two single things says as much of the second one, where a person would say so."""

from __future__ import annotations

import pytest

from scar.language.inverse_statements import invert_statement
from scar.language.noun_phrase import NounPhrase
from scar.language.statements import Statement


def say(subject: str, predicate: str, preposition: str, rest: str, verb: str = "", count: int | None = 1) -> Statement:
    first, last = (NounPhrase(text, text.split()[-1], plural=text.endswith("s")) for text in (subject, rest))
    return Statement(first, count, predicate, None, preposition, last, verb)


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (say("a man", "holding", "", "a frisbee", "hold"), "a frisbee held by a man"),
        (say("a girl", "riding", "", "a horse", "ride"), "a horse ridden by a girl"),
        (say("a man", "standing", "next to", "a car", "stand"), "a car next to a man"),
        (say("a mirror", "", "above", "a sink"), "a sink below a mirror"),
        (say("a bathroom", "", "with", "a toilet"), "a toilet in a bathroom"),
    ],
)
def test_what_is_said_from_the_other_end(statement: Statement, text: str) -> None:
    inverse = invert_statement(statement)
    assert inverse is not None
    assert inverse.text == text
    assert inverse.count == 1


@pytest.mark.parametrize(
    "statement",
    [
        say("a man", "sitting", "in front of", "a laptop", "sit"),  # it is not behind him
        say("a man", "", "with", "a dog"),
        say("a man", "", "on", "a horse"),
        say("two men", "holding", "", "a frisbee", "hold", count=2),
        say("a bowl", "holding", "", "an apple", "hold"),  # it is in the bowl
        say("a man", "holding", "", "apples", "hold"),
        say("a man", "holding up", "", "a sign", "hold"),
        say("a man", "looking", "over", "a fence", "look"),
        say("a kitchen", "", "next to", "a garden"),
    ],
)
def test_what_is_not(statement: Statement) -> None:
    assert invert_statement(statement) is None


def test_being_next_to_each_other_has_two_ends() -> None:
    statement = say("a dog", "", "next to", "a car")
    inverse = invert_statement(statement)
    assert inverse is not None
    assert invert_statement(inverse) == statement
