"""Reading captions: places and deeds that they state, and nothing that they do not."""

import pytest

from scar.language.caption_parser import deeds, named_places, says, stated_places
from scar.language.lexicon import thing

ANCHORS = {
    "snowboard": thing("snowboard"),
    "horse": thing("horse"),
    "bench": thing("bench"),
    "frisbee": thing("frisbee"),
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
    assert [place.name for place in stated_places(caption)] == stated


def test_every_place_that_has_a_word_is_named() -> None:
    assert named_places(("A man near a street light.", "A view from the kitchen.")) == {"street", "kitchen"}


def test_nouns_are_found_in_either_number_and_only_whole() -> None:
    assert says("Two dogs.", ("cat", "dog"))
    assert says("A DOG'S life with a dog", ("dogs",))
    assert says("a wine glass", ("wine glass",))
    assert not says("a hotdog", ("dog",))
    assert not says("A woman", ("man", "dog"))


@pytest.mark.parametrize(
    ("caption", "verb", "spot", "anchor"),
    [
        ("A man riding a snowboard down a slope.", "ride", "", "snowboard"),
        ("A young man is riding his snowboard.", "ride", "", "snowboard"),
        ("The man rides a brown horse in a field.", "ride", "", "horse"),
        ("A man sitting on top of a wooden bench.", "sit", "on", "bench"),
        ("A man that is standing near a bench.", "stand", "next to", "bench"),
        ("A man standing in a field.", "stand", "in", None),
    ],
)
def test_what_the_subject_does(caption: str, verb: str, spot: str, anchor: str | None) -> None:
    told = [(deed.verb.name, deed.spot, deed.anchor) for deed in deeds(caption, ("man",), ANCHORS)]
    assert (verb, spot, ANCHORS[anchor] if anchor else None) in told


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
    assert not list(deeds(caption, ("man",), ANCHORS))


def test_several_do_what_a_caption_says_of_as_many() -> None:
    anchors = {"horses": thing("horse")}
    assert [deed.verb.name for deed in deeds("Two men riding horses on a beach.", ("man",), anchors, count=2)] == [
        "ride"
    ]
    assert [deed.verb.name for deed in deeds("A couple of men riding horses.", ("man",), anchors, count=2)] == ["ride"]
    assert not list(deeds("Two men riding horses.", ("man",), anchors, count=3))
    assert not list(deeds("Men riding horses.", ("man",), anchors, count=2))
