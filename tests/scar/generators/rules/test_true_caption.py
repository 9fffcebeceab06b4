"""The gold caption says what the evidence gives, and nothing else."""

from random import Random

import numpy as np
import pytest

from scar.generators.rules.true_caption import write_gold
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Box, Caption, Mask, Picture, Region, Relation

LEFT, RIGHT = Box(20, 200, 120, 300), Box(500, 200, 600, 300)
TOP, ALL = Box(280, 10, 360, 100), Box(5, 5, 635, 475)


def make_picture(
    *regions: Region, captions: tuple[str, ...] = (), scene: str | None = None, relations: tuple[Relation, ...] = ()
) -> Picture:
    return Picture(1, "a.jpg", 640, 480, regions, captions, relations, scene)


def golds(picture: Picture, region: Region, draws: int = 40) -> set[str]:
    """Gold captions of a region over many seeds."""
    captions = (write_gold(picture, region, Random(seed)) for seed in range(draws))
    return {caption.text for caption in captions if caption}


def test_a_thing_is_told_by_where_it_stands_to_another() -> None:
    oven, sink = Region(1, LEFT, "oven"), Region(2, RIGHT, "person")
    picture = make_picture(oven, sink, scene="kitchen")
    assert golds(picture, oven) == {
        "an oven to the left of a person in a kitchen",
        "an oven on the left of a picture of a kitchen",
    }
    assert golds(picture, sink) == {
        "a person to the right of an oven in a kitchen",
        "a person on the right of a picture of a kitchen",
    }


def test_a_thing_is_told_by_what_it_is_next_to_or_inside_of() -> None:
    dog, chair = Region(1, Box(100, 200, 200, 300), "dog"), Region(2, Box(210, 200, 320, 310), "chair")
    assert "a dog next to a chair on a beach" in golds(make_picture(dog, chair, scene="beach"), dog)
    apple, bowl = Region(1, Box(120, 220, 180, 280), "apple"), Region(2, Box(100, 200, 220, 300), "bowl")
    assert "an apple inside a bowl in a kitchen" in golds(make_picture(apple, bowl, scene="kitchen"), apple)
    far = Region(3, Box(500, 200, 600, 300), "chair")
    assert not any("next to" in text for text in golds(make_picture(dog, far, scene="beach"), dog))


def test_a_thing_alone_is_told_by_where_it_is_in_the_picture() -> None:
    dog = Region(1, ALL, "dog")
    assert golds(make_picture(dog, scene="beach"), dog) == {"a dog filling most of a picture of a beach"}


def test_without_a_place_there_is_no_caption() -> None:
    dog = Region(1, LEFT, "dog")
    assert write_gold(make_picture(dog), dog, Random(0)) is None
    assert write_gold(make_picture(dog, captions=("A dog near a street light.",)), dog, Random(0)) is None


def test_without_a_plain_position_there_is_no_caption() -> None:
    dog = Region(1, Box(110, 60, 350, 330), "dog")
    assert write_gold(make_picture(dog, scene="beach"), dog, Random(0)) is None


def test_a_label_counts_more_than_captions_and_keeps_its_words() -> None:
    dog = Region(1, LEFT, "dog")
    picture = make_picture(dog, captions=("A dog on a beach.", "A dog on the beach."), scene="football field")
    assert golds(picture, dog) == {"a dog on the left of a picture of a football field"}


def test_a_thing_is_only_in_a_place_that_can_hold_it() -> None:
    person, fork = Region(1, LEFT, "person"), Region(2, RIGHT, "fork")
    picture = make_picture(person, fork, captions=("A fork on a table.", "A table with a fork."))
    assert "a fork to the right of a person on a table" in golds(picture, fork)
    assert "a person to the left of a fork in a picture of a table" in golds(picture, person)
    assert not any(text.endswith("on a table") for text in golds(picture, person))


def test_a_thing_is_not_in_a_picture_of_itself() -> None:
    bed = Region(1, LEFT, "bed")
    assert write_gold(make_picture(bed, captions=("A bed.", "A messy bed.")), bed, Random(0)) is None


def test_what_captions_say_of_the_only_subject_is_told() -> None:
    man, board = Region(1, LEFT, "person"), Region(2, Box(30, 280, 110, 310), "snowboard")
    captions = ("A man riding a snowboard down a snowy slope.", "A man on a ski slope.")
    assert "a man riding a snowboard on a ski slope" in golds(make_picture(man, board, captions=captions), man)


@pytest.mark.parametrize(
    ("others", "captions"),
    [
        ((Region(3, RIGHT, "person"),), ("A man riding a horse on a beach.",)),
        ((), ("A man riding a horse on a beach.", "A man carrying a kite on a beach.")),
        ((), ("A man near a woman riding a horse on a beach.",)),
    ],
    ids=["two people", "captions differ", "another subject"],
)
def test_what_may_be_said_of_another_is_not_told(others: tuple[Region, ...], captions: tuple[str, ...]) -> None:
    man, horse, kite = Region(1, LEFT, "person"), Region(2, TOP, "horse"), Region(4, Box(300, 200, 340, 240), "kite")
    for text in golds(make_picture(man, horse, kite, *others, captions=captions), man):
        assert "riding" not in text
        assert "carrying" not in text


def test_each_of_as_many_as_a_caption_counts_does_it() -> None:
    people = [Region(i, box, "person") for i, box in enumerate((LEFT, RIGHT))]
    horses = [Region(2 + i, box, "horse") for i, box in enumerate((LEFT, RIGHT))]
    picture = make_picture(*people, *horses, captions=("Two people riding horses on the beach.",))
    for person in people:
        assert "a person riding a horse on a beach" in golds(picture, person)


