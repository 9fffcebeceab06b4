"""Kinds and names give the groups of a thing, WordNet those of names that the table lacks; stuff has no place."""

import pytest

from scar.evidence.landmarks import find_direction_relations
from scar.evidence.ordinals import find_ordinals
from scar.evidence.picture_evidence import PictureEvidence
from scar.evidence.scene_vote import find_scene
from scar.evidence.thing_groups import find_groups, is_stuff
from scar.language.lexicon import read_things
from scar.language.word_tables import read_word_table
from scar.sample import Box, Picture, Region


def test_kinds_reach_beyond_the_names_of_the_table() -> None:
    assert "mount" in find_groups("stallion")
    assert "mount" in find_groups("horses")
    assert "worn_thing" in find_groups("baseball cap")
    assert "tabletop" in find_groups("teapot")
    assert "seat" in find_groups("swivel chair, desk chair")
    assert "ground" in find_groups("tarmac road")
    assert "person" not in find_groups("toaster")
    assert find_groups("xyzzy") == frozenset()


@pytest.mark.parametrize("category", ["road", "grass", "sky", "water", "wall", "floor", "sidewalk, pavement", "sea"])
def test_stuff_has_no_direction_rank_or_scene(category: str) -> None:
    assert is_stuff(category)
    boxes = [(20, 100, 80, 160), (90, 100, 150, 160), (160, 100, 220, 160)]
    things = [Region(number, Box(*map(float, box)), category) for number, box in enumerate(boxes)]
    dog = Region(3, Box(230, 100, 290, 160), "dog")
    picture = Picture(1, "a.jpg", 320, 240, (*things, dog), scene="street")
    evidence = PictureEvidence(picture)
    assert not list(find_direction_relations(evidence, dog))
    for thing in things:
        assert not list(find_direction_relations(evidence, thing))
        assert not list(find_ordinals(evidence, thing))
        assert find_scene(picture, thing) is None
    assert find_scene(picture, dog) is not None


@pytest.mark.parametrize("category", ["dog", "car", "bench", "building", "bed", "fountain", "snowman"])
def test_things_are_no_stuff(category: str) -> None:
    assert not is_stuff(category)


def test_the_name_of_a_kind_is_no_name_of_a_thing() -> None:
    assert "ground" in find_groups("street")
    assert "ground" not in find_groups("fire hydrant")  # of the kind "street"
    kinds = {thing.kind for thing in read_things().values()} | set(read_word_table("groups")["kinds"])
    said = {entry for group in read_word_table("thing_groups").values() for entry in group}
    assert {entry.removeprefix("kind:") for entry in said if str(entry).startswith("kind:")} <= kinds
