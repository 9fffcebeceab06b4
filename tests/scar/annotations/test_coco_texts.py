"""Captions, scenes and phrases that stand inside a COCO-style file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scar.accounting import Tally
from scar.annotations.coco_texts import has_texts, read_phrases
from tests.scar.annotations.reading import read_pictures

if TYPE_CHECKING:
    from tests.conftest import World


def read(world: World, **changes: Any) -> dict[int, Any]:
    world.write()
    tally = Tally()
    pictures = {picture.id: picture for picture in read_pictures(world.source(**{"captions": None} | changes), tally)}
    assert tally.records == sum(len(picture.regions) for picture in pictures.values())
    return pictures


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("caption", "A cup on a table."),
        ("captions", ["A cup on a table."]),
        ("sentences", [{"raw": "A cup on a table.", "tokens": ["a"]}]),
        ("sentence", "A cup on a table."),
        ("sentence", ["A cup on a table.", ""]),
        ("captions", [" A cup  on a table. ", "A cup on a table.", None]),
    ],
)
def test_captions_of_an_image_may_stand_in_its_record(key: str, value: Any, world: World) -> None:
    world.images[0][key] = value
    found = read(world)
    assert (found[11].captions, found[5].captions) == (("A cup on a table.",), ())


def test_one_file_may_have_boxes_and_captions(world: World) -> None:
    world.annotations[1:1] = [
        {"id": 900, "image_id": 7, "caption": "A dog in a park."},
        {"image_id": 7, "caption": "A dog."},
    ]
    assert read(world)[7].captions == ("A dog in a park.", "A dog.")
    assert read(world, captions=world.instances_file)[7].captions == ("A dog in a park.", "A dog.")
    world.annotations[1] = {"id": 900, "image_id": 7, "sentence": "A dog in a park."}
    assert read(world)[7].captions == ("A dog in a park.", "A dog.")


@pytest.mark.parametrize(
    ("changes", "phrases"),
    [
        ({"caption": "the red cup"}, ("the red cup",)),
        ({"description": " the red\n cup ", "phrase": "left cup"}, ("left cup", "the red cup")),
        ({"attributes": {"occluded": False, "description": "the red cup"}}, ("the red cup",)),
        ({"expressions": [{"raw": "the red cup", "sent": "red cup"}]}, ("the red cup",)),
        ({"sentence": "the red cup"}, ("the red cup",)),
        ({"sentences": [{"sent": "red cup", "raw": "The red cup"}, "cup"]}, ("The red cup", "cup")),
        ({"caption": None, "description": "", "attributes": {"caption": 3}}, ()),
        ({"segmentation": [], "attributes": ["caption"]}, ()),
    ],
)
def test_texts_of_an_annotation_are_phrases_of_its_region(
    changes: dict[str, Any], phrases: tuple[str, ...], world: World
) -> None:
    world.annotations[0] |= changes
    assert [region.phrases for region in read(world)[11].regions] == [phrases, (), ()]


def test_grounded_captions_say_the_thing(world: World) -> None:
    """MDETR: one category "object", and the place of the thing in the image's caption."""
    caption = "A man in a red hat  walks his dog."
    world.categories[0]["name"] = "object"
    world.images[0]["caption"] = caption
    world.annotations[0]["tokens_positive"] = [[0, 5]]
    world.annotations[1]["tokens_positive"] = [[9, 18]]
    world.annotations[2]["tokens_positive"] = [[22, 99]]
    regions = read(world)[11].regions
    assert [region.category for region in regions] == ["A man", "fork", "dog"]  # only a placeholder is replaced
    assert [region.phrases for region in regions] == [("A man",), ("a red hat",), ()]


def test_tokens_are_cut_from_the_caption_as_it_stands() -> None:
    text = json.dumps({"tokens_positive": [[0, 5], [10, 14]]}).encode()
    assert has_texts(text)
    assert read_phrases(text, ("A man, an old man",)) == (("A man old",), "A man old")
    assert read_phrases(text, ()) == ((), None)
    assert read_phrases(b'{"tokens_positive": [[3, 1]]}', ("A man",)) == ((), None)
    assert not has_texts(b'{"id": 1, "bbox": [1, 2, 3, 4]}')


def test_the_scene_may_stand_among_the_attributes_of_an_image(world: World) -> None:
    world.images[0]["attributes"] = {"weather": "clear", "scene": "city street", "timeofday": "night"}
    world.images[1] |= {"attributes": {"scene": "tunnel"}, "scene": "a kitchen"}
    world.images[2]["attributes"] = ["scene"]
    found = read(world)
    assert [found[number].scene for number in (11, 7, 5)] == ["city street", "a kitchen", None]


def test_scenes_of_taco_are_lists_of_their_own(world: World) -> None:
    world.extras["scene_annotations"] = [
        {"image_id": 11, "background_ids": [0, 2]},
        {"image_id": 7, "background_ids": [0]},
        {"image_id": 99, "background_ids": [2]},
        {"image_id": 5, "background_ids": None},
        3,
    ]
    world.extras["scene_categories"] = [{"id": 0, "name": "undefined"}, {"id": 2, "name": "Pavement"}, {"id": 3}]
    found = read(world)
    assert [found[number].scene for number in (11, 7, 5)] == ["Pavement", None, None]
