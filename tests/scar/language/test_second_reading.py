"""A misread text is parsed in other words; its parse has the words of the text again."""

from __future__ import annotations

from scar.language.second_reading import find_second_reading
from scar.language.statements import find_statements
from tests.scar.language.parses import CAT_ON_TABLE, make_parse

HYDRANT = make_parse(
    "A/a/DT/det/1 fire/fire/NN/ROOT/1 hydrant/hydrant/JJ/amod/1 near/near/IN/prep/2 a/a/DT/det/5 tree/tree/NN/pobj/3"
)
STATUE = make_parse("A/a/DT/det/1 statue/statue/NN/ROOT/1 near/near/IN/prep/1 a/a/DT/det/4 tree/tree/NN/pobj/2")
SHEEP = make_parse(
    "A/a/DT/det/2 sheep/sheep/NN/compound/2 grazes/graze/NNS/ROOT/2 in/in/IN/prep/2 a/a/DT/det/5 field/field/NN/pobj/3"
)


def test_another_noun_stands_for_a_name_that_is_taken_for_a_clause() -> None:
    second = find_second_reading("A fire hydrant near a tree", HYDRANT)
    assert second is not None
    assert second.text == "A statue near a tree"
    assert [statement.text for statement in find_statements(second.restore(STATUE))] == ["a fire hydrant near a tree"]


def test_a_placeholder_that_the_text_has_is_not_taken() -> None:
    words = [*zip(HYDRANT.words, HYDRANT.lemmas, HYDRANT.tags, HYDRANT.deps, HYDRANT.heads, strict=True)]
    words[5] = ("statue", "statue", "NN", "pobj", 3)
    parse = make_parse(" ".join("/".join(map(str, word)) for word in words))
    second = find_second_reading("A fire hydrant near a statue", parse)
    assert second is not None
    assert second.text == "A lamp near a statue"


def test_a_verb_that_is_taken_for_a_plural_is_read_as_going_on() -> None:
    second = find_second_reading("A sheep grazes in a field", SHEEP)
    assert second is not None
    assert second.text == "A sheep is grazing in a field"
    assert second.restore(STATUE) is STATUE


def test_a_text_that_is_read_right_is_not_read_again() -> None:
    assert find_second_reading("A black cat sitting on the table in front of laptop", CAT_ON_TABLE) is None
    plural = make_parse("Sheep/sheep/NN/compound/1 grazes/graze/NNS/ROOT/1 in/in/IN/prep/1 fields/field/NNS/pobj/2")
    assert find_second_reading("Sheep grazes in fields", plural) is None
