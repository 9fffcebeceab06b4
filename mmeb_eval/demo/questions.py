"""The questions of the demo tasks: one function for each kind, one row of `KINDS` for each task.

Every question is answered by looking at the picture, and the right candidate is right by construction: pictures are
drawn from the facts that the questions are about. A wrong candidate is false of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from random import Random
from typing import TypeAlias

from mmeb_eval.demo.pictures import (
    SIDES,
    Picture,
    Shot,
    expressions,
    largest,
    moved,
    only,
    outermost,
    places,
    portrait,
)
from scar.english import a
from scar.scenes.places import SCENES
from scar.scenes.shapes import COLOURS, SHAPES

IMAGE = "<|image_1|>\n"
CHOICES = 10
"""Most candidates of a question, where the data could give more."""

NUMBERS = ("no", "one", "two", "three", "four", "five")

ASK = IMAGE + "Represent the given image with the following question:"
SHOW = IMAGE + "Represent the given image."
CROPPED = IMAGE + "Represent the given cropped image of the object"
RELATED = IMAGE + "Represent the given image with related text information:"


@dataclass(frozen=True, slots=True)
class Question:
    """A row: what is asked, and what is ranked, the right one first.

    Attributes:
        instruction: with the data's image token where an image goes.
        text: of the query; may be empty.
        image: of the query, if it has one.
        candidates: text, which may be empty, and image, if it has one.
        show: instruction of the candidates; empty for texts.
    """

    instruction: str
    text: str
    image: Shot | None
    candidates: tuple[tuple[str, Shot | None], ...]
    show: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """What questions are about: pictures of several things, and portraits of one."""

    pictures: Sequence[Picture]
    portraits: Sequence[Picture]


Kind: TypeAlias = Callable[[World, Random], Iterator[Question]]
"""Yields as many different questions as the world has; the order is drawn."""


def _answers(right: str, others: Sequence[str], rng: Random) -> tuple[tuple[str, None], ...]:
    """Candidate texts."""
    wrong = [other for other in dict.fromkeys(others) if other != right]
    return tuple((text, None) for text in (right, *rng.sample(wrong, k=min(len(wrong), CHOICES - 1))))


def _shots(right: Picture, wrong: Sequence[Picture], rng: Random) -> tuple[tuple[str, Shot], ...]:
    """Candidate images; of the wrong ones those in the right one's place come first, as they are the hardest."""
    drawn = sorted(rng.sample(wrong, k=len(wrong)), key=lambda other: other.scene is not right.scene)
    return tuple(("", Shot(picture)) for picture in (right, *drawn[: CHOICES - 1]))


def _shuffled(pictures: Sequence[Picture], rng: Random) -> list[Picture]:
    return rng.sample(pictures, k=len(pictures))


# Classification


def thing_class(world: World, rng: Random, *, says: str) -> Iterator[Question]:
    """What a portrait shows: its ``shape``, or its whole ``name``."""
    names = [getattr(picture.things[0], says) for picture in world.portraits]
    for picture in _shuffled(world.portraits, rng):
        right = getattr(picture.things[0], says)
        instruction = IMAGE + "Identify the object shown in the image"
        yield Question(instruction, "", Shot(picture), _answers(right, names, rng))


def scene_class(world: World, rng: Random, *, says: str) -> Iterator[Question]:
    """Where a picture is: the ``label`` of its scene, or the ``view``."""
    for picture in _shuffled(world.pictures, rng):
        labels = [getattr(scene, says) for scene in SCENES]
        right = getattr(picture.scene, says)
        instruction = IMAGE + "Identify the scene shown in the image"
        yield Question(instruction, "", Shot(picture), _answers(right, labels, rng))


def captioned_scene_class(world: World, rng: Random) -> Iterator[Question]:
    """The same beside a caption, which tells of the things and not of the place."""
    for picture in _shuffled(world.pictures, rng):
        instruction = IMAGE + "Represent the given news image with the following caption for domain classification:"
        caption = f"{_listed(picture)}, seen today."
        labels = [scene.label for scene in SCENES]
        yield Question(instruction, caption, Shot(picture), _answers(picture.scene.label, labels, rng))


