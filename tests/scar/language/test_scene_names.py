"""Labels of scenes become phrases with a preposition."""

import re

import pytest

from scar.language.lexicon import read_scenes, resolve_scene
from scar.language.scene_names import describe_scene
from scar.language.user_words import Words

SAID = {
    "kitchen": "in a kitchen",
    "living_room": "in a living room",
    "night club": "in a night club",
    "outdoor_parking_lot": "in a parking lot",
    "OutdoorParkingLot": "in a parking lot",
    "beach": "on a beach",
    "street": "on a street",
    "alley": "in an alley",
    "/a/arena/hockey": "at a hockey arena",
    "/c/church/indoor": "in a church",
    "/c/church/outdoor": "at a church",
    "/b/bakery/shop": "in a bakery",
    "/l/lake/natural": "on a lake",
    "/s/stadium/baseball": "at a baseball stadium",
    "/s/swimming_pool/outdoor": "in a swimming pool",
    "church_outdoor": "at a church",
    "childs_room": "in a child's room",
    "mountain_snowy": "on a snowy mountain",
    "japanese_garden": "in a Japanese garden",
    "natural_history_museum": "in a natural history museum",
    "ocean": "in the ocean",
    "golf_course": "on a golf course",
    "gas station": "at a gas station",
    "in a kitchen": "in a kitchen",
}


@pytest.mark.parametrize(("label", "text"), SAID.items())
def test_a_label_is_said_as_people_say_it(label: str, text: str) -> None:
    described = describe_scene(label)
    assert described.text == text
    assert described.origin in ("table", "rule")


@pytest.mark.parametrize("label", SAID)
def test_the_scene_of_a_label_has_its_phrase_and_preposition(label: str) -> None:
    described = describe_scene(label)
    scene = resolve_scene(label)
    assert scene.phrase == described.phrase
    assert scene.prepositions[0] == described.preposition
    assert not re.search(r"[_/]|  ", scene.phrase)


@pytest.mark.parametrize("name", read_scenes())
def test_the_scenes_of_the_table_keep_their_words(name: str) -> None:
    scene = read_scenes()[name]
    assert resolve_scene(name) is scene
    assert (describe_scene(name).phrase, describe_scene(name).preposition) == (scene.phrase, scene.prepositions[0])


@pytest.mark.parametrize("label", ["misc", "Unclassified", "outdoor", "", "🏖", "/", "_", "x" * 5_000, "\0"])
def test_a_label_of_no_scene_says_nothing(label: str) -> None:
    assert describe_scene(label).phrase is None
    assert describe_scene(label).origin == "no_thing"


@pytest.mark.parametrize(
    "label",
    ["rainy night", "Daytime", "dawn/dusk", "partly cloudy", "overcast", "outdoor/night", "at night", "on a sunny day"],
)
def test_times_and_weather_are_no_scene(label: str) -> None:
    assert describe_scene(label).origin == "no_thing"


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("highway night", "on a highway"),
        ("city street at night", "on a city street"),
        ("night/street", "on a street"),
        ("night club", "in a night club"),
        ("rainy highway", "on a rainy highway"),
        ("snow", "in snow"),
        ("in a kitchen at night", "in a kitchen at night"),
    ],
)
def test_a_place_at_a_time_is_the_place(label: str, text: str) -> None:
    assert describe_scene(label).text == text


def test_an_unknown_label_is_said_as_it_is_written_without_a_preposition() -> None:
    described = describe_scene("zorgblat")
    assert (described.phrase, described.preposition, described.origin) == ("a zorgblat", "", "unknown")


def test_a_user_says_a_scene_with_or_without_its_preposition() -> None:
    words = Words(scenes=(("club_vip", "at a night club"), ("zorgblat", "beach bar"), ("kitchen", "the galley")))
    assert describe_scene("Club-VIP", words).text == "at a night club"
    assert describe_scene("zorgblat", words).text == "in a beach bar"
    assert describe_scene("kitchen", words).text == "in the galley"
    assert describe_scene("kitchen", words).origin == "user"
