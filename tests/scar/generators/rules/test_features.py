"""Features are words with their role."""

from __future__ import annotations

from scar.generators.rules.features import object_features, relation_features, scene_features
from tests.scar.generators.rules.candidate_weights import GOLD
from tests.scar.generators.tasks import make_gold


def test_features_are_words_with_their_role() -> None:
    assert scene_features(GOLD.scene, "on") == ("scene on a street",)
    assert object_features(GOLD.object, GOLD.relation) == ("object car", "attributes red")
    assert relation_features("to the left of", "direction", "dog", "on") == (
        "predicate to the left of",
        "landmark direction dog",
        "scene_preposition on",
    )


def test_who_acts_has_a_role_of_its_own() -> None:
    acting = make_gold("a man", "riding", "a horse").phrases
    assert object_features(acting.object, acting.relation) == ("object acting man", "attributes ")
