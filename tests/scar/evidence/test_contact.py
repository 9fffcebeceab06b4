"""Masks that touch give the relation that the drawing shows, and none where it is open which."""

import numpy as np
import pytest

from scar.evidence.contact import find_contacts, is_contact_denied
from scar.evidence.contact_tests import CONTACT_TESTS
from scar.language.exclusion import find_preposition_class
from scar.language.word_tables import read_word_table
from scar.sample import Box, Mask, Picture, Region
from tests.scar.evidence.drawings import HEIGHT, WIDTH, Rectangle, draw, reverse


def told(picture: Picture) -> set[tuple[int, str, int]]:
    return {
        (number, predicate, other.id)
        for number, contacts in find_contacts(picture).items()
        for predicate, other, _ in contacts
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("dining table", (20, 120, 300, 220)), ("cup", (100, 80, 130, 140)), {(1, "on", 0), (0, "with", 1)}),
        (("bed", (20, 100, 300, 220)), ("cat", (100, 90, 180, 160)), {(1, "on", 0), (0, "with", 1)}),
        (("person", (100, 20, 160, 220)), ("cell phone", (140, 80, 165, 120)), {(1, "held by", 0), (0, "holding", 1)}),
        (("horse", (60, 100, 220, 230)), ("person", (110, 30, 160, 170)), {(1, "riding", 0), (0, "ridden by", 1)}),
        (("person", (100, 20, 160, 200)), ("skateboard", (90, 195, 180, 215)), {(0, "riding", 1), (1, "ridden by", 0)}),
        (("person", (100, 20, 180, 220)), ("tie", (130, 60, 145, 130)), {(1, "worn by", 0), (0, "wearing", 1)}),
        (("bowl", (100, 100, 200, 160)), ("orange", (120, 105, 170, 140)), {(1, "in", 0), (0, "with", 1)}),
        (("bus", (20, 40, 300, 190)), ("person", (120, 90, 160, 225)), {(1, "in front of", 0), (0, "behind", 1)}),
        (("person", (60, 60, 110, 200)), ("dog", (115, 130, 170, 202)), {(1, "next to", 0), (0, "next to", 1)}),
    ],
)
def test_a_drawing_shows_its_relation_in_both_directions(
    first: tuple[str, Rectangle], second: tuple[str, Rectangle], expected: set[tuple[int, str, int]]
) -> None:
    assert told(draw(first, second)) == expected


BOWL, OTHER_BOWL = ("bowl", (20, 80, 120, 160)), ("bowl", (124, 80, 224, 160))
TABLE, PERSON = ("dining table", (0, 120, 320, 240)), ("person", (60, 20, 151, 230))


