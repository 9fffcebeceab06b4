"""Each veto alone: what it refuses, and what it lets pass."""

import numpy as np
import pytest

from scar.generators.rules import vetoes
from scar.generators.rules.vetoes import VETOES, VetoContext, find_veto_reason
from scar.sample import Box, Caption, Mask, Negative, Part, Picture, Region, Relation

GOLD = Caption("a dog", "to the left of a person on", "a beach")
LEFT, RIGHT, TOP = Box(20, 200, 120, 300), Box(500, 200, 600, 300), Box(280, 10, 360, 100)
DOG, PERSON, KITE = Region(1, LEFT, "dog"), Region(2, RIGHT, "person"), Region(3, TOP, "kite")


def make_context(
    *regions: Region,
    gold: Caption = GOLD,
    captions: tuple[str, ...] = (),
    relations: tuple[Relation, ...] = (),
    accepted: tuple[Negative, ...] = (),
    scene: str | None = None,
) -> VetoContext:
    picture = Picture(1, "a.jpg", 640, 480, regions or (DOG, PERSON, KITE), captions, relations, scene)
    known = VetoContext.from_gold(gold, picture, picture.regions[0])
    known.taken_texts.update(negative.caption.text.lower() for negative in accepted)
    return known


def swapped(part: Part, value: str, gold: Caption = GOLD) -> Negative:
    return Negative(part, gold.swap(part, value))


def test_duplicate() -> None:
    same, other = swapped("object", "a Dog"), swapped("object", "a boat")
    assert vetoes.duplicate(same, make_context()) == "duplicate"
    assert vetoes.duplicate(other, make_context()) is None
    assert vetoes.duplicate(other, make_context(accepted=(other,))) == "duplicate"


def test_not_one_element() -> None:
    two = Negative("object", Caption("a cat", "to the left of a person on", "a field"))
    assert vetoes.not_one_element(two, make_context()) == "not_one_element"
    assert vetoes.not_one_element(swapped("object", ""), make_context()) == "not_one_element"
    assert vetoes.not_one_element(swapped("object", "a dog"), make_context()) == "not_one_element"
    assert vetoes.not_one_element(Negative("scene", swapped("object", "a cat").caption), make_context())
    assert vetoes.not_one_element(swapped("object", "a cat"), make_context()) is None


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("object", "a person", "echo"),
        ("object", "a beach", "echo"),
        ("scene", "a person", "echo"),
        ("relation", "to the left of a beach on", "echo"),
        ("object", "a kite", None),
    ],
)
def test_echo(part: Part, value: str, reason: str | None) -> None:
    assert vetoes.echo(swapped(part, value), make_context()) == reason


@pytest.mark.parametrize(
    ("part", "value", "related"),
    [
        ("object", "a puppy", True),
        ("object", "an animal", True),
        ("object", "a hot dog", True),
        ("object", "a cat", False),
        ("scene", "a shore", False),
        ("scene", "a beach", True),
        ("scene", "a kitchen", False),
        ("relation", "to the right of a person on", False),
    ],
)
def test_wordnet_related(part: Part, value: str, related: bool) -> None:
    assert vetoes.wordnet_related(swapped(part, value), make_context()) == ("wordnet_related" if related else None)


def test_lookalike() -> None:
    car = Region(1, LEFT, "car")
    gold = Caption("a car", "on the left of a picture of", "a street")
    assert vetoes.lookalike(swapped("object", "a truck", gold), make_context(car, gold=gold)) == "lookalike"
    assert vetoes.lookalike(swapped("object", "a red bus", gold), make_context(car, gold=gold)) == "lookalike"
    assert vetoes.lookalike(swapped("object", "a dog", gold), make_context(car, gold=gold)) is None
    taxi = Caption("a taxi", "on the left of a picture of", "a street")
    assert vetoes.lookalike(swapped("object", "a truck", taxi), make_context(car, gold=taxi)) == "lookalike"


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (RIGHT, None),
        (Box(100, 200, 300, 300), "present_in_box"),
        (Box(50, 220, 60, 230), "present_in_box"),
        (Box(0, 0, 640, 480), "present_in_box"),
        (Box(119, 200, 320, 300), None),
    ],
    ids=["elsewhere", "reaches in", "inside", "around", "touches"],
)
def test_present_in_box(box: Box, reason: str | None) -> None:
    around = make_context(DOG, Region(2, box, "person"))
    assert vetoes.present_in_box(swapped("object", "a person"), around) == reason
    assert vetoes.present_in_box(swapped("object", "a man"), around) == reason, "a man is a person"
    assert vetoes.present_in_box(swapped("object", "a boat"), around) is None


