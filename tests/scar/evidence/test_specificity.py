"""What is told of a rival is never denied of it; what is denied stays so the farther a rival moves away."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scar.evidence.contact import find_contacts, is_contact_denied
from scar.evidence.depth import is_other_depth
from scar.evidence.geometry import find_directions
from scar.evidence.landmarks import find_direction_relations
from scar.evidence.picture_evidence import PictureEvidence, name_thing
from scar.evidence.specificity import find_undenied, may_hold
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import DIRECTIONS, LEFT, NEAR
from tests.scar.evidence.drawings import Rectangle, draw, place, reverse, things

FEW = ("person", "dog", "chair", "cup", "dining table", "bus")


@settings(max_examples=60, deadline=None)
@given(things(FEW))
def test_a_contact_that_is_told_is_not_denied(some: list[tuple[str, Rectangle]]) -> None:
    picture = draw(*some)
    for region in picture.regions:
        for predicate, other, _ in find_contacts(picture).get(region.id, ()):
            assert not is_contact_denied(predicate, region, other)


@settings(max_examples=60, deadline=None)
@given(things(FEW))
def test_a_rival_of_which_a_relation_is_told_is_not_denied(some: list[tuple[str, Rectangle]]) -> None:
    picture = draw(*some)
    evidence = PictureEvidence(picture)
    told: dict[tuple[str, NounPhrase], set[int]] = {}
    for region in picture.regions:
        for predicate, other, _ in find_contacts(picture).get(region.id, ()):
            told.setdefault((predicate, name_thing(other.category)), set()).add(region.id)
        for predicate, near, _ in find_direction_relations(evidence, region):
            told.setdefault((predicate, near.phrase), set()).add(region.id)
    for region in picture.regions:
        rivals = {other.id for other in evidence.list_rivals(region)}
        for (predicate, landmark), numbers in told.items():
            if region.id in numbers and landmark.noun != evidence.things[region.category].name:
                assert numbers & rivals <= find_undenied(predicate, landmark, evidence, region) <= rivals


@settings(max_examples=60, deadline=None)
@given(things(FEW), st.sampled_from((*DIRECTIONS, NEAR, "next to", "on")), st.sampled_from(FEW))
def test_neither_the_order_of_regions_nor_of_questions_matters(
    some: list[tuple[str, Rectangle]], predicate: str, landmark: str
) -> None:
    picture, phrase = place(*some), name_thing(landmark)
    asked, turned = PictureEvidence(picture), PictureEvidence(reverse(picture))
    for region in reversed(picture.regions):
        find_undenied(LEFT, phrase, asked, region)
    for region in picture.regions:
        expected = find_undenied(predicate, phrase, PictureEvidence(picture), region)
        assert find_undenied(predicate, phrase, asked, region) == expected
        assert find_undenied(predicate, phrase, turned, region) == expected


@settings(max_examples=60, deadline=None)
@given(things(("dog", "chair")))
def test_a_thing_that_clearly_is_in_a_direction_from_a_landmark_may_be_there(some: list[tuple[str, Rectangle]]) -> None:
    evidence = PictureEvidence(place(*some))
    chairs = [region for region in evidence.picture.regions if region.category == "chair"]
    for region in evidence.picture.regions:
        for direction in DIRECTIONS:
            held = [direction in find_directions(region.box, chair.box) for chair in chairs if chair.id != region.id]
            assert may_hold(direction, name_thing("chair"), evidence, region) or not any(held)


@pytest.mark.parametrize("predicate", [NEAR, "next to", "on", "in front of", LEFT])
def test_a_rival_that_moves_away_is_denied_from_some_pixel_on(predicate: str) -> None:
    chair = ("chair", (20, 100, 80, 180))
    denied = []
    for x in range(40, 280):
        picture = place(chair, ("dog", (x, 120, x + 40, 182)))
        denied.append(not may_hold(predicate, name_thing("chair"), PictureEvidence(picture), picture.regions[1]))
    assert denied == sorted(denied)
    assert denied[-1]


def test_a_relation_without_a_landmark_in_the_picture_does_not_hold() -> None:
    evidence = PictureEvidence(place(("dog", (0, 0, 50, 50)), ("dog", (60, 0, 110, 50))))
    region = evidence.picture.regions[0]
    assert find_undenied("on", name_thing("bed"), evidence, region) == set()
    assert find_undenied("on the left of", None, evidence, region) <= {1}
    assert not may_hold("looking at", name_thing("bed"), evidence, region)
    assert may_hold("looking at", name_thing("dog"), evidence, region)  # boxes cannot deny it


def test_who_rides_a_horse_is_not_next_to_it() -> None:
    horse, rider, other = (
        ("horse", (100, 120, 220, 220)),
        ("person", (135, 60, 175, 170)),
        ("person", (222, 90, 262, 225)),
    )
    evidence = PictureEvidence(draw(horse, rider, other))
    _, on_horse, beside = evidence.picture.regions
    assert "riding" in [contact.predicate for contact in evidence.contacts[on_horse.id]]
    assert not may_hold("next to", name_thing("horse"), evidence, on_horse)
    assert may_hold("next to", name_thing("horse"), evidence, beside)


def test_a_thing_that_one_person_holds_is_held_by_no_other() -> None:
    evidence = PictureEvidence(
        draw(("person", (60, 40, 100, 200)), ("person", (108, 40, 150, 200)), ("cell phone", (92, 100, 110, 120)))
    )
    holder, other, phone = evidence.picture.regions
    assert "holding" in [contact.predicate for contact in evidence.contacts[holder.id]]
    assert not is_contact_denied("holding", other, phone)  # the phone touches both
    assert may_hold("holding", name_thing("cell phone"), evidence, holder)
    assert not may_hold("holding", name_thing("cell phone"), evidence, other)


def test_a_rival_at_another_distance_is_not_close() -> None:
    chair, far, near = ("chair", (100, 60, 200, 200)), ("dog", (205, 100, 210, 104)), ("dog", (210, 120, 280, 195))
    evidence = PictureEvidence(place(chair, far, near))
    _, small, large = evidence.picture.regions
    assert is_other_depth(small, evidence.picture.regions[0], evidence.picture)
    assert not is_contact_denied("next to", small, evidence.picture.regions[0])
    assert not may_hold("next to", name_thing("chair"), evidence, small)
    assert may_hold("next to", name_thing("chair"), evidence, large)