@pytest.mark.parametrize(
    ("drawn", "relation", "elsewhere"),
    [
        # contact through occlusion
        ([("chair", (100, 100, 180, 220)), ("laptop", (110, 100, 170, 170))], (1, "on", 0), [(110, 60, 170, 108)]),
        ([TABLE, ("microwave", (90, 60, 170, 150))], (1, "on", 0), [(90, 30, 170, 121)]),
        ([("sink", (60, 120, 260, 220)), ("bottle", (90, 80, 110, 150))], (1, "on", 0), [(90, 60, 110, 121)]),
        ([PERSON, ("bottle", (90, 60, 110, 100))], (1, "held by", 0), [(149, 60, 170, 100), (40, 60, 64, 90)]),
        ([PERSON, ("frisbee", (140, 60, 170, 90))], (1, "held by", 0), [(150, 60, 180, 90)]),
        ([PERSON, ("skateboard", (50, 220, 160, 236))], (1, "ridden by", 0), [(80, 140, 110, 236)]),
        ([TABLE, PERSON, ("cell phone", (200, 150, 240, 170))], (2, "on", 0), [(145, 150, 200, 170)]),
        ([("bed", (0, 100, 320, 240)), PERSON, ("book", (200, 150, 240, 180))], (2, "on", 0), [(145, 150, 200, 180)]),
        # who may be on a thing, what is in another one, what is carried
        ([PERSON, ("bench", (155, 130, 290, 228))], (1, "next to", 0), [(140, 130, 290, 228)]),
        (
            [PERSON, ("bicycle", (155, 100, 230, 232)), ("cat", (155, 170, 190, 230))],
            (0, "next to", 2),
            [(80, 90, 150, 160)],
        ),
        (
            [BOWL, ("knife", (226, 100, 242, 160)), ("fork", (246, 100, 262, 160))],
            (2, "next to", 1),
            [(124, 100, 140, 160)],
        ),
        ([BOWL, OTHER_BOWL, ("orange", (226, 100, 286, 160))], (1, "next to", 2), [(126, 90, 200, 150)]),
        ([("couch", (20, 60, 220, 160)), ("dog", (225, 80, 300, 165))], (1, "next to", 0), [(60, 90, 200, 200)]),
        (
            [PERSON, ("cup", (85, 190, 120, 235))],
            (1, "in front of", 0),
            [(30, 200, 250, 228), (95, 220, 105, 235), (85, 190, 120, 240)],
        ),
        # other distances, the frame, stacks, a third thing, one thing twice
        ([("cup", (100, 100, 130, 170)), ("cup", (135, 105, 165, 172))], (1, "next to", 0), [(105, 28, 140, 98)]),
        (
            [("suitcase", (60, 60, 140, 130)), ("suitcase", (150, 60, 230, 130))],
            (1, "next to", 0),
            [(60, 130, 140, 200)],
        ),
        ([("person", (60, 40, 120, 200)), ("truck", (130, 20, 300, 210))], (1, "next to", 0), [(122, 150, 160, 200)]),
        ([("chair", (155, 150, 230, 230)), ("person", (60, 40, 150, 234))], (1, "next to", 0), [(60, 40, 150, 240)]),
        (
            [("book", (60, 60, 90, 160)), ("book", (98, 60, 128, 160)), ("book", (200, 60, 206, 160))],
            (0, "next to", 1),
            [(91, 60, 97, 160)],
        ),
        ([("oven", (100, 40, 200, 180)), ("oven", (150, 100, 230, 230))], (1, "in front of", 0), [(104, 70, 200, 196)]),
    ],
)
def test_what_a_drawing_leaves_open_is_not_told(
    drawn: list[tuple[str, Rectangle]], relation: tuple[int, str, int], elsewhere: list[Rectangle]
) -> None:
    """The last thing is drawn where the relation is clear, and then at places where it is false or open."""
    assert relation in told(draw(*drawn))
    subject, predicate, landmark = relation
    for box in elsewhere:
        found = told(draw(*drawn[:-1], (drawn[-1][0], box)))
        assert not {(subject, said, landmark) for said in (predicate, "in front of", "next to")} & found, box


@pytest.mark.parametrize("part", ["fork", "spoon", "carrot", "broccoli"])
def test_what_may_lie_on_a_plate_is_not_said_to_be_on_the_table_nor_next_to_a_bowl(part: str) -> None:
    table, bowl = ("dining table", (20, 100, 300, 230)), ("bowl", (120, 120, 180, 160))
    assert not any(2 in (number, other) for number, _, other in told(draw(table, bowl, (part, (190, 120, 220, 160)))))


def test_of_cars_side_by_side_none_is_in_front_but_a_person_may_be() -> None:
    far, near = (60, 60, 160, 140), (80, 90, 180, 180)
    assert (1, "in front of", 0) in told(draw(("truck", far), ("person", near)))
    assert not any(
        predicate in ("in front of", "behind") for _, predicate, _ in told(draw(("truck", far), ("car", near)))
    )


def test_a_table_has_its_chairs_and_is_found_by_none_of_them() -> None:
    table = ("dining table", (100, 120, 260, 220))
    left, right = ("chair", (60, 90, 120, 200)), ("chair", (240, 90, 300, 200))
    assert (0, "with", 1) in told(draw(table, left, right))
    assert (1, "at", 0) in told(draw(table, left))
    assert (0, "with", 1) not in told(draw(table, left))
    beside = told(draw(table, ("chair", (40, 120, 96, 225))))
    assert (1, "next to", 0) in beside
    assert (0, "next to", 1) not in beside


def test_on_a_table_that_fills_the_picture_food_may_lie_on_a_plate() -> None:
    table, all_around = ("dining table", (0, 100, 320, 240)), ("dining table", (0, 4, 320, 240))
    for thing in ("cake", "bowl"):
        assert (1, "on", 0) in told(draw(table, (thing, (100, 120, 160, 170))))
        assert not told(draw(all_around, (thing, (100, 120, 160, 170))))
    assert (1, "on", 0) in told(draw(all_around, ("book", (100, 120, 160, 170))))


def test_a_person_has_a_suitcase_but_may_not_carry_it() -> None:
    person = ("person", (100, 20, 180, 220))
    assert told(draw(person, ("suitcase", (150, 110, 200, 170)))) == {(0, "with", 1)}
    assert (1, "carried by", 0) in told(draw(person, ("handbag", (150, 110, 200, 170))))
    assert not told(draw(person, ("handbag", (110, 90, 200, 180))))


def test_a_person_has_food_but_may_not_hold_it() -> None:
    person, before = ("person", (100, 20, 180, 220)), (120, 90, 160, 120)
    assert told(draw(person, ("hot dog", before))) == {(0, "with", 1)}
    assert (1, "held by", 0) in told(draw(person, ("bottle", before)))


