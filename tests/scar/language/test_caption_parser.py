"""Reading captions: scenes and actions that they state, and nothing that they do not."""

import pytest

from scar.language.caption_parser import find_named_scenes, find_stated_scenes, has_noun, parse_actions
from scar.language.lexicon import resolve_category

LANDMARKS = {
    "snowboard": resolve_category("snowboard"),
    "horse": resolve_category("horse"),
    "bench": resolve_category("bench"),
    "frisbee": resolve_category("frisbee"),
}


@pytest.mark.parametrize(
    ("caption", "stated"),
    [
        ("A kitchen with white cabinets and brick walls.", ["kitchen"]),
        ("The kitchen is lit with overhead lights.", ["kitchen"]),
        ("A MAN IN A LARGE KITCHEN", ["kitchen"]),
        ("A picture of a large kitchen with appliances.", ["kitchen"]),
        ("A cat sitting on top of a wooden table.", ["table"]),
        ("A car in the middle of the street.", ["street"]),
        ("A person riding a snowboard down a snowy slope.", ["ski slope"]),
        ("A bus driving down a city street.", ["street"]),
        ("Two boats in the water near the beach.", ["water"]),
        ("A street sign on a pole.", []),
        ("A man near a street light.", []),
        ("A person with a beach umbrella.", []),
        ("A view from the kitchen.", []),
        ("A woman outside a bathroom.", []),
        ("A house with mountains in the background.", []),
        ("A man reaches in the truck bed.", []),
        ("People sit at a table.", []),
        ("A dog.", []),
        ("", []),
    ],
)
def test_only_where_the_picture_was_taken_is_a_stated_place(caption: str, stated: list[str]) -> None:
    assert [scene.name for scene in find_stated_scenes(caption)] == stated


def test_every_place_that_has_a_word_is_named() -> None:
    assert find_named_scenes(("A man near a street light.", "A view from the kitchen.")) == {"street", "kitchen"}


def test_nouns_are_found_in_either_number_and_only_whole() -> None:
    assert has_noun("Two dogs.", ("cat", "dog"))
    assert has_noun("A DOG'S life with a dog", ("dogs",))
    assert has_noun("a wine glass", ("wine glass",))
    assert not has_noun("a hotdog", ("dog",))
    assert not has_noun("A woman", ("man", "dog"))


@pytest.mark.parametrize(
    ("caption", "verb", "preposition", "landmark"),
    [
        ("A man riding a snowboard down a slope.", "ride", "", "snowboard"),
        ("A young man is riding his snowboard.", "ride", "", "snowboard"),
        ("The man rides a brown horse in a field.", "ride", "", "horse"),
        ("A man sitting on top of a wooden bench.", "sit", "on", "bench"),
        ("A man that is standing near a bench.", "stand", "next to", "bench"),
        ("A man standing in a field.", "stand", "in", None),
    ],
)
def test_what_the_subject_does(caption: str, verb: str, preposition: str, landmark: str | None) -> None:
    actions = [
        (action.verb.name, action.preposition, action.landmark)
        for action in parse_actions(caption, ("man",), LANDMARKS)
    ]
    assert (verb, preposition, LANDMARKS[landmark] if landmark else None) in actions


@pytest.mark.parametrize(
    "caption",
    [
        "A dog watches a man riding a horse.",
        "A woman riding a horse.",
        "Two men riding a horse.",
        "Men riding a horse.",
        "A man with a horse riding a bench.",
        "A man riding a horse drawn carriage.",
        "A man.",
        "A man riding",
        "A man holding",
        "",
    ],
)
def test_what_is_not_said_of_the_subject_is_not_read(caption: str) -> None:
    assert not list(parse_actions(caption, ("man",), LANDMARKS))


def test_several_do_what_a_caption_says_of_as_many() -> None:
    landmarks = {"horses": resolve_category("horse")}
    assert [
        action.verb.name for action in parse_actions("Two men riding horses on a beach.", ("man",), landmarks, count=2)
    ] == ["ride"]
    assert [
        action.verb.name for action in parse_actions("A couple of men riding horses.", ("man",), landmarks, count=2)
    ] == ["ride"]
    assert not list(parse_actions("Two men riding horses.", ("man",), landmarks, count=3))
    assert not list(parse_actions("Men riding horses.", ("man",), landmarks, count=2))
