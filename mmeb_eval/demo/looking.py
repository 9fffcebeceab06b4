"""Demo questions of the classification and question answering tasks: the candidates are texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random

from mmeb_eval.demo.pictures import RELATION_AXES, DemoImage, DemoPicture, find_largest, find_only_thing, find_outermost
from mmeb_eval.demo.question import (
    IMAGE_TOKEN,
    NUMBER_WORDS,
    QUESTION_INSTRUCTION,
    DemoQuestion,
    DemoWorld,
    find_thing_names,
    make_text_candidates,
    shuffle_pictures,
)
from mmeb_eval.demo.words import list_things
from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.language.english import with_article


def ask_thing_class(world: DemoWorld, rng: Random, *, says: str) -> Iterator[DemoQuestion]:
    """What the picture shows: an attribute of its only thing, such as ``shape`` or ``name``."""
    names = [getattr(picture.things[0], says) for picture in world.portraits]
    for picture in shuffle_pictures(world.portraits, rng):
        right = getattr(picture.things[0], says)
        instruction = IMAGE_TOKEN + "Identify the object shown in the image"
        yield DemoQuestion(instruction, "", DemoImage(picture), make_text_candidates(right, names, rng))


def ask_scene_class(world: DemoWorld, rng: Random, *, says: str) -> Iterator[DemoQuestion]:
    """Where the picture is: an attribute of its scene, ``label`` or ``view``."""
    for picture in shuffle_pictures(world.pictures, rng):
        labels = [getattr(scene, says) for scene in SCENES]
        right = getattr(picture.scene, says)
        instruction = IMAGE_TOKEN + "Identify the scene shown in the image"
        yield DemoQuestion(instruction, "", DemoImage(picture), make_text_candidates(right, labels, rng))


def ask_captioned_scene_class(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Where the picture is; the query has a caption that names the things and not the scene."""
    for picture in shuffle_pictures(world.pictures, rng):
        instruction = (
            IMAGE_TOKEN + "Represent the given news image with the following caption for domain classification:"
        )
        caption = f"{list_things(picture)}, seen today."
        labels = [scene.label for scene in SCENES]
        yield DemoQuestion(
            instruction, caption, DemoImage(picture), make_text_candidates(picture.scene.label, labels, rng)
        )


def ask_whether_red(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Whether the picture shows anything red: two candidates."""
    for picture in shuffle_pictures(world.pictures, rng):
        right = "Yes" if any(thing.colour == "red" for thing in picture.things) else "No"
        instruction = (
            IMAGE_TOKEN
            + "Represent the given image for binary classification to determine whether it shows a red shape"
        )
        yield DemoQuestion(instruction, "", DemoImage(picture), make_text_candidates(right, ("No", "Yes"), rng))


def ask_colour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        for thing in picture.things:
            if sum(other.shape == thing.shape for other in picture.things) == 1:
                yield _make_question(picture, f"What colour is the {thing.shape}?", thing.colour, tuple(COLOURS), rng)
                break


def ask_shape(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        for thing in picture.things:
            if sum(other.colour == thing.colour for other in picture.things) == 1:
                yield _make_question(
                    picture, f"What shape is {thing.colour}?", f"the {thing.shape}", _add_articles(SHAPES), rng
                )
                break


def ask_count(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        yield _make_question(
            picture, "How many shapes are there?", NUMBER_WORDS[len(picture.things)], NUMBER_WORDS, rng
        )


def ask_count_of_colour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        colour = rng.choice([*(thing.colour for thing in picture.things), *COLOURS])
        count = sum(thing.colour == colour for thing in picture.things)
        yield _make_question(picture, f"How many shapes are {colour}?", NUMBER_WORDS[count], NUMBER_WORDS, rng)


def ask_scene(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        thing = rng.choice(picture.things)
        here = [scene.location.capitalize() + "." for scene in SCENES]
        yield _make_question(
            picture, f"Where is the {thing.name}?", picture.scene.location.capitalize() + ".", here, rng
        )


def ask_largest(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    yield from _ask_which_thing(world, rng, {"Which shape is the largest?": find_largest})


def ask_outermost(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    ends = {"above": "highest", "below": "lowest", "to the left of": "leftmost", "to the right of": "rightmost"}
    asks = {f"Which shape is the {end}?": partial(find_outermost, relation=relation) for relation, end in ends.items()}
    yield from _ask_which_thing(world, rng, asks)


def ask_neighbour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        for place, thing in enumerate(picture.things):
            found = [
                (relation, one)
                for relation in RELATION_AXES
                if (one := find_only_thing(picture, relation, place)) is not None
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
    for picture in shuffle_pictures(world.portraits, rng):
        names = [with_article(other.things[0].name) for other in world.portraits]
        yield _make_question(
            picture, "Can you tell me what this is please?", with_article(picture.things[0].name), names, rng
        )


def ask_presence(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    for picture in shuffle_pictures(world.pictures, rng):
        there = [thing.name for thing in picture.things]
        name, right = (
            (rng.choice(there), "Yes") if rng.random() < 0.5 else (rng.choice(_list_absent_names(picture)), "No")
        )
        yield _make_question(
            picture, f"Is there {with_article(name)} {picture.scene.location}?", right, ("Yes", "No", "Maybe"), rng
        )


def _ask_which_thing(
    world: DemoWorld, rng: Random, finders: Mapping[str, Callable[[DemoPicture], int | None]]
) -> Iterator[DemoQuestion]:
    """Questions whose answer is the name of one thing; wrong candidates are names of other things."""
    for picture in shuffle_pictures(world.pictures, rng):
        found = [(ask, thing) for ask, find in finders.items() if (thing := find(picture)) is not None]
        if found:
            ask, thing = rng.choice(found)
            yield _make_question(picture, ask, picture.things[thing].name, _list_other_names(picture, world), rng)


def _make_question(picture: DemoPicture, text: str, right: str, others: Sequence[str], rng: Random) -> DemoQuestion:
    return DemoQuestion(QUESTION_INSTRUCTION, text, DemoImage(picture), make_text_candidates(right, others, rng))


def _add_articles(nouns: Mapping[str, object]) -> list[str]:
    return [f"the {noun}" for noun in nouns]


def _list_absent_names(picture: DemoPicture) -> list[str]:
    return [f"{c} {s}" for c in COLOURS for s in SHAPES if f"{c} {s}" not in find_thing_names(picture)]


def _list_other_names(picture: DemoPicture, world: DemoWorld) -> list[str]:
    """Names of the things of the picture and of two others, for wrong answers."""
    return [thing.name for other in (picture, *world.pictures[:2]) for thing in other.things]