def test_what_touches_a_person_on_a_couch_may_be_on_the_lap() -> None:
    couch, person = ("couch", (0, 100, 320, 220)), ("person", (60, 60, 160, 210))
    assert (2, "on", 0) in told(draw(couch, person, ("laptop", (220, 140, 270, 180))))
    assert (2, "on", 0) not in told(draw(couch, person, ("laptop", (120, 140, 170, 180))))
    table = ("dining table", (0, 120, 320, 235))
    assert (2, "on", 0) in told(draw(table, ("person", (60, 20, 160, 150)), ("laptop", (120, 140, 190, 190))))


def test_who_stands_before_a_bench_does_not_sit_on_it() -> None:
    bench = ("bench", (40, 90, 280, 180))
    assert (1, "sitting on", 0) in told(draw(bench, ("person", (100, 60, 170, 170))))
    assert (1, "sitting on", 0) not in told(draw(bench, ("person", (120, 30, 170, 170))))


def test_things_apart_or_of_kinds_without_a_rule_have_no_relation() -> None:
    assert told(draw(("dining table", (20, 160, 120, 220)), ("cup", (250, 20, 270, 50)))) == set()
    assert told(draw(("kite", (100, 20, 160, 80)), ("clock", (110, 40, 130, 60)))) == set()


def test_what_two_persons_touch_alike_is_held_by_neither() -> None:
    left, right = ("person", (60, 20, 120, 220)), ("person", (150, 20, 210, 220))
    held = told(draw(left, right, ("umbrella", (110, 60, 160, 100))))
    assert not any(predicate in ("held by", "holding") for _, predicate, _ in held)


def test_a_glass_in_one_hand_before_another_person_is_held_by_neither() -> None:
    behind, glass = ("person", (60, 20, 160, 220)), ("wine glass", (120, 60, 140, 110))
    assert (1, "held by", 0) in told(draw(behind, glass))
    found = told(draw(behind, glass, ("person", (130, 70, 220, 220))))
    assert not any(predicate in ("held by", "holding") for _, predicate, _ in found)


def test_regions_without_masks_and_crowds_have_no_relation() -> None:
    table, cup = Region(0, Box(20, 120, 300, 220), "dining table"), Region(1, Box(100, 80, 130, 140), "cup")
    assert told(Picture(1, "a.jpg", WIDTH, HEIGHT, (table, cup))) == set()
    whole = Mask.from_array(np.ones((HEIGHT, WIDTH), bool))
    crowd = Region(0, Box(0, 0, WIDTH, HEIGHT), "dining table", whole, crowd=True)
    seen = draw(("dining table", (20, 120, 300, 220)), ("cup", (100, 80, 130, 140))).regions[1]
    assert told(Picture(2, "a.jpg", WIDTH, HEIGHT, (crowd, seen))) == set()


def test_contact_is_denied_only_where_masks_do_not_touch() -> None:
    table, cup, far = draw(
        ("dining table", (20, 120, 200, 220)), ("cup", (100, 80, 130, 140)), ("cup", (250, 20, 270, 50))
    ).regions
    assert is_contact_denied("on", far, table)
    assert not is_contact_denied("on", cup, table)
    assert is_contact_denied("next to", far, table)
    assert is_contact_denied("in front of", far, table)


def test_several_things_on_one_bearer_are_told_as_several() -> None:
    table, bowl = ("dining table", (20, 120, 300, 220)), ("bowl", (40, 90, 80, 140))
    one = draw(table, bowl, ("cup", (100, 90, 130, 140)))
    two = draw(table, bowl, ("cup", (100, 90, 130, 140)), ("cup", (180, 90, 210, 140)))
    tiny = draw(table, bowl, ("cup", (100, 90, 130, 140)), ("cup", (180, 130, 186, 140)))

    def describe(picture: Picture) -> set[tuple[str, bool]]:
        said = find_contacts(picture)[0]
        return {(contact.landmark.category, contact.several) for contact in said if contact.predicate == "with"}

    assert describe(one) == {("bowl", False), ("cup", False)}
    assert describe(two) == {("bowl", False), ("cup", True)}
    assert describe(tiny) == {("bowl", False), ("cup", False)}