def either_or(world: World, rng: Random) -> Iterator[Question]:
    """Whether anything red is there: two candidates."""
    for picture in _shuffled(world.pictures, rng):
        right = "Yes" if any(thing.colour == "red" for thing in picture.things) else "No"
        instruction = (
            IMAGE + "Represent the given image for binary classification to determine whether it shows a red shape"
        )
        yield Question(instruction, "", Shot(picture), _answers(right, ("No", "Yes"), rng))


# Questions about a picture


def asked_colour(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.pictures, rng):
        for thing in picture.things:
            if sum(other.shape == thing.shape for other in picture.things) == 1:
                yield _vqa(picture, f"What colour is the {thing.shape}?", thing.colour, tuple(COLOURS), rng)
                break


def asked_shape(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.pictures, rng):
        for thing in picture.things:
            if sum(other.colour == thing.colour for other in picture.things) == 1:
                yield _vqa(picture, f"What shape is {thing.colour}?", f"the {thing.shape}", _the(SHAPES), rng)
                break


def asked_count(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.pictures, rng):
        yield _vqa(picture, "How many shapes are there?", NUMBERS[len(picture.things)], NUMBERS, rng)


def asked_count_of_colour(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.pictures, rng):
        colour = rng.choice([*(thing.colour for thing in picture.things), *COLOURS])
        count = sum(thing.colour == colour for thing in picture.things)
        yield _vqa(picture, f"How many shapes are {colour}?", NUMBERS[count], NUMBERS, rng)


def asked_place(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.pictures, rng):
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
    for picture in _shuffled(world.pictures, rng):
        for place, thing in enumerate(picture.things):
            found = [(relation, one) for relation in SIDES if (one := only(picture, relation, place)) is not None]
            if found:
                relation, one = rng.choice(found)
                right, others = picture.things[one].name, _others(picture, world)
                yield _vqa(
                    picture, f"What is {relation} the {thing.name}?", a(right), [a(name) for name in others], rng
                )


def asked_name(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.portraits, rng):
        names = [a(other.things[0].name) for other in world.portraits]
        yield _vqa(picture, "Can you tell me what this is please?", a(picture.things[0].name), names, rng)


def asked_whether(world: World, rng: Random) -> Iterator[Question]:
    for picture in _shuffled(world.pictures, rng):
        there = [thing.name for thing in picture.things]
        name, right = (rng.choice(there), "Yes") if rng.random() < 0.5 else (rng.choice(_absent(picture)), "No")
        yield _vqa(picture, f"Is there {a(name)} {picture.scene.place}?", right, ("Yes", "No", "Maybe"), rng)


def _asked_which(world: World, rng: Random, asks: Mapping[str, Callable[[Picture], int | None]]) -> Iterator[Question]:
    """Questions whose answer is the name of one thing; the others of the picture are among the candidates."""
    for picture in _shuffled(world.pictures, rng):
        found = [(ask, thing) for ask, find in asks.items() if (thing := find(picture)) is not None]
        if found:
            ask, thing = rng.choice(found)
            yield _vqa(picture, ask, picture.things[thing].name, _others(picture, world), rng)


def _vqa(picture: Picture, text: str, right: str, others: Sequence[str], rng: Random) -> Question:
    return Question(ASK, text, Shot(picture), _answers(right, others, rng))


# Retrieval


def image_to_text(world: World, rng: Random, *, says: Callable[[Picture], str], instruction: str) -> Iterator[Question]:
    """Which caption is true of the picture."""
    for picture in _shuffled(world.pictures, rng):
        wrong = [says(other) for other in world.pictures if says(other) != says(picture)]
        yield Question(IMAGE + instruction, "", Shot(picture), _answers(says(picture), wrong, rng))


def text_to_image(
    world: World, rng: Random, *, says: Callable[[Picture], str], instruction: str, show: str = SHOW
) -> Iterator[Question]:
    """Of which picture the text is true."""
    for picture in _shuffled(world.pictures, rng):
        wrong = [other for other in world.pictures if says(other) != says(picture)]
        yield Question(instruction, says(picture), None, _shots(picture, wrong, rng), show)


def text_to_captioned_image(
    world: World, rng: Random, *, asks: Callable[[Picture], str], says: Callable[[Picture], str], instruction: str
) -> Iterator[Question]:
    """Which picture with its text answers; the text alone leaves those of one place equal."""
    for question in text_to_image(world, rng, says=asks, instruction=instruction, show=RELATED):
        pairs = tuple((says(shot.picture), shot) for _, shot in question.candidates if shot)
        yield replace(question, candidates=pairs)


