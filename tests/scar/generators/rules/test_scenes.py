"""Scenes: places for a place, things for a thing, larger groups for a group."""

from __future__ import annotations

import pytest

from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.phrases import is_group, is_place
from scar.sample import Box, Picture, Region
from tests.scar.generators.rules.candidate_weights import sum_weights
from tests.scar.generators.tasks import make_gold, make_phrase, make_task


def test_places_take_the_preposition_of_the_true_one() -> None:
    weights = sum_weights("scene")
    assert "a beach" in weights
    assert "a kitchen" not in weights, "in a kitchen, but on a street"


def test_frequent_places_of_the_noun_weigh_more() -> None:
    golds = [make_gold("a car", "on", "a bridge").phrases] * 9 + [make_gold("a dog", "on", "a beach").phrases] * 9
    before, after = sum_weights("scene"), sum_weights("scene", stats=CaptionStats.from_captions(golds, ()))
    assert after["a bridge"] > before["a bridge"]
    assert after["a beach"] < before["a beach"]


def test_a_thing_at_the_end_gets_things_of_the_picture_first() -> None:
    weights = sum_weights("scene", make_gold("a car", "next to", "a truck").phrases)
    assert max(weights, key=weights.__getitem__) in ("a dog", "a car")
    assert weights["a dog"] > weights["a bus"] > 0
    assert "a kitchen" not in weights


def test_things_suit_what_is_said_of_them() -> None:
    ridden = sum_weights("scene", make_gold("a man", "riding", "a bicycle").phrases)
    assert ridden["a horse"] > 1e6 * ridden["a pizza"]
    rider = sum_weights("scene", make_gold("a bicycle", "ridden by", "a man").phrases)
    assert rider["a bear"] > 1e6 * rider["an oven"]
    inside = sum_weights("scene", make_gold("a carrot", "in", "a bowl").phrases)
    assert inside["a cup"] > 1e3 * inside["a book"]


def test_attributes_are_exchanged() -> None:
    weights = sum_weights("scene", make_gold("a man", "in front of", "a brick wall").phrases)
    assert {"a wooden wall", "a metal wall"} <= weights.keys()


def test_a_filling_is_several_things() -> None:
    weights = sum_weights("scene", make_gold("a bowl", "full of", "apples").phrases)
    assert weights["bananas"] > weights["suitcases"] > 0
    assert "a banana" not in weights


@pytest.mark.parametrize(
    ("predicate", "scene", "expected"),
    [
        (
            "first from the left in",
            "a row of three",
            [f"a row of {number}" for number in ("four", "five", "six", "seven", "eight")],
        ),
        (
            "larger than",
            "two others",
            [f"{number} others" for number in ("three", "four", "five", "six", "seven", "eight")],
        ),
    ],
)
def test_groups_grow_beyond_what_the_picture_has(predicate: str, scene: str, expected: list[str]) -> None:
    cars = tuple(Region(number, Box(150 * number, 0, 150 * number + 100, 90), "car") for number in range(3))
    task = make_task(Picture(1, "a.jpg", 640, 480, cars))
    weights = sum_weights("scene", make_gold("a car", predicate, scene).phrases, task=task)
    assert list(weights) == expected


def test_what_is_a_place_and_what_a_group() -> None:
    assert is_place(make_phrase("a grassy field"), "standing in")
    assert is_place(make_phrase("a road"), "sitting in the middle of")
    assert not is_place(make_phrase("a barn"), "behind")
    assert not is_place(make_phrase("a bowl"), "in")
    assert [is_group(make_phrase(text)) for text in ("another one", "a row of two", "two others", "two cars")] == [
        True,
        True,
        True,
        False,
    ]
