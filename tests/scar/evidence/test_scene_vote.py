"""The scene is the label of the source, or the scene on which captions and categories agree."""

import pytest

from scar.evidence.scene_vote import find_scene
from scar.sample import Box, Picture, Region

LEFT, RIGHT = Box(20, 200, 120, 300), Box(500, 200, 600, 300)


def find_phrase(picture: Picture, region: Region) -> str | None:
    found = find_scene(picture, region)
    return found[0].phrase if found else None


@pytest.mark.parametrize(
    ("captions", "scene"),
    [
        (("A dog in a kitchen.", "A dog on the floor.", "A kitchen."), "a kitchen"),
        (("A dog in a kitchen.", "A dog on a beach.", "A dog on a sandy beach."), "a beach"),
        (("A dog in a kitchen.", "A dog on a beach."), None),
        (("A dog in a kitchen.", "A dog."), "a kitchen"),
        (("A dog in a kitchen.", "A dog.", "A brown dog."), None),
        (("Two people playing tennis.", "A tennis player and a dog."), "a tennis court"),
        (("A tennis player and a dog.",), None),
    ],
)
def test_the_scene_is_what_the_captions_agree_on(captions: tuple[str, ...], scene: str | None) -> None:
    dog = Region(1, LEFT, "dog")
    assert find_phrase(Picture(1, "a.jpg", 640, 480, (dog,), captions), dog) == scene


def test_things_that_are_together_nowhere_else_tell_the_place() -> None:
    oven, fridge = Region(1, LEFT, "oven"), Region(2, RIGHT, "refrigerator")
    assert find_phrase(Picture(1, "a.jpg", 640, 480, (oven, fridge)), oven) == "a kitchen"


@pytest.mark.parametrize(
    ("categories", "scene"),
    [
        (("oven", "cup"), "a kitchen"),
        (("cup", "sink"), None),
        (("toilet", "sink"), "a bathroom"),
        (("oven", "toilet"), None),
    ],
)
def test_some_things_tell_the_place_alone_unless_others_deny_it(categories: tuple[str, str], scene: str | None) -> None:
    regions = tuple(Region(number, (LEFT, RIGHT)[number], name) for number, name in enumerate(categories))
    assert find_phrase(Picture(1, "a.jpg", 640, 480, regions), regions[0]) == scene


@pytest.mark.parametrize(("width", "scene"), [(120, "a kitchen"), (60, None)])
def test_a_refrigerator_far_away_tells_no_place(width: int, scene: str | None) -> None:
    fridge, cup = Region(1, Box(20, 200, 20 + width, 300), "refrigerator"), Region(2, RIGHT, "cup")
    assert find_phrase(Picture(1, "a.jpg", 640, 480, (fridge, cup)), cup) == scene


def test_a_label_comes_before_captions() -> None:
    dog = Region(1, LEFT, "dog")
    captions = ("A dog on a beach.", "A dog on the beach.")
    found = find_scene(Picture(1, "a.jpg", 640, 480, (dog,), captions, scene="football field"), dog)
    assert found is not None
    assert (found[0].phrase, found[1]) == ("a football field", "on")


def test_the_preposition_says_whether_the_thing_is_in_the_scene() -> None:
    person, fork = Region(1, LEFT, "person"), Region(2, RIGHT, "fork")
    picture = Picture(1, "a.jpg", 640, 480, (person, fork), ("A fork on a table.", "A table with a fork."))
    prepositions = [found[1] for region in (person, fork) if (found := find_scene(picture, region))]
    assert prepositions == ["in a picture of", "on"]


def test_a_thing_is_not_its_own_scene() -> None:
    bed = Region(1, LEFT, "bed")
    assert find_scene(Picture(1, "a.jpg", 640, 480, (bed,), ("A bed.", "A messy bed.")), bed) is None
