"""Demo questions of the visual question answering tasks: the candidates are answers.

Each function asks at most one question about a picture, except `ask_neighbour`: at most one about each of its things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random

from mmeb_eval.demo.pictures import (
    RELATION_AXES,
    SUPERLATIVES,
    DemoImage,
    DemoPicture,
    find_largest,
    find_only_thing,
    find_outermost,
)
from mmeb_eval.demo.question import (
    NUMBER_WORDS,
    QUESTION_INSTRUCTION,
    DemoQuestion,
    DemoWorld,
    find_thing_names,
    make_text_candidates,
    shuffle_pictures,
)
from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.language.english import with_article


def ask_colour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask for the colour of a thing whose shape no other thing of the picture has."""
    for picture in shuffle_pictures(world.pictures, rng):
        for thing in picture.things:
            if sum(other.shape == thing.shape for other in picture.things) == 1:
                yield _make_question(picture, f"What colour is the {thing.shape}?", thing.colour, tuple(COLOURS), rng)
                break


def ask_shape(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask for the shape of a thing whose colour no other thing of the picture has."""
    for picture in shuffle_pictures(world.pictures, rng):
        for thing in picture.things:
            if sum(other.colour == thing.colour for other in picture.things) == 1:
                yield _make_question(
                    picture, f"What shape is {thing.colour}?", f"the {thing.shape}", _add_articles(SHAPES), rng
                )
                break


def ask_count(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask how many things each picture shows."""
    for picture in shuffle_pictures(world.pictures, rng):
        yield _make_question(
            picture, "How many shapes are there?", NUMBER_WORDS[len(picture.things)], NUMBER_WORDS, rng
        )


def ask_count_of_colour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask for each picture how many of its things have one drawn colour, such as red; the answer may be zero."""
    for picture in shuffle_pictures(world.pictures, rng):
        colour = rng.choice([*(thing.colour for thing in picture.things), *COLOURS])
        count = sum(thing.colour == colour for thing in picture.things)
        yield _make_question(picture, f"How many shapes are {colour}?", NUMBER_WORDS[count], NUMBER_WORDS, rng)


def ask_scene(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask where a thing of each picture is; the answer is the location of the scene, such as "On a beach."."""
    for picture in shuffle_pictures(world.pictures, rng):
        thing = rng.choice(picture.things)
        right, *locations = [scene.location.capitalize() + "." for scene in (picture.scene, *SCENES)]
        yield _make_question(picture, f"Where is the {thing.name}?", right, locations, rng)


def ask_largest(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which thing is the largest; pictures without a clearly largest thing are left out."""
    yield from _ask_which_thing(world, rng, {"Which shape is the largest?": find_largest})


def ask_outermost(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which thing is the highest, lowest, leftmost or rightmost, where one clearly is."""
    finders = {
        f"Which shape is the {superlative}?": partial(find_outermost, relation=relation)
        for relation, superlative in SUPERLATIVES.items()
    }
    yield from _ask_which_thing(world, rng, finders)


def ask_neighbour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which thing is above, below, left or right of another thing, where only one is."""
    for picture in shuffle_pictures(world.pictures, rng):
        for index, thing in enumerate(picture.things):
            found = [
                (relation, one)
                for relation in RELATION_AXES
                if (one := find_only_thing(picture, relation, index)) is not None
            ]
            if found:
                relation, one = rng.choice(found)
                right, others = picture.things[one].name, _list_other_names(picture, world)
                yield _make_question(
                    picture,
                    f"What is {relation} the {thing.name}?",
                    with_article(right),
                    [with_article(name) for name in others],
                    rng,
                )


def ask_name(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask what the only thing of each portrait is."""
    for picture in shuffle_pictures(world.portraits, rng):
        names = [with_article(other.things[0].name) for other in world.portraits]
        yield _make_question(
            picture, "Can you tell me what this is please?", with_article(picture.things[0].name), names, rng
        )


def ask_presence(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask of each picture whether it shows a thing; in about half of the questions it does."""
    for picture in shuffle_pictures(world.pictures, rng):
        present = [thing.name for thing in picture.things]
        if rng.random() < 0.5:
            name, right = rng.choice(present), "Yes"
        else:
            name, right = rng.choice(_list_absent_names(picture)), "No"
        yield _make_question(
            picture, f"Is there {with_article(name)} {picture.scene.location}?", right, ("Yes", "No", "Maybe"), rng
        )


def _ask_which_thing(
    world: DemoWorld, rng: Random, finders: Mapping[str, Callable[[DemoPicture], int | None]]
) -> Iterator[DemoQuestion]:
    """Ask one of the questions in ``finders`` about each picture; its finder returns the thing that is the answer.

    A question whose finder returns None is not asked. Wrong candidates are names of other things.
    """
    for picture in shuffle_pictures(world.pictures, rng):
        found = [(text, thing) for text, find in finders.items() if (thing := find(picture)) is not None]
        if found:
            text, thing = rng.choice(found)
            yield _make_question(picture, text, picture.things[thing].name, _list_other_names(picture, world), rng)


def _make_question(picture: DemoPicture, text: str, right: str, others: Sequence[str], rng: Random) -> DemoQuestion:
    return DemoQuestion(QUESTION_INSTRUCTION, text, DemoImage(picture), make_text_candidates(right, others, rng))


def _add_articles(nouns: Mapping[str, object]) -> list[str]:
    return [f"the {noun}" for noun in nouns]


def _list_absent_names(picture: DemoPicture) -> list[str]:
    names = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    return [name for name in names if name not in find_thing_names(picture)]


def _list_other_names(picture: DemoPicture, world: DemoWorld) -> list[str]:
    """Names of the things in the picture and of two others, for wrong answers."""
    return [thing.name for other in (picture, *world.pictures[:2]) for thing in other.things]
