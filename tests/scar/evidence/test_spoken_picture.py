"""A picture in a user's words: what captions say changes, ids and boxes stay, and what names no thing is gone."""

import pytest

from scar.evidence.spoken_picture import names_thing, speak_picture
from scar.language.user_words import NO_WORDS, Words
from scar.sample import Box, Picture, Region

BOX = Box(0, 0, 10, 10)
REGIONS = (Region(1, BOX, "dog"), Region(2, BOX, "background"), Region(3, BOX, "veh_03"))


def picture(scene: str | None = None) -> Picture:
    return Picture(1, "x.png", 100, 100, REGIONS, scene=scene)


def test_a_picture_of_things_alone_is_itself() -> None:
    plain = Picture(1, "x.png", 100, 100, (REGIONS[0], REGIONS[2]), scene="kitchen")
    assert speak_picture(plain, NO_WORDS) is plain


def test_what_names_no_thing_is_left_out() -> None:
    spoken = speak_picture(picture(), NO_WORDS)
    assert [region.id for region in spoken.regions] == [1, 3]
    assert [names_thing(region, NO_WORDS) for region in REGIONS] == [True, False, True]


def test_a_users_words_replace_categories_and_the_scene() -> None:
    words = Words(
        names=(("VEH-03", "delivery van"), ("background", "a backdrop")), scenes=(("club_vip", "night club"),)
    )
    spoken = speak_picture(picture("Club VIP"), words)
    assert [region.category for region in spoken.regions] == ["dog", "a backdrop", "a delivery van"]
    assert spoken.scene == "in a night club"
    assert [region.box for region in spoken.regions] == [BOX] * 3


@pytest.mark.parametrize(
    ("name", "other", "box", "expected"),
    [
        ("tv", "keyboard", Box(10, 72, 60, 80), "a computer monitor"),
        ("television", "mouse", Box(60, 70, 70, 80), "a computer monitor"),
        ("tv", "keyboard", Box(10, 90, 60, 98), "tv"),
        ("tv", "remote", Box(10, 72, 60, 80), "tv"),
        ("dining table", "sink", Box(20, 30, 50, 50), "a counter"),
        ("dining table", "sink", Box(50, 30, 80, 50), "dining table"),
    ],
)
def test_what_is_by_a_thing_says_its_word(name: str, other: str, box: Box, expected: str) -> None:
    regions = (Region(1, Box(10, 20, 60, 60), name), Region(2, box, other))
    spoken = speak_picture(Picture(1, "x.png", 100, 100, regions), NO_WORDS)
    assert [region.category for region in spoken.regions] == [expected if expected != "tv" else name, other]
    users = Words(names=((name, "a telly"),))
    assert speak_picture(Picture(1, "x.png", 100, 100, regions), users).regions[0].category == "a telly"
