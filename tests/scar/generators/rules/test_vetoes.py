"""Each veto alone: what it refuses, and what it lets pass."""

from __future__ import annotations

import pytest

from scar.generators.rules import vetoes
from scar.generators.rules.records import CaptionPhrases, CaptionStats
from scar.generators.rules.vetoes import VETOES, VetoContext, find_veto_reason
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Box, Part, Picture, Region, Relation
from tests.scar.generators.tasks import make_gold, make_phrase, make_task

GOLD = make_gold("a dog", "to the left of", "a beach", "a person", "on").phrases
LEFT, RIGHT, TOP = Box(20, 200, 120, 300), Box(500, 200, 600, 300), Box(280, 10, 360, 100)
DOG, PERSON, KITE = Region(1, LEFT, "dog"), Region(2, RIGHT, "person"), Region(3, TOP, "kite")
STATS = CaptionStats(annotated=frozenset({"dog", "person", "kite", "chair", "dining table", "bus", "horse"}))


def make_context(
    *regions: Region,
    gold: CaptionPhrases = GOLD,
    captions: tuple[str, ...] = (),
    relations: tuple[Relation, ...] = (),
    scene: str | None = None,
) -> VetoContext:
    picture = Picture(1, "a.jpg", 640, 480, regions or (DOG, PERSON, KITE), captions, relations, scene)
    return VetoContext.from_gold(gold, make_task(picture), STATS)


def swap(part: Part, value: str, gold: CaptionPhrases = GOLD) -> CaptionPhrases:
    """The gold with another object or scene, or with another predicate."""
    if part == "relation":
        relation = RelationPhrase(value, gold.relation.landmark, gold.relation.preposition)
        return gold.swap(part, relation)
    return gold.swap(part, make_phrase(value))


def move(predicate: str, landmark: str) -> CaptionPhrases:
    """The gold with a relation to another landmark."""
    return GOLD.swap("relation", RelationPhrase(predicate, make_phrase(landmark), "on"))


def test_duplicate() -> None:
    context = make_context()
    assert vetoes.duplicate("object", swap("object", "a Dog"), context)
    assert not vetoes.duplicate("object", swap("object", "a boat"), context)
    context.taken_texts.add(swap("object", "a boat").caption.text)
    assert vetoes.duplicate("object", swap("object", "a boat"), context)


def test_not_one_element() -> None:
    empty = GOLD.swap("object", NounPhrase("", ""))
    assert vetoes.not_one_element("object", empty, make_context())
    assert vetoes.not_one_element("object", GOLD, make_context())
    assert not vetoes.not_one_element("object", swap("object", "a cat"), make_context())


@pytest.mark.parametrize(
    ("part", "false", "refused"),
    [
        ("object", swap("object", "a person"), True),
        ("object", swap("object", "a beach"), True),
        ("scene", swap("scene", "a person"), True),
        ("scene", swap("scene", "a dog"), True),
        ("relation", move("to the left of", "beach"), True),
        ("relation", move("to the left of", "dog"), True),
        ("object", swap("object", "a kite"), False),
    ],
)
def test_echo(part: Part, false: CaptionPhrases, refused: bool) -> None:
    assert vetoes.echo(part, false, make_context()) == refused


@pytest.mark.parametrize(
    ("part", "value", "related"),
    [
        ("object", "a puppy", True),
        ("object", "an animal", True),
        ("object", "a cat", False),
        ("scene", "a shore", False),
        ("scene", "a beach", True),
        ("scene", "a kitchen", False),
    ],
)
def test_wordnet_related(part: Part, value: str, related: bool) -> None:
    assert vetoes.wordnet_related(part, swap(part, value), make_context()) == related


def test_lookalike() -> None:
    car, gold = Region(1, LEFT, "car"), make_gold("a taxi", "on", "a street").phrases
    context = make_context(car, gold=gold)
    assert vetoes.lookalike("object", swap("object", "a truck", gold), context)
    assert vetoes.lookalike("object", swap("object", "a red bus", gold), context)
    assert not vetoes.lookalike("object", swap("object", "a dog", gold), context)


@pytest.mark.parametrize(
    ("value", "refused"),
    [("a skier", True), ("a boy", True), ("a woman", False), ("an old man", False), ("a tall man", True)],
)
def test_a_person_may_be_most_other_persons(value: str, refused: bool) -> None:
    gold = make_gold("a young man", "on", "a street").phrases
    false = swap("object", value.replace("woman", "young woman") if value == "a woman" else value, gold)
    context = make_context(PERSON, gold=gold)
    found = [vetoes.lookalike("object", false, context), vetoes.wordnet_related("object", false, context)]
    assert any(found) == refused


@pytest.mark.parametrize(
    ("box", "refused"),
    [
        (RIGHT, False),
        (Box(100, 200, 300, 300), True),
        (Box(50, 220, 60, 230), True),
        (Box(0, 0, 640, 480), True),
        (Box(119, 200, 320, 300), False),
    ],
    ids=["elsewhere", "reaches in", "inside", "around", "touches"],
)
def test_present_in_box(box: Box, refused: bool) -> None:
    around = make_context(DOG, Region(2, box, "person"))
    assert vetoes.present_in_box("object", swap("object", "a person"), around) == refused
    assert vetoes.present_in_box("object", swap("object", "a man"), around) == refused, "a man is a person"
    assert not vetoes.present_in_box("object", swap("object", "a boat"), around)


