"""Rivals are the things that a name may mean; several things have a plural."""

from hypothesis import given, settings

from scar.evidence.picture_evidence import PictureEvidence, name_several, name_thing
from scar.language.lexicon import is_related
from tests.scar.evidence.drawings import Rectangle, place, reverse, things

KINDS = ("person", "man", "dog", "puppy", "tv", "television", "chair")


@settings(max_examples=60, deadline=None)
@given(things(KINDS))
def test_rivals_are_the_other_things_of_the_name_that_are_large_enough(some: list[tuple[str, Rectangle]]) -> None:
    picture = place(*some)
    evidence, turned = PictureEvidence(picture), PictureEvidence(reverse(picture))
    for region in picture.regions:
        name = evidence.things[region.category].name
        expected = {
            other.id
            for other in picture.regions
            if other.id != region.id
            and is_related(evidence.things[other.category].name, name)
            and other.box.area >= 0.05 * region.box.area
        }
        assert {other.id for other in evidence.list_rivals(region)} == expected
        assert {other.id for other in turned.list_rivals(region)} == expected
        assert set(evidence.find_meant_regions(name)) == {*evidence.find_meant_regions(name)}


def test_two_categories_of_one_thing_share_a_name() -> None:
    evidence = PictureEvidence(place(("tv", (0, 0, 50, 50)), ("television", (60, 0, 110, 50))))
    assert {name: len(regions) for name, regions in evidence.regions_by_name.items()} == {"tv": 2}


def test_one_thing_and_several() -> None:
    assert [name_thing(name).text for name in ("cup", "orange", "tv", "skis")] == [
        "a cup",
        "an orange",
        "a television",
        "a pair of skis",
    ]
    assert [name_several(name).text for name in ("cup", "wine glass", "knife", "person", "sheep", "skis")] == [
        "cups",
        "wine glasses",
        "knives",
        "people",
        "sheep",
        "skis",
    ]
    assert name_several("cup").plural
    assert name_several("cup").noun == "cup"
