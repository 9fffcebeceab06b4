"""What masks say of depth, against the order in which things were painted over each other."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scar.evidence.occlusion import find_depth_relations, is_in_front
from scar.generators.rules.true_caption import write_gold
from scar.generators.rules.vetoes import VetoContext, find_veto_reason
from scar.sample import Box, Caption, Mask, Negative, Picture, Region

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


def scene(*categories: str) -> Picture:
    regions = painted([Box(10, 20, 110, 70), Box(50, 30, 70, 80)], list(categories))
    return Picture(1, "a.jpg", WIDTH, HEIGHT, tuple(regions), scene="street")


def test_captions_tell_it_and_its_contrary_is_false() -> None:
    shown = scene("bus", "dog")
    bus, dog = shown.regions
    assert find_depth_relations(shown, dog) == (("in front of", bus),)
    assert find_depth_relations(shown, bus) == (("behind", dog),)
    told = {gold.text for seed in range(40) if (gold := write_gold(shown, dog, Random(seed)))}
    assert "a dog in front of a bus on a street" in told
    gold = Caption("a dog", "in front of a bus on", "a street")
    behind, other = gold.swap("relation", "behind a bus on"), gold.swap("relation", "in front of a bus in")
    known = VetoContext.from_gold(gold, shown, dog)
    assert find_veto_reason(Negative("relation", behind), known) is None
    assert find_veto_reason(Negative("relation", other), known) == "holds_by_annotation"


def test_without_masks_and_beside_each_other_nothing_is_told() -> None:
    box = Box(50, 30, 70, 80)
    plain = Picture(1, "a.jpg", WIDTH, HEIGHT, (Region(1, Box(10, 20, 110, 70), "bus"), Region(2, box, "dog")))
    assert find_depth_relations(plain, plain.regions[1]) == ()
    apart = painted([Box(10, 20, 40, 70), Box(50, 30, 70, 80)], ["bus", "dog"])
    assert not is_in_front(apart[1], apart[0])


def test_what_lies_on_a_thing_is_not_in_front_of_it() -> None:
    shown = scene("dining table", "cup")
    assert is_in_front(shown.regions[1], shown.regions[0]), "masks alone would say so"
    assert find_depth_relations(shown, shown.regions[1]) == ()
    told = {gold.relation for seed in range(40) if (gold := write_gold(shown, shown.regions[1], Random(seed)))}
    assert not any(relation.startswith("in front of") for relation in told)
