"""Statements are about a region only where boxes and other captions leave no doubt."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scar.evidence.contact import Contact
from scar.evidence.grounding import ground_statements
from scar.language.noun_phrase import NounPhrase
from scar.language.statements import Statement
from scar.sample import Box, Picture, Region


def make_phrase(text: str) -> NounPhrase:
    """A noun phrase of article, attributes and noun; "two men" and words in -s are plural."""
    words = text.split()
    first = words[1:] if words[0] in ("a", "an", "the", "two", "another") else words
    plural = words[0] == "two" or (first[-1].endswith("s") and first[-1] not in ("bus", "skis"))
    nouns = {"men": "man", "buses": "bus"}
    noun = nouns.get(first[-1], first[-1].removesuffix("s") if plural else first[-1])
    return NounPhrase(text, noun, tuple(first[:-1]), plural)


def say(subject: str, verb: str, form: str, preposition: str, rest: str, *more: str) -> Statement:
    """A statement; with two more words, ``rest`` is its landmark and they are its preposition and rest."""
    count = {"a": 1, "an": 1, "two": 2}.get(subject.split()[0])
    if more:
        predicate = f"{form} {preposition}".strip()
        return Statement(
            make_phrase(subject), count, predicate, make_phrase(rest), more[0], make_phrase(more[1]), verb,
            landmark_preposition=preposition,
        )  # fmt: skip
    return Statement(make_phrase(subject), count, form, None, preposition, make_phrase(rest), verb)


DOG, BIG_DOG = Box(10, 10, 30, 30), Box(0, 0, 100, 90)
SITTING = say("a dog", "sit", "sitting", "on", "a bench")


def ground(region: Region, *others: Region, captions: tuple[tuple[Statement, ...], ...] = (), **more: Any) -> list[str]:
    """The texts of a region's statements, with captions that have these statements."""
    names = tuple(f"caption {number}" for number in range(len(captions)))
    picture = Picture(1, "1.jpg", 200, 100, (region, *others), captions=names)
    statements = dict(zip(names, captions, strict=True)) | more.get("phrases", {})
    return [statement.text for statement in ground_statements(picture, region, statements)]


def test_the_only_region_that_can_be_meant() -> None:
    dog, cat = Region(1, DOG, "dog"), Region(2, BIG_DOG, "cat")
    assert ground(dog, cat, captions=((SITTING,),)) == ["a dog sitting on a bench"]
    assert ground(cat, dog, captions=((SITTING,),)) == []


def test_texts_without_statements_say_nothing() -> None:
    assert ground(Region(1, DOG, "dog"), captions=((), ())) == []
    picture = Picture(1, "1.jpg", 200, 100, (Region(1, DOG, "dog"),), captions=("unread",))
    assert ground_statements(picture, picture.regions[0], {}) == ()


@pytest.mark.parametrize(("width", "count"), [(8, 1), (2, 0)])
def test_by_far_the_largest(width: float, count: int) -> None:
    big, small = Region(1, BIG_DOG, "dog"), Region(2, Box(150, 50, 150 + 900 / width / 10, 60), "dog")
    other = Region(2, Box(120, 0, 120 + 80 / width, 90), "dog")
    assert len(ground(big, other, captions=((SITTING,),))) == count
    assert ground(small, big, captions=((SITTING,),)) == []


def test_the_larger_one_if_several_captions_speak_of_one() -> None:
    half = Box(150, 50, 150 + BIG_DOG.width / 2, 50 + BIG_DOG.height / 2)
    big, small = Region(1, BIG_DOG, "dog"), Region(2, half, "dog")
    near, two = say("a dog", "", "", "near", "a wall"), say("two dogs", "", "", "near", "a wall")
    assert ground(big, small, captions=((SITTING,), (near,))) == []
    assert "a dog sitting on a bench" in ground(big, small, captions=((SITTING,), (near,), (near,)))
    assert ground(small, big, captions=((SITTING,), (near,), (near,))) == []
    assert ground(big, small, captions=((SITTING,), (near,), (near,), (two,))) == []


def test_the_only_one_that_touches_the_landmark() -> None:
    on, off = Region(1, Box(10, 10, 40, 50), "dog"), Region(2, Box(120, 10, 160, 50), "dog")
    bench = Region(3, Box(0, 30, 60, 80), "bench")
    assert ground(on, off, bench, captions=((SITTING,),)) == ["a dog sitting on a bench"]
    assert ground(off, on, bench, captions=((SITTING,),)) == []
    near = say("a dog", "", "", "near", "a bench")
    assert ground(on, off, bench, captions=((near,),)) == []
    crowd = Region(4, Box(100, 0, 200, 100), "dog", crowd=True)
    assert ground(on, crowd, bench, captions=((SITTING,),)) == ["a dog sitting on a bench"]