def elsewhere(world: World, rng: Random) -> Iterator[Question]:
    """The same things in another place; the picture itself is among the wrong ones."""
    for picture in _shuffled(world.pictures, rng):
        scene = rng.choice([scene for scene in SCENES if scene is not picture.scene])
        right = replace(picture, scene=scene)
        text = f"Show the same shapes {scene.place}."
        instruction = IMAGE + "Given an image, find a similar everyday image with the described changes:"
        others = [other for other in world.pictures if _names(other) != _names(picture)]
        wrong = [picture, *(shot.picture for _, shot in _shots(right, others, rng)[1 : CHOICES - 1])]
        yield Question(instruction, text, Shot(picture), _in_order(right, wrong), SHOW)


def recoloured(world: World, rng: Random) -> Iterator[Question]:
    """The same thing in another colour; the old colour, other colours and other shapes are wrong."""
    for picture in _shuffled(world.portraits, rng):
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
    for picture in _shuffled(world.pictures, rng):
        wrong = [other for other in world.pictures if other is not picture]
        _, *others = _shots(picture, wrong, rng)
        instruction = IMAGE + "Find a day-to-day image that looks similar to the provided image."
        candidates = (("", Shot(moved(picture))), *others)
        yield Question(instruction, "", Shot(picture), candidates, SHOW)


def encyclopedia(world: World, rng: Random) -> Iterator[Question]:
    """Another portrait of the same thing, with its article."""
    for picture in _shuffled(world.portraits, rng):
        (thing,) = picture.things
        wrong = [other.things[0] for other in world.portraits if other.things[0].name != thing.name]
        entries = [
            portrait(one.colour, one.shape, f"entry/{one.name}") for one in (thing, *rng.sample(wrong, k=CHOICES - 1))
        ]
        instruction = (
            IMAGE + "Retrieve an image-description pair that provides evidence for the question of this image:"
        )
        candidates = tuple((_article(entry), Shot(entry)) for entry in entries)
        yield Question(instruction, "What is this?", Shot(picture), candidates, RELATED)


# Grounding


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
    for picture in _shuffled(world.pictures, rng):
        everything = [(thing, text) for thing in range(len(picture.things)) for text in expressions(picture, thing)]
        order = rng.sample(range(len(picture.things)), k=len(picture.things))
        for thing in order:
            own = expressions(picture, thing)
            if len(own) > 1:
                one, other = rng.sample(own, k=2)
                wrong = [text for which, text in everything if which != thing]
                texts = [other, *rng.sample(wrong, k=min(len(wrong), CHOICES - 1))]
                instruction = IMAGE + "Select the portion of the image that follows the language expressions:"
                candidates = tuple((f'"{_start(text)}"', Shot(picture)) for text in texts)
                yield Question(instruction, f'"{one}"', Shot(picture), candidates, instruction)
                break


def _crops(world: World, rng: Random, instruction: str, asks: Callable[[Picture, int], str]) -> Iterator[Question]:
    """One thing of each picture that there is something to ask about; the wrong candidates are its other things."""
    for picture in _shuffled(world.pictures, rng):
        for thing in rng.sample(range(len(picture.things)), k=len(picture.things)):
            if text := asks(picture, thing):
                others = [other for other in range(len(picture.things)) if other != thing]
                candidates = tuple(("", Shot(picture, which)) for which in (thing, *others))
                yield Question(instruction, text, Shot(picture), candidates, CROPPED)
                break


# Words


def all_things(picture: Picture) -> str:
    """A caption of everything: "A red star and a blue ring on a beach."."""
    return f"{_listed(picture)} {picture.scene.place}."


def headline(picture: Picture) -> str:
    """Place, number of things, and one of them; two pictures of one place may share it only if all three agree."""
    return (
        f"{_start(picture.scene.label)}: {NUMBERS[len(picture.things)]} shapes, {a(picture.things[0].name)} among them."
    )


def dialogue(picture: Picture) -> str:
    """Questions and answers about the picture."""
    asked = [("where is it", picture.scene.place), ("how many shapes are there", NUMBERS[len(picture.things)])]
    asked += [(f"is there {a(thing.name)}", "yes") for thing in picture.things[:2]]
    return "\n".join(f"Q:{question}\nA:{answer}" for question, answer in asked)


