"""Demo questions of the grounding tasks: the candidates stand for the things of one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from mmeb_eval.demo.picture_texts import capitalise_first
from mmeb_eval.demo.pictures import DemoImage, DemoPicture, list_expressions, list_position_expressions
from mmeb_eval.demo.question import (
    CROP_INSTRUCTION,
    IMAGE_TOKEN,
    MAX_CANDIDATES,
    DemoQuestion,
    DemoWorld,
    shuffle_pictures,
)


def ask_crop_by_name(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which crop of a picture shows the thing with a certain name, such as "red star"; once for each picture."""
    instruction = IMAGE_TOKEN + "Crop the image to isolate the object labeled as"
    yield from _ask_crops(world, rng, instruction, lambda picture, thing: f'"{picture.things[thing].name}"')


def ask_crop_by_expression(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which crop of a picture shows the thing that a referring expression names, once for each picture."""
    instruction = IMAGE_TOKEN + "Select the portion of the image that follows the language expressions."
    yield from _ask_crops(
        world, rng, instruction, lambda picture, thing: f'"{rng.choice(list_expressions(picture, thing))[4:]}"'
    )


def ask_crop_by_question(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which crop of a picture answers a question, such as "Which one is the highest thing?".

    There is one question for each picture in which a thing can be told from the others by its position or size.
    """
    instruction = IMAGE_TOKEN + "Select the portion of the image that answers the question"

    def make_text(picture: DemoPicture, thing: int) -> str:
        expressions = list_position_expressions(picture, thing)
        return f'"Which one is {rng.choice(expressions)}?"' if expressions else ""

    yield from _ask_crops(world, rng, instruction, make_text)


def ask_matching(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which expression refers to the same thing of a picture as the expression in the query.

    The query and all candidates show the whole picture. There is one question for each picture in which a thing has two
    expressions.
    """
    for picture in shuffle_pictures(world.pictures, rng):
        things = range(len(picture.things))
        expressions = [(thing, text) for thing in things for text in list_expressions(picture, thing)]
        for thing in rng.sample(things, k=len(things)):
            right = list_expressions(picture, thing)
            if len(right) > 1:
                one, other = rng.sample(right, k=2)
                wrong = [text for owner, text in expressions if owner != thing]
                texts = [other, *rng.sample(wrong, k=min(len(wrong), MAX_CANDIDATES - 1))]
                instruction = IMAGE_TOKEN + "Select the portion of the image that follows the language expressions:"
                candidates = tuple((f'"{capitalise_first(text)}"', DemoImage(picture)) for text in texts)
                yield DemoQuestion(instruction, f'"{one}"', DemoImage(picture), candidates, instruction)
                break


def _ask_crops(
    world: DemoWorld, rng: Random, instruction: str, make_text: Callable[[DemoPicture, int], str]
) -> Iterator[DemoQuestion]:
    """Ask about one thing of each picture; the crops of its other things are the wrong candidates.

    Things for which ``make_text`` returns an empty text are passed over.
    """
    for picture in shuffle_pictures(world.pictures, rng):
        for thing in rng.sample(range(len(picture.things)), k=len(picture.things)):
            if text := make_text(picture, thing):
                others = [other for other in range(len(picture.things)) if other != thing]
                candidates = tuple(("", DemoImage(picture, which)) for which in (thing, *others))
                yield DemoQuestion(instruction, text, DemoImage(picture), candidates, CROP_INSTRUCTION)
                break