@pytest.mark.parametrize(
    ("part", "value", "caption", "reason"),
    [
        ("object", "a horse", "Horses on a beach.", "fits_captions"),
        ("object", "a brown horse", "Horses on a beach.", "fits_captions"),
        ("object", "a kite", "A kite on a beach.", None),  # annotated, so the word is for that one
        ("object", "a sheep", "Horses on a beach.", None),
        ("scene", "a street", "A dog by a street light.", "fits_captions"),
        ("scene", "a kitchen", "A dog on a beach.", None),
    ],
)
def test_fits_captions(part: Part, value: str, caption: str, reason: str | None) -> None:
    assert vetoes.fits_captions(swapped(part, value), make_context(captions=(caption,))) == reason


@pytest.mark.parametrize(
    ("relation", "reason"),
    [
        ("carrying a snowboard on", None),
        ("washing a snowboard on", "fits_captions"),
        ("riding a horse on", None),
        ("riding a bicycle on", "fits_captions"),
        ("riding a motorcycle on", "fits_captions"),
    ],
)
def test_deeds_of_the_captions_are_refused(relation: str, reason: str | None) -> None:
    gold = Caption("a man", "riding a snowboard on", "a ski slope")
    context = make_context(
        Region(1, LEFT, "person"),
        Region(2, TOP, "snowboard"),
        Region(3, RIGHT, "motorcycle"),
        gold=gold,
        captions=("A man riding a snowboard.", "Somebody washes a bike."),
    )
    assert vetoes.fits_captions(swapped("relation", relation, gold), context) == reason


@pytest.mark.parametrize(
    ("scene", "captions", "label", "reason"),
    [
        ("a kitchen", (), None, None),
        ("the ocean", (), None, "fits_place"),
        ("a kitchen", ("A dog in a dining room.",), None, "fits_place"),
        ("a kitchen", (), "dining room", "fits_place"),
        ("a xyzzy", (), None, "fits_place"),
    ],
)
def test_fits_place(scene: str, captions: tuple[str, ...], label: str | None, reason: str | None) -> None:
    assert vetoes.fits_place(swapped("scene", scene), make_context(captions=captions, scene=label)) == reason


@pytest.mark.parametrize(
    ("true", "false", "reason"),
    [
        ("holding a kite on", "carrying a kite on", "same_deed"),
        ("riding a horse on", "carrying a horse on", None),
        ("riding a bicycle on", "riding a motorcycle on", "same_deed"),
        ("riding a bicycle on", "riding a horse on", None),
        ("sitting on a bench on", "sitting under a bench on", None),
        ("sitting next to a bench on", "sitting behind a bench on", "same_deed"),
        ("standing on", "walking on", "same_deed"),
        ("standing on", "lying on", None),
        ("standing on", "on the left of a picture of", None),
    ],
)
def test_same_deed(true: str, false: str, reason: str | None) -> None:
    gold = Caption("a man", true, "a beach")
    assert vetoes.same_deed(swapped("relation", false, gold), make_context(gold=gold)) == reason


def test_holds_by_annotation() -> None:
    known = make_context(relations=(Relation(1, "in front of", 2), Relation(1, "left of", 2)))

    def reason(relation: str) -> str | None:
        return vetoes.holds_by_annotation(swapped("relation", relation), known)

    assert reason("in front of a person on") == "holds_by_annotation"
    assert reason("to the left of a person on") == "holds_by_annotation"
    assert reason("behind a person on") is None, "the source says the contrary"
    assert reason("behind a kite on") == "holds_by_annotation", "boxes do not tell depth"
    assert reason("to the right of a person on") is None