def test_who_alone_has_the_tool_is_the_player() -> None:
    player, other = Region(1, Box(10, 10, 40, 90), "person"), Region(2, Box(60, 10, 90, 90), "person")
    bat, second = Region(3, Box(30, 20, 50, 40), "baseball bat"), Region(4, Box(80, 20, 99, 40), "baseball bat")
    statements = {"x": (say("a batter", "stand", "standing", "on", "a field"),)}
    holds = {1: (Contact("holding", bat, False),)}
    picture = Picture(1, "1.jpg", 200, 100, (player, other, bat), captions=("x",))
    assert len(ground_statements(picture, player, statements, holds)) == 1
    assert not ground_statements(picture, other, statements, holds)
    assert not ground_statements(picture, player, statements)
    several = Picture(1, "1.jpg", 200, 100, (player, other, bat, second), captions=("x",))
    assert not ground_statements(several, player, statements, holds)


def test_of_a_grown_and_a_young_animal_the_smaller_one_is_young() -> None:
    young = say("a baby elephant", "stand", "standing", "next to", "a large elephant")
    small, large = Region(1, Box(20, 50, 50, 80), "elephant"), Region(2, BIG_DOG, "elephant")
    assert ground(small, large, captions=((young,),)) == [young.text]
    assert ground(large, small, captions=((young,),)) == ["a large elephant next to a baby elephant"]
    cut = Region(1, Box(0, 50, 30, 80), "elephant")
    assert young.text not in ground(cut, large, captions=((young,),))
    alike = Region(1, Box(120, 10, 195, 90), "elephant")
    assert ground(alike, large, captions=((young,),)) == []
    unclear = say("a baby elephant", "stand", "standing", "next to", "an elephant")
    assert ground(small, large, captions=((unclear,),)) == []


def test_what_a_statement_says_of_the_thing_at_its_end() -> None:
    man, frisbee = Region(1, BIG_DOG, "person"), Region(2, Box(90, 20, 110, 40), "frisbee")
    holding = say("a man", "hold", "holding", "", "a frisbee")
    assert ground(frisbee, man, captions=((holding,),)) == ["a frisbee held by a man"]
    assert ground(man, frisbee, captions=((holding,),)) == ["a man holding a frisbee"]
    second = Region(3, Box(150, 20, 170, 40), "frisbee")
    assert ground(second, man, frisbee, captions=((holding,),)) == []


def test_a_crowd_is_never_meant() -> None:
    assert ground(Region(1, DOG, "dog", crowd=True), captions=((SITTING,),)) == []


@pytest.mark.parametrize("subject", ["two dogs", "dogs", "another dog", "a toy dog"])
def test_subjects_that_are_not_this_thing_alone(subject: str) -> None:
    assert ground(Region(1, DOG, "dog"), captions=((say(subject, "sit", "sitting", "on", "a bench"),),)) == []


def test_a_word_that_is_its_own_plural_may_mean_the_one_thing_that_is_seen() -> None:
    sheep, one = Region(1, DOG, "sheep"), say("a sheep", "graze", "grazing", "in", "a field")
    for subject, expected in (("sheep", [one.text]), ("several sheep", [])):
        others = say(subject, "graze", "grazing", "on", "grass")
        others = msgspec.structs.replace(others, subject=NounPhrase(subject, "sheep", plural=True))
        assert ground(sheep, captions=((one,), (others,))) == expected


def test_a_second_thing_that_is_not_annotated() -> None:
    beside = say("a dog", "lie", "lying", "next to", "a dog")
    several = say("two dogs", "play", "playing", "on", "sand")
    assert ground(Region(1, DOG, "dog"), captions=((beside,),)) == []
    assert ground(Region(1, DOG, "dog"), captions=((SITTING,), (several,))) == []


@pytest.mark.parametrize(
    ("first", "second", "region"),
    [
        (SITTING, say("a dog", "stand", "standing", "on", "a bench"), "dog"),
        (SITTING, say("a dog", "lie", "lying", "on", "a sofa"), "dog"),
        (say("a black dog", "", "", "on", "a sofa"), say("a white dog", "", "", "on", "a sofa"), "dog"),
        (say("a man", "", "", "on", "a sofa"), say("a woman", "", "", "on", "a sofa"), "person"),
        (say("a man", "", "", "on", "a sofa"), say("a toddler", "", "", "on", "a sofa"), "person"),
        (say("a dog", "", "", "on", "a sofa"), say("a dog", "lie", "lying", "in", "a chair"), "dog"),
        (say("a dog", "", "", "behind", "a cup"), say("a dog", "", "", "in front of", "a cup"), "dog"),
    ],
)
def test_what_a_second_caption_denies_is_left_out(first: Statement, second: Statement, region: str) -> None:
    assert ground(Region(1, DOG, region), captions=((first,),)) == [first.text]
    assert ground(Region(1, DOG, region), captions=((first,), (second,))) == []


