"""Relations are read back from their text, and annotated predicates get the words of captions."""

import pytest

from scar.language.lexicon import read_verbs
from scar.language.relation_phrase import (
    OPPOSITES,
    POSITIONS,
    SCENE_PREPOSITIONS,
    RelationPhrase,
    list_predicates,
    normalize_predicate,
)


@pytest.mark.parametrize("scene_preposition", SCENE_PREPOSITIONS)
def test_every_relation_is_read_back_from_its_text(scene_preposition: str) -> None:
    for predicate in list_predicates():
        landmark = "" if predicate in POSITIONS else "a dog"
        relation = RelationPhrase(predicate, landmark, scene_preposition)
        assert RelationPhrase.parse(relation.text) == relation


@pytest.mark.parametrize("name", read_verbs())
def test_a_relation_knows_its_verb(name: str) -> None:
    verb = read_verbs()[name]
    relation = RelationPhrase(verb.text, "a dog" if verb.landmarks else "", "in")
    assert RelationPhrase.parse(relation.text) == relation
    assert relation.verb == verb
    assert relation.preposition == ""


def test_a_posture_has_a_preposition() -> None:
    relation = RelationPhrase.parse("sitting on a bench in")
    assert relation is not None
    assert (relation.preposition, relation.landmark) == ("on", "a bench")


def test_a_text_without_a_known_predicate_is_no_relation() -> None:
    assert RelationPhrase.parse("which hums in") is None


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
        ("wears", None),
        ("of", None),
    ],
)
def test_annotated_predicates_get_the_words_of_captions(annotated: str, predicate: str | None) -> None:
    assert normalize_predicate(annotated) == predicate