STUFF = [
    (("road", (0, 140, 320, 240)), ("car", (100, 110, 180, 170)), {(1, "on", 0), (0, "with", 1)}),
    (("grass", (0, 100, 320, 240)), ("cow", (100, 90, 180, 170)), {(1, "on", 0), (0, "with", 1)}),
    (("water", (0, 100, 320, 240)), ("boat", (100, 90, 180, 140)), {(1, "on", 0), (0, "with", 1)}),
    (("wall", (0, 0, 320, 200)), ("painting", (100, 40, 160, 90)), {(1, "on", 0), (0, "with", 1)}),
    (("sky", (0, 0, 320, 150)), ("kite", (100, 40, 130, 70)), {(1, "in", 0), (0, "with", 1)}),
    (("desk", (20, 120, 300, 220)), ("lamp", (100, 60, 130, 140)), {(1, "on", 0), (0, "with", 1)}),
    (("person", (100, 20, 180, 220)), ("sun hat", (120, 22, 160, 50)), {(1, "worn by", 0), (0, "wearing", 1)}),
    (("truck", (40, 60, 300, 200)), ("dog", (120, 50, 150, 90)), {(1, "on", 0), (0, "with", 1)}),
    (("building", (20, 20, 300, 180)), ("person", (120, 110, 150, 225)), {(1, "in front of", 0), (0, "behind", 1)}),
]


@pytest.mark.parametrize(("first", "second", "expected"), STUFF)
def test_grounds_walls_and_names_of_other_sources(
    first: tuple[str, Rectangle], second: tuple[str, Rectangle], expected: set[tuple[int, str, int]]
) -> None:
    assert told(draw(first, second)) == expected


def test_a_dog_before_a_truck_is_not_on_it() -> None:
    assert not any(
        predicate == "on"
        for _, predicate, _ in told(draw(("truck", (40, 60, 300, 200)), ("dog", (120, 150, 170, 215))))
    )


def test_persons_and_seats_are_at_the_table_that_they_overlap() -> None:
    at = told(draw(("person", (120, 40, 170, 160)), ("dining table", (40, 120, 280, 220))))
    assert (0, "at", 1) in at
    far = told(draw(("person", (10, 10, 40, 100)), ("dining table", (140, 120, 280, 220))))
    assert not any(predicate == "at" for _, predicate, _ in far)


def test_every_rule_names_a_test_and_two_groups_and_says_why() -> None:
    rules = read_word_table("contacts")["rule"]
    for rule in rules:
        assert rule["test"] in CONTACT_TESTS
        assert {rule["subject"], rule["landmark"]} <= read_word_table("thing_groups").keys()
        assert rule["why"]
        for predicate in filter(None, (rule["predicate"], rule["inverse"])):
            assert find_preposition_class(predicate), predicate
    assert {rule["test"] for rule in rules} == CONTACT_TESTS.keys()


@pytest.mark.parametrize(
    "predicate", ["looking at", "playing with", "watching", "throwing", "flying", "near", "walking with"]
)
def test_what_needs_no_contact_is_not_denied_by_a_gap(predicate: str) -> None:
    dog, cat = draw(("dog", (20, 120, 90, 200)), ("cat", (130, 120, 190, 200))).regions
    assert not is_contact_denied(predicate, dog, cat)


def test_a_plate_between_a_thing_and_its_table_denies_nothing() -> None:
    table, _, cup = draw(
        ("dining table", (20, 120, 300, 220)), ("plate", (90, 130, 160, 160)), ("cup", (110, 100, 140, 150))
    ).regions
    assert not is_contact_denied("on", cup, table)
    assert not is_contact_denied("with", table, cup)


def test_equal_regions_of_two_sources_keep_their_own_masks() -> None:
    drawn = draw(("dining table", (20, 120, 300, 220)), ("cup", (100, 80, 130, 140)))

    def with_masks(*masks: Mask) -> Picture:
        regions = tuple(
            Region(old.id, old.box, old.category, make_mask=lambda mask=mask: mask)
            for old, mask in zip(drawn.regions, masks, strict=True)
        )
        return Picture(1, "a.jpg", WIDTH, HEIGHT, regions)

    table, cup = (region.mask for region in drawn.regions)
    assert table is not None
    assert cup is not None
    nothing = Mask.from_array(np.zeros((HEIGHT, WIDTH), bool))
    assert told(with_masks(table, cup)) == told(drawn) != set()
    assert told(with_masks(table, nothing)) == set()


def test_the_order_of_regions_does_not_matter_and_a_picture_of_many_regions_has_no_relation() -> None:
    some = [("dining table", (20, 120, 300, 220)), ("cup", (100, 80, 130, 140)), ("person", (130, 20, 200, 160))]
    assert told(draw(*some)) == told(reverse(draw(*some)))
    many = [("cup", (x, y, x + 8, y + 8)) for x in range(0, 310, 12) for y in range(0, 100, 12)][:200]
    assert told(draw(("dining table", (20, 120, 300, 220)), *many)) == set()