def question_of(picture: Picture) -> str:
    """What the picture answers."""
    return f"Which {picture.scene.label} has {_listed(picture)[0].lower()}{_listed(picture)[1:]}?"


def title(picture: Picture) -> str:
    """What stands beside the picture: its place."""
    return f"{_start(picture.scene.view)}."


def _article(entry: Picture) -> str:
    """What an encyclopedia says of a portrait's thing."""
    (thing,) = entry.things
    return f"{_start(thing.name)}. It is {a(thing.shape)} painted {thing.colour}."


def _listed(picture: Picture) -> str:
    *names, last = [a(thing.name) for thing in picture.things]
    return _start(f"{', '.join(names)} and {last}")


def _start(text: str) -> str:
    return text[0].upper() + text[1:]


def _the(nouns: Mapping[str, object]) -> list[str]:
    return [f"the {noun}" for noun in nouns]


def _names(picture: Picture) -> set[str]:
    return {thing.name for thing in picture.things}


def _absent(picture: Picture) -> list[str]:
    return [f"{c} {s}" for c in COLOURS for s in SHAPES if f"{c} {s}" not in _names(picture)]


def _others(picture: Picture, world: World) -> list[str]:
    """Names for wrong answers: those of the picture's own things first in number."""
    return [thing.name for other in (picture, *world.pictures[:2]) for thing in other.things]


def _in_order(right: Picture, wrong: Sequence[Picture]) -> tuple[tuple[str, Shot], ...]:
    return tuple(("", Shot(picture)) for picture in (right, *wrong))


KINDS: Mapping[str, Kind] = {
    "ImageNet-1K": partial(thing_class, says="shape"),
    "N24News": captioned_scene_class,
    "HatefulMemes": either_or,
    "VOC2007": partial(thing_class, says="shape"),
    "SUN397": partial(scene_class, says="label"),
    "Place365": partial(scene_class, says="label"),
    "ImageNet-A": partial(thing_class, says="name"),
    "ImageNet-R": partial(thing_class, says="colour"),
    "ObjectNet": partial(thing_class, says="name"),
    "Country211": partial(scene_class, says="view"),
    "OK-VQA": asked_colour,
    "A-OKVQA": asked_shape,
    "DocVQA": asked_neighbour,
    "InfographicsVQA": asked_count,
    "ChartQA": asked_count_of_colour,
    "Visual7W": asked_place,
    "ScienceQA": asked_largest,
    "VizWiz": asked_name,
    "GQA": asked_whether,
    "TextVQA": asked_outermost,
    "VisDial": partial(
        text_to_image,
        says=dialogue,
        instruction="Represent the given dialogue about an image, which is used for image retrieval:",
    ),
    "CIRR": elsewhere,
    "VisualNews_t2i": partial(text_to_image, says=headline, instruction="Retrieve an image of this news caption."),
    "VisualNews_i2t": partial(
        image_to_text, says=headline, instruction="Find a caption for the news in the given photo."
    ),
    "MSCOCO_t2i": partial(
        text_to_image, says=all_things, instruction="Find me an everyday image that matches the given caption:"
    ),
    "MSCOCO_i2t": partial(
        image_to_text, says=all_things, instruction="Find an image caption describing the given everyday image."
    ),
    "NIGHTS": look_alike,
    "WebQA": partial(
        text_to_captioned_image,
        asks=question_of,
        says=title,
        instruction="Find a Wikipedia image that answers this question:",
    ),
    "FashionIQ": recoloured,
    "Wiki-SS-NQ": partial(
        text_to_image, says=question_of, instruction="Find the document image that can answer the given query:"
    ),
    "OVEN": encyclopedia,
    "EDIS": partial(
        text_to_captioned_image,
        asks=all_things,
        says=title,
        instruction="Find a news image that matches the provided caption:",
    ),
    "MSCOCO": named_crop,
    "RefCOCO": expressed_crop,
    "RefCOCO-Matching": matching,
    "Visual7W-Pointing": asked_crop,
}
"""Name of an MMEB task -> its demo questions."""


def questions(task: str, world: World, count: int, seed: int) -> list[Question]:
    """The demo questions of an MMEB task, at most ``count``."""
    rng = Random(f"{seed}/{task}")  # noqa: S311 - questions, not secrets
    return list(islice(KINDS[task](world, rng), count))