def test_one_caption_may_err_where_three_agree() -> None:
    skis, board = say("a man", "", "", "on", "skis"), say("a man", "ride", "riding", "", "a snowboard")
    person = Region(1, DOG, "person")
    assert ground(person, captions=((skis,), (board,))) == []
    assert ground(person, captions=((skis,), *((board,),) * 3)) == []
    assert ground(person, captions=((skis,), *((board,),) * 4)) == [board.text]


def test_captions_that_agree_deny_nothing() -> None:
    both = (
        say("a black and white dog", "", "", "on", "a sofa"),
        say("a black dog", "stand", "standing", "on", "a sofa"),
    )
    assert len(ground(Region(1, DOG, "dog"), captions=tuple((statement,) for statement in both))) == 2


@pytest.mark.parametrize(
    ("statement", "box", "holds"),
    [
        (say("a dog", "", "", "on", "a sofa"), Box(15, 20, 90, 60), True),
        (say("a dog", "", "", "on", "a sofa"), Box(120, 20, 190, 60), False),
        (say("a dog", "hold", "holding", "", "a frisbee"), Box(28, 12, 36, 18), True),
        (say("a dog", "hold", "holding", "", "a frisbee"), Box(150, 12, 160, 18), False),
        (say("a dog", "", "", "under", "a table"), Box(0, 0, 60, 20), True),
        (say("a dog", "", "", "under", "a table"), Box(0, 50, 60, 90), False),
        (say("a dog", "", "", "above", "a table"), Box(0, 50, 60, 90), True),
        (say("a dog", "", "", "next to", "a chair"), Box(40, 5, 60, 40), True),
        (say("a dog", "", "", "next to", "a chair"), Box(150, 5, 170, 40), False),
        (say("a dog", "", "", "to the left of", "a chair"), Box(40, 5, 60, 40), True),
        (say("a dog", "", "", "to the right of", "a chair"), Box(40, 5, 60, 40), False),
        (say("a dog", "", "", "behind", "a chair"), Box(150, 5, 170, 40), True),
        (say("a dog", "sit", "sitting", "on", "grass", "under", "a table"), Box(0, 50, 60, 90), False),
    ],
)
def test_boxes_of_annotated_landmarks_must_allow_it(statement: Statement, box: Box, holds: bool) -> None:
    categories = {"sofa": "couch", "table": "dining table"}
    landmark = Region(2, box, categories.get(statement.rest.noun, statement.rest.noun))
    assert bool(ground(Region(1, DOG, "dog"), landmark, captions=((statement,),))) == holds
    assert ground(Region(1, DOG, "dog"), captions=((statement,),)) == [statement.text]


def test_a_phrase_of_the_region_needs_no_more() -> None:
    man = say("a man", "", "", "next to", "a dog")
    region = Region(1, DOG, "person", phrases=("man next to dog", "the man's hat", "hat on man"))
    phrases = {"man next to dog": (man,), "hat on man": (say("a hat", "", "", "on", "a man"),)}
    other = Region(2, BIG_DOG, "person")
    assert ground(region, other, phrases=phrases) == ["a man next to a dog"]
    assert ground(other, region, phrases=phrases) == []


def test_a_phrase_says_only_what_it_says_of_its_first_thing() -> None:
    region = Region(1, DOG, "person", phrases=("man by a man in red",))
    said = (say("a man", "", "", "by", "a man"), say("a woman", "", "", "in", "a shirt"))
    assert ground(region, phrases={"man by a man in red": said}) == ["a man by a man"]


def test_what_several_captions_support_comes_first() -> None:
    sofa = say("a dog", "", "", "on", "a sofa")
    captions = ((say("a dog", "", "", "in", "a room"),), (sofa,), (say("a puppy", "lie", "lying", "on", "a sofa"),))
    assert ground(Region(1, DOG, "dog"), captions=captions)[0] == "a dog on a sofa"
    assert len(ground(Region(1, DOG, "dog"), captions=(*captions, (sofa,)))) == 3  # each text once
