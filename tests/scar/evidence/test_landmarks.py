"""Directions hold by the centres of all things that the landmark may mean, whatever the order of the regions."""

from hypothesis import given, settings

from scar.evidence.landmarks import find_direction_relations
from scar.evidence.picture_evidence import PictureEvidence
from scar.language.relation_phrase import ABOVE, BELOW, LEFT, NEAR, RIGHT
from scar.sample import Box, Picture
from tests.scar.evidence.drawings import Rectangle, draw, mirror, place, reverse, things

Told = set[tuple[int, str, str]]


def told(picture: Picture) -> Told:
    """Region, predicate and landmark of each relation."""
    evidence = PictureEvidence(picture)
    return {
        (region.id, predicate, landmark.phrase.text)
        for region in picture.regions
        for predicate, landmark, _ in find_direction_relations(evidence, region)
    }


def gap(a: Box, b: Box) -> float:
    """Distance of the nearest points of two boxes."""
    x = max(b.x0 - a.x1, a.x0 - b.x1, 0)
    y = max(b.y0 - a.y1, a.y0 - b.y1, 0)
    return float((x * x + y * y) ** 0.5)


@settings(max_examples=60, deadline=None)
@given(things())
def test_a_direction_holds_for_the_centres_of_all_things_that_are_meant(some: list[tuple[str, Rectangle]]) -> None:
    evidence = PictureEvidence(place(*some))
    for region in evidence.picture.regions:
        x, y = region.box.center
        for predicate, landmark, closeness in find_direction_relations(evidence, region):
            assert 0 < closeness <= 1
            assert landmark.boxes
            offsets = {
                LEFT: [box.center[0] - x for box in landmark.boxes],
                RIGHT: [x - box.center[0] for box in landmark.boxes],
                ABOVE: [box.center[1] - y for box in landmark.boxes],
                BELOW: [y - box.center[1] for box in landmark.boxes],
            }
            if predicate == NEAR:
                sides = [min(box.area, region.box.area) ** 0.5 for box in landmark.boxes]
                assert any(gap(region.box, box) <= side for box, side in zip(landmark.boxes, sides, strict=True))
            else:
                assert min(offsets[predicate]) > 0


@settings(max_examples=60, deadline=None)
@given(things())
def test_a_mirror_swaps_left_and_right_and_nothing_else(some: list[tuple[str, Rectangle]]) -> None:
    swapped = {LEFT: RIGHT, RIGHT: LEFT}
    seen = {(number, swapped.get(predicate, predicate), phrase) for number, predicate, phrase in told(place(*some))}
    assert told(place(*mirror(some))) == seen


@settings(max_examples=60, deadline=None)
@given(things())
def test_the_order_of_regions_does_not_matter(some: list[tuple[str, Rectangle]]) -> None:
    assert told(place(*some)) == told(reverse(place(*some)))


def test_above_and_below_are_told_of_what_hangs_or_flies_only() -> None:
    high, low = (100, 20, 140, 70), (95, 80, 150, 135)
    assert (0, ABOVE, "a car") in told(place(("traffic light", high), ("car", low)))
    assert (1, BELOW, "a traffic light") in told(place(("traffic light", high), ("car", low)))
    assert not any(predicate in (ABOVE, BELOW) for _, predicate, _ in told(place(("sheep", high), ("bench", low))))


def test_a_landmark_is_large_enough_no_crowd_and_no_fork() -> None:
    dog, beside = ("dog", (20, 100, 80, 160)), (90, 100, 150, 160)
    assert (0, LEFT, "a chair") in told(place(dog, ("chair", beside)))
    for picture in (
        place(dog, ("chair", (90, 100, 105, 120))),
        place(dog, ("chair", beside), crowds=(1,)),
        place(dog, ("fork", beside)),
    ):
        assert not any(number == 0 for number, _, _ in told(picture))


def test_a_thing_without_rivals_is_located_by_a_smaller_landmark() -> None:
    dog, chair = ("dog", (20, 100, 80, 160)), ("chair", (90, 110, 120, 140))
    assert (0, LEFT, "a chair") in told(place(dog, chair))
    assert (0, LEFT, "a chair") not in told(place(dog, chair, ("dog", (250, 10, 310, 70))))


def test_a_direction_from_things_on_both_sides_is_not_told() -> None:
    between = place(("bench", (130, 100, 190, 160)), ("sheep", (40, 100, 100, 160)), ("sheep", (220, 100, 280, 160)))
    assert {predicate for number, predicate, _ in told(between) if number == 0} == {NEAR}


def test_what_may_rest_on_a_thing_is_not_said_to_be_near_it() -> None:
    beside = (20, 100, 46, 140)
    assert (0, NEAR, "a chair") in told(place(("bird", beside), ("chair", (50, 100, 150, 160))))
    assert not any(n == 0 for n, _, _ in told(place(("cup", beside), ("dining table", (50, 100, 150, 160)))))


def test_nothing_is_near_what_is_far_behind_it_nor_near_what_a_person_holds() -> None:
    person, bird = ("person", (60, 40, 120, 200)), ("bird", (124, 100, 150, 130))
    assert (1, NEAR, "a person") in told(place(person, ("dog", (130, 120, 190, 205))))
    assert not told(place(person, ("truck", (122, 150, 160, 180))))
    held = draw(("laptop", (170, 90, 230, 130)), person, ("handbag", (100, 100, 140, 140)), bird)
    assert not any(p == NEAR and 2 in (n, "a handbag") for n, p, _ in told(held))
    assert not any(landmark == "a handbag" for _, _, landmark in told(held))


def test_what_stands_far_above_in_the_picture_is_farther_away_and_not_near() -> None:
    chair = ("chair", (100, 120, 160, 200))
    assert (1, NEAR, "a chair") in told(place(chair, ("oven", (165, 110, 230, 180))))
    assert not any(p == NEAR for _, p, _ in told(place(chair, ("oven", (165, 70, 230, 140)))))


def test_a_table_is_not_found_by_a_person_who_is_near() -> None:
    table = ("dining table", (130, 120, 250, 205))
    assert not any(n == 1 and p == NEAR for n, p, _ in told(place(("person", (60, 40, 120, 200)), table)))