@pytest.mark.parametrize(
    ("captions", "noun"),
    [
        (("A man on a beach.", "A guy on a beach."), "a man"),
        (("A woman on a beach.", "A lady with a dog."), "a woman"),
        (("A man on a beach.", "A woman on a beach."), "a person"),
        (("A man on a beach.", "Somebody on a beach."), "a person"),
        (("A person on a beach.", "Somebody on a beach."), "a person"),
    ],
)
def test_a_person_is_called_what_captions_agree_on(captions: tuple[str, ...], noun: str) -> None:
    person = Region(1, LEFT, "person")
    gold = write_gold(make_picture(person, captions=captions), person, Random(0))
    assert gold is not None
    assert gold.object == noun


@pytest.mark.parametrize(
    ("category", "phrase", "noun"),
    [
        ("car", "the red car", "a red car"),
        ("car", "Red car", "a red car"),
        ("car", "taxi", "a taxi"),
        ("person", "woman", "a woman"),
        ("car", "car on the left", "a car"),
        ("car", "red", "a car"),
        ("car", "cars", "a car"),
        ("person", "man in red", "a person"),
    ],
)
def test_a_phrase_of_the_source_names_the_thing(category: str, phrase: str, noun: str) -> None:
    region = Region(1, LEFT, category, phrases=(phrase,))
    gold = write_gold(make_picture(region, scene="street"), region, Random(0))
    assert gold is not None
    assert gold.object == noun


def test_annotated_relations_come_before_geometry() -> None:
    star, ring = Region(1, LEFT, "blue star"), Region(2, Box(100, 200, 220, 300), "red ring")
    picture = make_picture(
        star, ring, scene="beach", relations=(Relation(1, "in front of", 2), Relation(2, "behind", 1))
    )
    assert golds(picture, star) == {"a blue star in front of a red ring on a beach"}
    assert golds(picture, ring) == {"a red ring behind a blue star on a beach"}


def test_crowds_and_specks_are_no_landmarks() -> None:
    dog = Region(1, LEFT, "dog")
    for other in (Region(2, RIGHT, "person", crowd=True), Region(2, Box(500, 200, 520, 220), "person")):
        assert golds(make_picture(dog, other, scene="beach"), dog) == {"a dog on the left of a picture of a beach"}


def test_a_landmark_between_two_of_a_kind_is_none() -> None:
    dog = Region(1, Box(280, 200, 360, 300), "dog")
    picture = make_picture(dog, Region(2, LEFT, "person"), Region(3, RIGHT, "person"), scene="beach")
    assert golds(picture, dog) == {"a dog in the middle of a picture of a beach"}


def test_above_is_only_said_of_what_hangs_or_flies() -> None:
    kite, dog = Region(1, TOP, "kite"), Region(2, Box(280, 380, 360, 470), "dog")
    assert "a dog below a kite in a field" in golds(make_picture(kite, dog, scene="field"), dog)
    car = Region(1, TOP, "car")
    assert not any(" below " in text for text in golds(make_picture(car, dog, scene="field"), dog))


def test_what_lies_on_a_table_is_on_it() -> None:
    bowl, table = Region(1, Box(100, 100, 160, 160), "bowl"), Region(2, Box(10, 80, 400, 400), "dining table")
    assert "a bowl on a table in a kitchen" in golds(make_picture(bowl, table, scene="kitchen"), bowl)


def test_the_seed_decides_and_every_caption_parses() -> None:
    dog = Region(1, LEFT, "dog")
    picture = make_picture(dog, Region(2, RIGHT, "person"), Region(3, TOP, "kite"), scene="beach")
    drawn = [write_gold(picture, dog, Random(seed)) for seed in range(30)]
    assert drawn == [write_gold(picture, dog, Random(seed)) for seed in range(30)]
    for gold in drawn:
        assert isinstance(gold, Caption)
        assert RelationPhrase.parse(gold.relation) is not None


def test_a_phrase_tells_what_this_very_thing_does() -> None:
    first = Region(1, LEFT, "person", phrases=("man riding a horse", "the left guy"))
    others = (Region(2, RIGHT, "person"), Region(3, Box(10, 250, 140, 400), "horse"))
    texts = golds(make_picture(first, *others, scene="beach"), first)
    assert any(text.endswith(" riding a horse on a beach") for text in texts), texts
    assert not any("riding" in text for text in golds(make_picture(first, *others, scene="beach"), others[0]))


@pytest.mark.parametrize(
    ("predicate", "relation"),
    [
        ("riding", "riding a horse on"),
        ("is riding", "riding a horse on"),
        ("sits on", "sitting on a horse on"),
        ("right of", "to the right of a horse on"),
        ("on top of", "on a horse on"),
        ("wears", None),
        ("of", None),
    ],
)
def test_annotated_relations_are_told_in_the_words_of_captions(predicate: str, relation: str | None) -> None:
    person, horse = Region(1, LEFT, "person"), Region(2, Box(10, 250, 140, 400), "horse")
    picture = make_picture(person, horse, scene="beach", relations=(Relation(1, predicate, 2),))
    relations = {gold.relation for seed in range(20) if (gold := write_gold(picture, person, Random(seed)))}
    assert relations == {relation} if relation else all("horse" not in each for each in relations)


def test_masks_put_a_thing_in_front_of_another() -> None:
    front, back = np.zeros((90, 120), bool), np.zeros((90, 120), bool)
    front[30:80, 50:70] = back[20:70, 10:110] = True
    dog = Region(1, Box(50, 30, 70, 80), "dog", Mask.from_array(front))
    bus = Region(2, Box(10, 20, 110, 70), "bus", Mask.from_array(back & ~front))
    assert "a dog in front of a bus on a street" in golds(Picture(1, "a.jpg", 120, 90, (bus, dog), scene="street"), dog)
