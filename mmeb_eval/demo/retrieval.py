"""Demo questions whose candidates are whole pictures or captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from mmeb_eval.demo.pictures import Picture, Shot, moved, portrait
from mmeb_eval.demo.question import CHOICES, IMAGE, RELATED, SHOW, Question, World, answers, names, shots, shuffled
from mmeb_eval.demo.words import article
from scar.demo.places import SCENES
from scar.demo.shapes import COLOURS, SHAPES


def image_to_text(world: World, rng: Random, *, says: Callable[[Picture], str], instruction: str) -> Iterator[Question]:
    """Which caption is true of the picture."""
    for picture in shuffled(world.pictures, rng):
        wrong = [says(other) for other in world.pictures if says(other) != says(picture)]
        yield Question(IMAGE + instruction, "", Shot(picture), answers(says(picture), wrong, rng))


def text_to_image(
    world: World, rng: Random, *, says: Callable[[Picture], str], instruction: str, show: str = SHOW
) -> Iterator[Question]:
    """Of which picture the text is true."""
    for picture in shuffled(world.pictures, rng):
        wrong = [other for other in world.pictures if says(other) != says(picture)]
        yield Question(instruction, says(picture), None, shots(picture, wrong, rng), show)


def text_to_captioned_image(
    world: World, rng: Random, *, asks: Callable[[Picture], str], says: Callable[[Picture], str], instruction: str
) -> Iterator[Question]:
    """Which picture with its text answers; the text alone leaves those of one place equal."""
    for question in text_to_image(world, rng, says=asks, instruction=instruction, show=RELATED):
        pairs = tuple((says(shot.picture), shot) for _, shot in question.candidates if shot)
        yield replace(question, candidates=pairs)


def elsewhere(world: World, rng: Random) -> Iterator[Question]:
    """The same things in another place; the picture itself is among the wrong ones."""
    for picture in shuffled(world.pictures, rng):
        scene = rng.choice([scene for scene in SCENES if scene is not picture.scene])
        right = replace(picture, scene=scene)
        text = f"Show the same shapes {scene.place}."
        instruction = IMAGE + "Given an image, find a similar everyday image with the described changes:"
        others = [other for other in world.pictures if names(other) != names(picture)]
        wrong = [picture, *(shot.picture for _, shot in shots(right, others, rng)[1 : CHOICES - 1])]
        yield Question(instruction, text, Shot(picture), _in_order(right, wrong), SHOW)


def recoloured(world: World, rng: Random) -> Iterator[Question]:
    """The same thing in another colour; the old colour, other colours and other shapes are wrong."""
    for picture in shuffled(world.portraits, rng):
        (thing,) = picture.things
        old, *rest = [thing.colour, *rng.sample([colour for colour in COLOURS if colour != thing.colour], k=5)]
        new = rest[0]
        same = [replace(picture, things=(replace(thing, colour=colour),)) for colour in rest]
        shapes = rng.sample([shape for shape in SHAPES if shape != thing.shape], k=3)
        other = [replace(picture, things=(replace(thing, colour=new, shape=shape),)) for shape in shapes]
        instruction = IMAGE + "Find an image to match the fashion image and style note:"
        text = f"Is {new} instead of {old}."
        yield Question(instruction, text, Shot(picture), _in_order(same[0], [picture, *same[1:], *other]), SHOW)


def look_alike(world: World, rng: Random) -> Iterator[Question]:
    """The picture in which everything is a step aside."""
    for picture in shuffled(world.pictures, rng):
        wrong = [other for other in world.pictures if other is not picture]
        _, *others = shots(picture, wrong, rng)
        instruction = IMAGE + "Find a day-to-day image that looks similar to the provided image."
        candidates = (("", Shot(moved(picture))), *others)
        yield Question(instruction, "", Shot(picture), candidates, SHOW)


def encyclopedia(world: World, rng: Random) -> Iterator[Question]:
    """Another portrait of the same thing, with its article."""
    for picture in shuffled(world.portraits, rng):
        (thing,) = picture.things
        wrong = [other.things[0] for other in world.portraits if other.things[0].name != thing.name]
        entries = [
            portrait(one.colour, one.shape, f"entry/{one.name}") for one in (thing, *rng.sample(wrong, k=CHOICES - 1))
        ]
        instruction = (
            IMAGE + "Retrieve an image-description pair that provides evidence for the question of this image:"
        )
        candidates = tuple((article(entry), Shot(entry)) for entry in entries)
        yield Question(instruction, "What is this?", Shot(picture), candidates, RELATED)


def _in_order(right: Picture, wrong: Sequence[Picture]) -> tuple[tuple[str, Shot], ...]:
    return tuple(("", Shot(picture)) for picture in (right, *wrong))