@pytest.mark.parametrize(
    ("part", "value", "caption", "refused"),
    [
        ("object", "a horse", "Horses on a beach.", True),
        ("object", "a kite", "A kite on a beach.", False),  # annotated, so the word is for that one
        ("object", "a sheep", "Horses on a beach.", False),
        ("scene", "a street", "A dog by a street light.", True),
        ("scene", "a kitchen", "A dog on a beach.", False),
        ("relation", "chasing", "A dog runs.", False),
        ("relation", "running next to", "A dog runs.", True),
    ],
)
def test_fits_captions(part: Part, value: str, caption: str, refused: bool) -> None:
    assert vetoes.fits_captions(part, swap(part, value), make_context(captions=(caption,))) == refused


def test_attributes_of_the_captions_are_refused() -> None:
    gold = make_gold("a black dog", "on", "a beach").phrases
    context = make_context(gold=gold, captions=("A black and white dog.",))
    assert vetoes.fits_captions("object", swap("object", "a white dog", gold), context)
    assert not vetoes.fits_captions("object", swap("object", "a red dog", gold), context)


@pytest.mark.parametrize(
    ("scene", "captions", "label", "refused"),
    [
        ("a kitchen", (), None, False),
        ("the ocean", (), None, True),
        ("a kitchen", ("A dog in a dining room.",), None, True),
        ("a kitchen", (), "dining room", True),
        ("a bathroom", (), "street", False),
    ],
)
def test_fits_place(scene: str, captions: tuple[str, ...], label: str | None, refused: bool) -> None:
    assert vetoes.fits_place("scene", swap("scene", scene), make_context(captions=captions, scene=label)) == refused


def test_a_place_is_refused_where_none_is_known() -> None:
    gold = make_gold("a dog", "in", "a bowl").phrases
    assert vetoes.fits_place("scene", swap("scene", "a kitchen", gold), make_context(gold=gold))


@pytest.mark.parametrize(
    ("true", "predicate", "false", "refused"),
    [
        ("a couch", "on", "a bed", False),  # who is on a couch is on no bed
        ("a plate", "on", "a table", True),  # the plate may be on one
        ("a wall", "in front of", "a chair", False),  # annotated wherever there is one
        ("a wall", "in front of", "a fence", True),
        ("a person", "next to", "a kite", False),  # in the picture
        ("a brick wall", "in front of", "a wooden wall", False),
    ],
)
def test_unannotated(true: str, predicate: str, false: str, refused: bool) -> None:
    gold = make_gold("a dog", predicate, true).phrases
    assert vetoes.unannotated("scene", swap("scene", false, gold), make_context(gold=gold)) == refused


@pytest.mark.parametrize(
    ("predicate", "false", "refused"),
    [
        ("to the left of", "a person", True),
        ("to the right of", "a person", False),
        ("next to", "a person", False),
        ("near", "a person", True),  # boxes do not say how near is near
        ("watching", "a person", True),
        ("on", "a person", False),
        ("sitting on", "a person", False),
        ("on", "a chair", False),  # there is none
    ],
)
def test_holds_elsewhere(predicate: str, false: str, refused: bool) -> None:
    gold = make_gold("a dog", predicate, "a bus").phrases
    assert vetoes.holds_elsewhere("scene", swap("scene", false, gold), make_context(gold=gold)) == refused


def test_holds_by_annotation() -> None:
    known = make_context(relations=(Relation(1, "in front of", 2), Relation(1, "left of", 2)))

    def refuses(false: CaptionPhrases) -> bool:
        return vetoes.holds_by_annotation("relation", false, known)

    assert refuses(swap("relation", "in front of"))
    assert refuses(swap("relation", "to the left of"))
    assert refuses(move("behind", "kite")), "boxes do not tell depth"


@pytest.mark.parametrize(
    ("false", "refused"),
    [
        (swap("relation", "to the right of"), False),
        (swap("relation", "to the left of"), True),
        (swap("relation", "next to"), False),
        (swap("relation", "on"), False),
        (swap("relation", "watching"), True),
        (move("to the right of", "kite"), False),
        (move("below", "kite"), True),
        (move("below", "bus"), True),  # there is none: nothing denies it
    ],
)
def test_holds_by_geometry(false: CaptionPhrases, refused: bool) -> None:
    assert vetoes.holds_by_geometry("relation", false, make_context()) == refused


def test_a_relation_must_be_false_for_every_thing_it_may_mean() -> None:
    between = make_context(Region(1, Box(280, 200, 360, 300), "dog"), PERSON, Region(4, LEFT, "person"))
    assert vetoes.holds_by_geometry("relation", swap("relation", "to the right of"), between)


def test_another_thing_of_the_name_may_have_what_the_true_one_has_not() -> None:
    gold = make_gold("a dog", "on", "a chair").phrases
    false = swap("relation", "next to", gold)
    here, near = Region(2, Box(10, 250, 130, 350), "chair"), Region(3, Box(140, 200, 240, 300), "chair")
    assert not vetoes.holds_by_geometry("relation", false, make_context(DOG, here, gold=gold))
    assert vetoes.holds_by_geometry("relation", false, make_context(DOG, here, near, gold=gold))


def test_who_is_next_to_a_chair_may_sit_on_a_hidden_one() -> None:
    gold = make_gold("a person", "next to", "a chair").phrases
    chair = Region(2, Box(140, 200, 240, 300), "chair")
    context = make_context(Region(1, LEFT, "person"), chair, gold=gold)
    assert vetoes.holds_by_geometry("relation", swap("relation", "on", gold), context)


def test_the_first_veto_that_refuses_gives_its_name() -> None:
    every = {each for several in VETOES.values() for each in several}
    assert len({each.__name__ for each in every}) == len(every)
    for value in ("a puppy", "a person", "a horse", "a xyzzy"):
        false, context = swap("object", value), make_context()
        refusing = [veto.__name__ for veto in VETOES["object"] if veto("object", false, context)]
        assert find_veto_reason("object", false, context) == next(iter(refusing), None)
