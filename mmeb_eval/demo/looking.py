"""Demo questions that are answered with words: what is seen, where it is, how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from random import Random

from mmeb_eval.demo.pictures import SIDES, Picture, Shot, largest, only, outermost
from mmeb_eval.demo.question import ASK, IMAGE, NUMBERS, Question, World, answers, names, shuffled
from mmeb_eval.demo.words import listed
from scar.demo.places import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.language.english import a


def thing_class(world: World, rng: Random, *, says: str) -> Iterator[Question]:
    """What a portrait shows: its ``shape``, or its whole ``name``."""
    names = [getattr(picture.things[0], says) for picture in world.portraits]
    for picture in shuffled(world.portraits, rng):
        right = getattr(picture.things[0], says)
        instruction = IMAGE + "Identify the object shown in the image"
        yield Question(instruction, "", Shot(picture), answers(right, names, rng))


def scene_class(world: World, rng: Random, *, says: str) -> Iterator[Question]:
    """Where a picture is: the ``label`` of its scene, or the ``view``."""
    for picture in shuffled(world.pictures, rng):
        labels = [getattr(scene, says) for scene in SCENES]
        right = getattr(picture.scene, says)
        instruction = IMAGE + "Identify the scene shown in the image"
        yield Question(instruction, "", Shot(picture), answers(right, labels, rng))


def captioned_scene_class(world: World, rng: Random) -> Iterator[Question]:
    """The same beside a caption, which tells of the things and not of the place."""
    for picture in shuffled(world.pictures, rng):
        instruction = IMAGE + "Represent the given news image with the following caption for domain classification:"
        caption = f"{listed(picture)}, seen today."
        labels = [scene.label for scene in SCENES]
        yield Question(instruction, caption, Shot(picture), answers(picture.scene.label, labels, rng))


def either_or(world: World, rng: Random) -> Iterator[Question]:
    """Whether anything red is there: two candidates."""
    for picture in shuffled(world.pictures, rng):
        right = "Yes" if any(thing.colour == "red" for thing in picture.things) else "No"
        instruction = (
            IMAGE + "Represent the given image for binary classification to determine whether it shows a red shape"
        )
        yield Question(instruction, "", Shot(picture), answers(right, ("No", "Yes"), rng))


def asked_colour(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        for thing in picture.things:
            if sum(other.shape == thing.shape for other in picture.things) == 1:
                yield _vqa(picture, f"What colour is the {thing.shape}?", thing.colour, tuple(COLOURS), rng)
                break


def asked_shape(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        for thing in picture.things:
            if sum(other.colour == thing.colour for other in picture.things) == 1:
                yield _vqa(picture, f"What shape is {thing.colour}?", f"the {thing.shape}", _the(SHAPES), rng)
                break


def asked_count(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        yield _vqa(picture, "How many shapes are there?", NUMBERS[len(picture.things)], NUMBERS, rng)


def asked_count_of_colour(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        colour = rng.choice([*(thing.colour for thing in picture.things), *COLOURS])
        count = sum(thing.colour == colour for thing in picture.things)
        yield _vqa(picture, f"How many shapes are {colour}?", NUMBERS[count], NUMBERS, rng)


def asked_place(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        thing = rng.choice(picture.things)
        here = [scene.place.capitalize() + "." for scene in SCENES]
        yield _vqa(picture, f"Where is the {thing.name}?", picture.scene.place.capitalize() + ".", here, rng)


def asked_largest(world: World, rng: Random) -> Iterator[Question]:
    yield from _asked_which(world, rng, {"Which shape is the largest?": largest})


def asked_outermost(world: World, rng: Random) -> Iterator[Question]:
    ends = {"above": "highest", "below": "lowest", "to the left of": "leftmost", "to the right of": "rightmost"}
    asks = {f"Which shape is the {end}?": partial(outermost, relation=relation) for relation, end in ends.items()}
    yield from _asked_which(world, rng, asks)


def asked_neighbour(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        for place, thing in enumerate(picture.things):
            found = [(relation, one) for relation in SIDES if (one := only(picture, relation, place)) is not None]
            if found:
                relation, one = rng.choice(found)
                right, others = picture.things[one].name, _others(picture, world)
                yield _vqa(
                    picture, f"What is {relation} the {thing.name}?", a(right), [a(name) for name in others], rng
                )


def asked_name(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.portraits, rng):
        names = [a(other.things[0].name) for other in world.portraits]
        yield _vqa(picture, "Can you tell me what this is please?", a(picture.things[0].name), names, rng)


def asked_whether(world: World, rng: Random) -> Iterator[Question]:
    for picture in shuffled(world.pictures, rng):
        there = [thing.name for thing in picture.things]
        name, right = (rng.choice(there), "Yes") if rng.random() < 0.5 else (rng.choice(_absent(picture)), "No")
        yield _vqa(picture, f"Is there {a(name)} {picture.scene.place}?", right, ("Yes", "No", "Maybe"), rng)


def _asked_which(world: World, rng: Random, asks: Mapping[str, Callable[[Picture], int | None]]) -> Iterator[Question]:
    """Questions whose answer is the name of one thing; the others of the picture are among the candidates."""
    for picture in shuffled(world.pictures, rng):
        found = [(ask, thing) for ask, find in asks.items() if (thing := find(picture)) is not None]
        if found:
            ask, thing = rng.choice(found)
            yield _vqa(picture, ask, picture.things[thing].name, _others(picture, world), rng)


def _vqa(picture: Picture, text: str, right: str, others: Sequence[str], rng: Random) -> Question:
    return Question(ASK, text, Shot(picture), answers(right, others, rng))


def _the(nouns: Mapping[str, object]) -> list[str]:
    return [f"the {noun}" for noun in nouns]


def _absent(picture: Picture) -> list[str]:
    return [f"{c} {s}" for c in COLOURS for s in SHAPES if f"{c} {s}" not in names(picture)]


def _others(picture: Picture, world: World) -> list[str]:
    """Names for wrong answers: those of the picture's own things first in number."""
    return [thing.name for other in (picture, *world.pictures[:2]) for thing in other.things]
