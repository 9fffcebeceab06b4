"""Each veto: what it refuses, and what it lets pass."""

from __future__ import annotations

import numpy as np
import pytest

from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.negatives import make_blocks
from scar.generators.rules.records import CaptionPhrases
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Box, Part, Picture, Region, Relation
from tests.scar.generators.tasks import make_gold, make_phrase, make_task

GOLD = make_gold("a dog", "to the left of", "a beach", "a person", "on").phrases
LEFT, RIGHT, TOP = Box(20, 200, 120, 300), Box(500, 200, 600, 300), Box(280, 10, 360, 100)
DOG, PERSON, KITE = Region(1, LEFT, "dog"), Region(2, RIGHT, "person"), Region(3, TOP, "kite")
ANNOTATED = frozenset({"dog", "person", "kite", "chair", "dining table", "bus", "horse"})


def find_refusals(
    part: Part,
    value: str,
    *regions: Region,
    gold: CaptionPhrases = GOLD,
    captions: tuple[str, ...] = (),
    relations: tuple[Relation, ...] = (),
    scene: str | None = None,
) -> set[str]:
    """The vetoes that refuse a candidate, by the text of the part; the corpus has it, if the tables do not."""
    picture = Picture(1, "a.jpg", 640, 480, regions or (DOG, PERSON, KITE), captions, relations, scene)
    stats = CaptionStats(
        objects={make_phrase(value): 1} if part == "object" else {},
        scene_frequency={make_phrase(value): 1.0} if part == "scene" else {},
        predicates_by_noun={gold.landmark.noun: {value: 1}} if part == "relation" and " a " not in value else {},
        annotated=ANNOTATED,
    )
    block = make_blocks([(make_task(picture), gold)], stats)[part]
    has_column = (block.weights[0] > 0) | (part != "relation")
    texts = {_name(gold, block.make(0, column)): column for column in np.flatnonzero(has_column).tolist()}
    return {name for name, table in block.refusals.items() if table[0, texts[value]]}


def _name(gold: CaptionPhrases, value: NounPhrase | RelationPhrase) -> str:
    """The text of a noun phrase; the predicate of a relation, with its landmark if that is another one."""
    if isinstance(value, NounPhrase):
        return value.text
    landmark = value.landmark if value.landmark != gold.relation.landmark else None
    return f"{value.predicate} {landmark.text}" if landmark else value.predicate


def test_not_one_element() -> None:
    assert "not_one_element" in find_refusals("object", "a dog")
    assert "not_one_element" in find_refusals("object", "a Dog")
    assert "not_one_element" not in find_refusals("object", "a cat")


@pytest.mark.parametrize(
    ("part", "value", "refused"),
    [
        ("object", "a person", True),
        ("object", "a beach", True),
        ("scene", "a person", True),
        ("scene", "a dog", True),
        ("relation", "to the left of a dog", True),
        ("object", "a kite", False),
        ("relation", "to the left of a kite", False),
    ],
)
def test_echo(part: Part, value: str, refused: bool) -> None:
    assert ("echo" in find_refusals(part, value)) == refused


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
    assert ("wordnet_related" in find_refusals(part, value)) == related


def test_lookalike() -> None:
    car, gold = Region(1, LEFT, "car"), make_gold("a taxi", "on", "a street").phrases
    values = ("a truck", "a red bus", "a dog")
    refused = [value for value in values if "lookalike" in find_refusals("object", value, car, gold=gold)]
    assert refused == ["a truck", "a red bus"]


@pytest.mark.parametrize(
    ("value", "refused"),
    [("a skier", True), ("a boy", True), ("a woman", False), ("an old man", False), ("a tall man", True)],
)
def test_a_person_may_be_most_other_persons(value: str, refused: bool) -> None:
    gold = make_gold("a young man", "on", "a street").phrases
    found = find_refusals("object", value.replace("woman", "young woman"), PERSON, gold=gold)
    assert bool(found & {"lookalike", "wordnet_related"}) == refused


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
    around = (DOG, Region(2, box, "person"))
    assert ("present_in_box" in find_refusals("object", "a person", *around)) == refused
    assert ("present_in_box" in find_refusals("object", "a man", *around)) == refused, "a man is a person"
    assert "present_in_box" not in find_refusals("object", "a boat", *around)


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
    assert ("fits_captions" in find_refusals(part, value, captions=(caption,))) == refused


def test_attributes_of_the_captions_are_refused() -> None:
    gold, captions = make_gold("a black dog", "on", "a beach").phrases, ("A black and white dog.",)
    assert "fits_captions" in find_refusals("object", "a white dog", gold=gold, captions=captions)
    assert "fits_captions" not in find_refusals("object", "a red dog", gold=gold, captions=captions)


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
    assert ("fits_place" in find_refusals("scene", scene, captions=captions, scene=label)) == refused


def test_a_place_is_refused_where_none_is_known() -> None:
    gold = make_gold("a dog", "in", "a bowl").phrases
    assert "fits_place" in find_refusals("scene", "a kitchen", gold=gold)


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
    assert ("unannotated" in find_refusals("scene", false, gold=gold)) == refused


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
    assert ("holds_elsewhere" in find_refusals("scene", false, gold=gold)) == refused


def test_holds_by_annotation() -> None:
    relations = (Relation(1, "in front of", 2), Relation(1, "left of", 2))
    for value in ("in front of", "behind a kite"):  # boxes do not tell depth
        assert "holds_by_annotation" in find_refusals("relation", value, relations=relations)
    assert "holds_by_annotation" not in find_refusals("relation", "in front of")


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("to the right of", False),
        ("next to", False),
        ("near", True),  # boxes do not say how near is near
        ("on", False),
        ("to the right of a kite", False),
        ("below a kite", True),
    ],
)
def test_holds_by_geometry(value: str, refused: bool) -> None:
    assert ("holds_by_geometry" in find_refusals("relation", value)) == refused


def test_a_predicate_that_boxes_do_not_deny_is_refused() -> None:
    gold = make_gold("a person", "to the left of", "a dog").phrases
    assert "holds_by_geometry" in find_refusals(
        "relation", "watching", Region(1, LEFT, "person"), Region(2, RIGHT, "dog"), gold=gold
    )


def test_a_relation_must_be_false_for_every_thing_it_may_mean() -> None:
    between = (Region(1, Box(280, 200, 360, 300), "dog"), PERSON, Region(4, LEFT, "person"))
    assert "holds_by_geometry" in find_refusals("relation", "to the right of", *between)


def test_another_thing_of_the_name_may_have_what_the_true_one_has_not() -> None:
    gold = make_gold("a dog", "on", "a chair").phrases
    here, near = Region(2, Box(10, 250, 130, 350), "chair"), Region(3, Box(140, 200, 240, 300), "chair")
    assert "holds_by_geometry" not in find_refusals("relation", "next to", DOG, here, gold=gold)
    assert "holds_by_geometry" in find_refusals("relation", "next to", DOG, here, near, gold=gold)


def test_who_is_next_to_a_chair_may_sit_on_a_hidden_one() -> None:
    gold = make_gold("a person", "next to", "a chair").phrases
    regions = (Region(1, LEFT, "person"), Region(2, Box(140, 200, 240, 300), "chair"))
    assert "holds_by_geometry" in find_refusals("relation", "on", *regions, gold=gold)
