"""Candidates keep the form of the true element, and prefer what is hard to tell from it."""

from scar.generators.rules.candidates import find_features, propose_objects, propose_relations, propose_scenes
from scar.generators.rules.records import CaptionStats, WeightedSets
from scar.sample import Box, Caption, Picture, Region

CAR, DOG = Region(1, Box(20, 200, 120, 300), "car"), Region(2, Box(500, 200, 600, 300), "dog")
PICTURE = Picture(1, "a.jpg", 640, 480, (CAR, DOG), (), (), "street")
GOLD = Caption("a red car", "to the left of a dog on", "a street")


def sum_weights(sets: WeightedSets) -> dict[str, float]:
    """The weight of each element over all sets."""
    weights: dict[str, float] = {}
    for candidate_set, factor in sets:
        for candidate in candidate_set.all_candidates:
            weights[candidate.value] = weights.get(candidate.value, 0.0) + factor * candidate.weight
    return weights


def test_scenes_take_the_preposition_of_the_true_one() -> None:
    weights = sum_weights(propose_scenes(GOLD, CAR, CaptionStats()))
    assert "a beach" in weights
    assert "a kitchen" not in weights, "in a kitchen, but on a street"


def test_frequent_scenes_of_the_noun_weigh_more() -> None:
    golds = [Caption("a car", "on", "a bridge")] * 9 + [Caption("a dog", "on", "a beach")] * 9
    before = sum_weights(propose_scenes(GOLD, CAR, CaptionStats()))
    after = sum_weights(propose_scenes(GOLD, CAR, CaptionStats.from_captions(golds)))
    assert after["a bridge"] > before["a bridge"]
    assert after["a beach"] < before["a beach"]


def test_a_coloured_object_gets_coloured_candidates() -> None:
    weights = sum_weights(propose_objects(GOLD, PICTURE, CAR, CaptionStats()))
    assert weights["a red dog"] > weights["a red bus"] > 0
    assert weights["a blue car"] > 0
    assert "a dog" not in weights


def test_the_opposite_weighs_more_than_other_relations() -> None:
    weights = sum_weights(propose_relations(GOLD, PICTURE, CAR))
    assert max(weights, key=weights.__getitem__) == "to the right of a dog on"
    assert weights["above a dog on"] > weights["on the right of a picture of"]


def test_a_relation_without_a_known_predicate_has_no_candidates() -> None:
    assert propose_relations(Caption("a car", "which hums in", "a garage"), PICTURE, CAR) == []


def test_features_are_words_with_their_role() -> None:
    assert find_features("scene", GOLD) == ("scene on a street",)
    assert find_features("object", GOLD) == ("object car", "colour red")
    assert find_features("relation", GOLD) == (
        "predicate to the left of",
        "landmark direction a dog",
        "scene_preposition on",
    )
