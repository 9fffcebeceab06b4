"""Evidence of masks, against the order in which things were painted over each other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scar.evidence.occlusion import find_depth_relations, is_in_front
from scar.sample import Box, Mask, Picture, Region

WIDTH, HEIGHT = 120, 90


def painted(boxes: list[Box], categories: list[str]) -> list[Region]:
    """Rectangles, each over those before it; the mask of one is what can still be seen of it."""
    canvas = np.full((HEIGHT, WIDTH), -1)
    for number, box in enumerate(boxes):
        canvas[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = number
    regions = []
    for number, category in enumerate(categories):
        rows, columns = np.nonzero(canvas == number)
        if len(rows):
            seen = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            regions.append(Region(number, seen, category, Mask.from_array(canvas == number)))
    return regions


@st.composite
def rectangles(draw: st.DrawFn) -> Box:
    x, y = draw(st.integers(0, WIDTH - 8)), draw(st.integers(0, HEIGHT - 8))
    return Box(x, y, x + draw(st.integers(4, WIDTH - x)), y + draw(st.integers(4, HEIGHT - y)))


@given(st.lists(rectangles(), min_size=2, max_size=4))
def test_what_is_said_to_be_in_front_was_painted_later(boxes: list[Box]) -> None:
    regions = painted(boxes, ["dog"] * len(boxes))
    for near in regions:
        for far in regions:
            if near is not far and is_in_front(near, far):
                assert near.id > far.id
                assert not is_in_front(far, near)


def make_picture(*categories: str) -> Picture:
    regions = painted([Box(10, 20, 110, 70), Box(50, 30, 70, 80)], list(categories))
    return Picture(1, "a.jpg", WIDTH, HEIGHT, tuple(regions), scene="street")


def test_masks_show_depth_in_both_directions() -> None:
    picture = make_picture("bus", "dog")
    bus, dog = picture.regions
    assert find_depth_relations(picture, dog) == (("in front of", bus),)
    assert find_depth_relations(picture, bus) == (("behind", dog),)


def test_without_masks_and_beside_each_other_nothing_is_told() -> None:
    box = Box(50, 30, 70, 80)
    unmasked = Picture(1, "a.jpg", WIDTH, HEIGHT, (Region(1, Box(10, 20, 110, 70), "bus"), Region(2, box, "dog")))
    assert find_depth_relations(unmasked, unmasked.regions[1]) == ()
    apart = painted([Box(10, 20, 40, 70), Box(50, 30, 70, 80)], ["bus", "dog"])
    assert not is_in_front(apart[1], apart[0])


def test_what_lies_on_a_thing_is_not_in_front_of_it() -> None:
    picture = make_picture("dining table", "cup")
    assert is_in_front(picture.regions[1], picture.regions[0]), "masks alone would say so"
    assert find_depth_relations(picture, picture.regions[1]) == ()