@pytest.mark.parametrize(
    ("relation", "reason"),
    [
        ("to the right of a person on", None),
        ("to the left of a person on", "holds_by_geometry"),
        ("to the right of a kite on", None),
        ("below a kite on", "holds_by_geometry"),
        ("on the right of a picture of", None),
        ("on the left of a picture of", "holds_by_geometry"),
        ("on a person on", None),
    ],
)
def test_holds_by_geometry(relation: str, reason: str | None) -> None:
    assert vetoes.holds_by_geometry(swapped("relation", relation), make_context()) == reason


def test_a_relation_must_be_false_for_every_thing_it_may_mean() -> None:
    between = make_context(Region(1, Box(280, 200, 360, 300), "dog"), PERSON, Region(4, LEFT, "person"))
    assert vetoes.holds_by_geometry(swapped("relation", "to the right of a person on"), between)


def test_what_overlaps_may_lie_on_it() -> None:
    over = make_context(DOG, Region(2, Box(60, 200, 300, 400), "couch"))
    assert vetoes.holds_by_geometry(swapped("relation", "on a couch on"), over) == "holds_by_geometry"


def test_every_reason_is_the_name_of_its_veto() -> None:
    every = {each for vetoes in VETOES.values() for each in vetoes}
    assert len({each.__name__ for each in every}) == len(every)
    assert find_veto_reason(swapped("object", "a puppy"), make_context()) == "wordnet_related"
    assert find_veto_reason(swapped("object", "a boat"), make_context()) is None


@pytest.mark.parametrize(
    ("relation", "reason"),
    [
        ("riding a horse on", "holds_by_annotation"),
        ("riding an elephant on", None),
        ("carrying a kite on", "holds_by_annotation"),
        ("holding a kite on", "holds_by_annotation"),
        ("on a horse on", "holds_by_annotation"),
        ("on a bench on", None),
        ("washing a horse on", None),
    ],
)
def test_annotated_deeds_are_refused(relation: str, reason: str | None) -> None:
    gold = Caption("a man", "feeding a horse on", "a beach")
    known = make_context(
        Region(1, LEFT, "person"),
        Region(2, RIGHT, "horse"),
        Region(3, TOP, "kite"),
        gold=gold,
        relations=(Relation(1, "rides", 2), Relation(1, "on", 2), Relation(1, "holding", 3)),
    )
    assert vetoes.holds_by_annotation(swapped("relation", relation, gold), known) == reason


def test_what_a_phrase_of_the_thing_says_is_refused() -> None:
    region = Region(1, LEFT, "person", phrases=("man in a kitchen eating a pizza",))
    gold = Caption("a man", "holding a pizza in", "a living room")
    context = make_context(region, Region(2, RIGHT, "pizza"), gold=gold, captions=("A man holding a pizza.",))
    assert vetoes.fits_captions(swapped("scene", "a kitchen", gold), context) == "fits_captions"
    assert vetoes.fits_captions(swapped("relation", "eating a pizza in", gold), context) == "fits_captions"
    assert vetoes.fits_captions(swapped("relation", "cutting a pizza in", gold), context) is None


def test_masks_deny_the_reverse_depth_only() -> None:
    front, back = np.zeros((90, 120), bool), np.zeros((90, 120), bool)
    front[30:80, 50:70] = back[20:70, 10:110] = True
    dog = Region(1, Box(50, 30, 70, 80), "dog", Mask.from_array(front))
    bus = Region(2, Box(10, 20, 110, 70), "bus", Mask.from_array(back & ~front))
    gold = Caption("a dog", "in front of a bus on", "a street")
    context = VetoContext.from_gold(gold, Picture(1, "a.jpg", 120, 90, (bus, dog), scene="street"), dog)
    assert find_veto_reason(swapped("relation", "behind a bus on", gold), context) is None
    assert find_veto_reason(swapped("relation", "in front of a bus in", gold), context) == "holds_by_annotation"
