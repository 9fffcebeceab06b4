"""Reading captions: nouns in them and scenes that they state, and nothing that they do not."""

import pytest

from scar.language.caption_parser import find_named_scenes, find_stated_scenes, has_noun


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
