"""Demo questions whose candidates are things of one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from mmeb_eval.demo.pictures import Picture, Shot, expressions, places
from mmeb_eval.demo.question import CHOICES, CROPPED, IMAGE, Question, World, shuffled
from mmeb_eval.demo.words import start


def named_crop(world: World, rng: Random) -> Iterator[Question]:
    """The cut-out of the thing with this name."""
    instruction = IMAGE + "Crop the image to isolate the object labeled as"
    yield from _crops(world, rng, instruction, lambda picture, thing: f'"{picture.things[thing].name}"')


def expressed_crop(world: World, rng: Random) -> Iterator[Question]:
    """The cut-out of the thing that the expression means."""
    instruction = IMAGE + "Select the portion of the image that follows the language expressions."
    yield from _crops(
        world, rng, instruction, lambda picture, thing: f'"{rng.choice(expressions(picture, thing))[4:]}"'
    )


def asked_crop(world: World, rng: Random) -> Iterator[Question]:
    """The cut-out of the thing that answers the question."""
    instruction = IMAGE + "Select the portion of the image that answers the question"

    def ask(picture: Picture, thing: int) -> str:
        found = places(picture, thing)
        return f'"Which one is {rng.choice(found)}?"' if found else ""

    yield from _crops(world, rng, instruction, ask)


def matching(world: World, rng: Random) -> Iterator[Question]:
    """Two expressions of one thing; all candidates are the whole picture, told apart by their texts."""
    for picture in shuffled(world.pictures, rng):
        everything = [(thing, text) for thing in range(len(picture.things)) for text in expressions(picture, thing)]
        order = rng.sample(range(len(picture.things)), k=len(picture.things))
        for thing in order:
            own = expressions(picture, thing)
            if len(own) > 1:
                one, other = rng.sample(own, k=2)
                wrong = [text for which, text in everything if which != thing]
                texts = [other, *rng.sample(wrong, k=min(len(wrong), CHOICES - 1))]
                instruction = IMAGE + "Select the portion of the image that follows the language expressions:"
                candidates = tuple((f'"{start(text)}"', Shot(picture)) for text in texts)
                yield Question(instruction, f'"{one}"', Shot(picture), candidates, instruction)
                break


def _crops(world: World, rng: Random, instruction: str, asks: Callable[[Picture, int], str]) -> Iterator[Question]:
    """One thing of each picture that there is something to ask about; the wrong candidates are its other things."""
    for picture in shuffled(world.pictures, rng):
        for thing in rng.sample(range(len(picture.things)), k=len(picture.things)):
            if text := asks(picture, thing):
                others = [other for other in range(len(picture.things)) if other != thing]
                candidates = tuple(("", Shot(picture, which)) for which in (thing, *others))
                yield Question(instruction, text, Shot(picture), candidates, CROPPED)
                break
