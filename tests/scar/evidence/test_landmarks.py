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
    assert (0, ABOVE, "a couch") in told(place(("clock", high), ("couch", low)))
    assert (1, BELOW, "a clock") in told(place(("clock", high), ("couch", low)))
    for upper, lower in (("sheep", "bench"), ("traffic light", "car")):
        picture = place((upper, high), (lower, low))
        assert not any(predicate in (ABOVE, BELOW) for _, predicate, _ in told(picture)), upper


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
    dog, chair = ("dog", (20, 100, 80, 160)), ("chair", (90, 110, 130, 150))
    assert (0, LEFT, "a chair") in told(place(dog, chair))
    assert (0, LEFT, "a chair") not in told(place(dog, chair, ("dog", (250, 10, 310, 70))))


def test_a_direction_from_things_on_both_sides_is_not_told() -> None:
    between = place(("bench", (130, 100, 190, 160)), ("sheep", (40, 100, 100, 160)), ("sheep", (220, 100, 280, 160)))
    assert not any(number == 0 for number, _, _ in told(between))


def test_what_may_rest_on_a_thing_is_in_no_direction_from_it() -> None:
    beside, landmark = (4, 100, 46, 140), (44, 100, 150, 160)
    for thing, bearer in (("cup", "dining table"), ("teddy bear", "bed"), ("potted plant", "dining table")):
        assert not any(n == 0 for n, _, _ in told(place((thing, beside), (bearer, landmark)))), thing
    assert (0, LEFT, "a bed") in told(place(("teddy bear", beside), ("bed", (60, 100, 150, 160))))
    assert (0, LEFT, "a table") in told(place(("chair", beside), ("dining table", landmark)))


def test_small_things_are_near_what_is_close_to_them_but_no_cutlery_and_no_large_things() -> None:
    bowl, below = (60, 60, 120, 100), (80, 110, 130, 160)
    assert (1, NEAR, "a book") in told(place(("book", bowl), ("cup", below)))
    assert (1, NEAR, "a book") not in told(place(("book", bowl), ("cup", (80, 150, 130, 200))))
    assert (1, NEAR, "a book") not in told(place(("book", bowl), ("cup", (80, 110, 95, 130))))
    for first, second in (("book", "fork"), ("book", "carrot"), ("chair", "oven"), ("person", "dog")):
        picture = place((first, bowl), (second, below))
        assert not any(predicate == NEAR for _, predicate, _ in told(picture)), (first, second)


def test_nothing_is_told_by_what_a_person_holds() -> None:
    person, bird = ("person", (60, 40, 120, 200)), ("bird", (124, 100, 150, 130))
    held = draw(("laptop", (170, 90, 230, 130)), person, ("handbag", (100, 100, 140, 140)), bird)
    assert not any(landmark == "a handbag" for _, _, landmark in told(held))


def test_a_strip_at_the_frame_is_no_landmark_and_is_told_by_none() -> None:
    dog, strip = ("dog", (200, 100, 270, 180)), ("refrigerator", (302, 20, 320, 200))
    assert (0, LEFT, "a refrigerator") in told(place(dog, ("refrigerator", (280, 20, 320, 200))))
    assert not told(place(dog, strip))


def test_the_other_one_of_two_is_seen_at_once_and_is_no_part_of_the_same_thing() -> None:
    oven, apart, joint = ("oven", (60, 60, 100, 140)), ("oven", (120, 60, 160, 140)), ("oven", (101, 60, 140, 140))
    assert (0, LEFT, "another one") in told(place(oven, apart))
    assert not told(place(oven, joint))
    assert (0, LEFT, "another one") in told(place(("cup", oven[1]), ("cup", joint[1])))
    assert not any(n == 0 for n, _, _ in told(place(("chair", oven[1]), ("chair", (120, 100, 140, 130)))))
