"""Features are words with their role."""

from __future__ import annotations

from scar.generators.rules.features import find_features
from tests.scar.generators.rules.candidate_weights import GOLD
from tests.scar.generators.tasks import make_gold


def test_features_are_words_with_their_role() -> None:
    assert find_features("scene", GOLD) == ("scene on a street",)
    assert find_features("object", GOLD) == ("object car", "attributes red")
    assert find_features("relation", GOLD) == (
        "predicate to the left of",
        "landmark direction dog",
        "scene_preposition on",
    )


def test_who_acts_has_a_role_of_its_own() -> None:
    acting = make_gold("a man", "riding", "a horse").phrases
    assert find_features("object", acting) == ("object acting man", "attributes ")
