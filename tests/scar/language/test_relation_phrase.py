"""Relations know the form and the verb of their predicate, and annotated predicates get the words of captions."""

import pytest

from scar.language.lexicon import read_verbs
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import (
    DIRECTIONS,
    OPPOSITES,
    POSITIONS,
    PREPOSITIONS,
    RelationPhrase,
    find_form,
    normalize_predicate,
)

DOG = NounPhrase("a dog", "dog")


@pytest.mark.parametrize("name", read_verbs())
def test_a_relation_knows_its_verb(name: str) -> None:
    verb = read_verbs()[name]
    for preposition in ("", *PREPOSITIONS):
        relation = RelationPhrase(f"{verb.text} {preposition}".rstrip(), DOG, "in")
        assert (relation.verb, relation.form) == (verb, "action")


@pytest.mark.parametrize("predicate", [*DIRECTIONS, *POSITIONS, "on", "inside", "behind"])
def test_other_predicates_have_no_verb(predicate: str) -> None:
    assert RelationPhrase(predicate).verb is None


def test_the_text_leaves_out_what_is_missing() -> None:
    assert RelationPhrase("on").text == "on"
    assert RelationPhrase("on the left of", None, "a picture of").text == "on the left of a picture of"
    assert RelationPhrase("riding", DOG, "on").text == "riding a dog on"


@pytest.mark.parametrize(
    ("predicate", "form"),
    [
        ("in the middle of", "position"),
        ("second from the right in", "ordinal"),
        ("larger than", "ordinal"),
        ("behind", "direction"),
        ("next to", "direction"),
        ("standing on", "action"),
        ("on top of", "contact"),
        ("under", "contact"),
    ],
)
def test_a_predicate_has_a_form(predicate: str, form: str) -> None:
    assert find_form(predicate) == form


def test_opposites_are_mutual() -> None:
    assert all(OPPOSITES[opposite] == predicate for predicate, opposite in OPPOSITES.items())


@pytest.mark.parametrize(
    ("annotated", "predicate"),
    [
        ("riding", "riding"),
        ("are riding", "riding"),
        ("sits on", "sitting on"),
        ("in back of", "behind"),
        ("beside", "next to"),
        ("wears", "wearing"),
        ("of", None),
    ],
)
def test_annotated_predicates_get_the_words_of_captions(annotated: str, predicate: str | None) -> None:
    assert normalize_predicate(annotated) == predicate
