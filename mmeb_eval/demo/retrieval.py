"""Demo questions of the retrieval tasks: the candidates are whole pictures or texts about pictures.

Each function asks one question about each picture, or about each portrait, in random order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

from mmeb_eval.demo.picture_texts import write_article
from mmeb_eval.demo.pictures import DemoImage, DemoPicture, draw_portrait, move_things
from mmeb_eval.demo.question import (
    IMAGE_INSTRUCTION,
    IMAGE_TEXT_INSTRUCTION,
    IMAGE_TOKEN,
    MAX_CANDIDATES,
    DemoQuestion,
    DemoWorld,
    find_thing_names,
    make_image_candidates,
    make_text_candidates,
    shuffle_pictures,
)
from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES


def ask_image_to_text(
    world: DemoWorld, rng: Random, *, write_text: Callable[[DemoPicture], str], instruction: str
) -> Iterator[DemoQuestion]:
    """Ask which text describes a picture, once for each picture; ``write_text`` writes it.

    Wrong candidates are the texts that it writes for other pictures, unless they are the same.
    """
    for picture in shuffle_pictures(world.pictures, rng):
        wrong = [write_text(other) for other in world.pictures if write_text(other) != write_text(picture)]
        yield DemoQuestion(
            IMAGE_TOKEN + instruction, "", DemoImage(picture), make_text_candidates(write_text(picture), wrong, rng)
        )


def ask_text_to_image(
    world: DemoWorld,
    rng: Random,
    *,
    write_text: Callable[[DemoPicture], str],
    instruction: str,
    candidate_instruction: str = IMAGE_INSTRUCTION,
) -> Iterator[DemoQuestion]:
    """Ask which picture a text describes, once for each picture; ``write_text`` writes the text of the right picture.

    Wrong candidates are pictures for which it writes another text.
    """
    for picture in shuffle_pictures(world.pictures, rng):
        wrong = [other for other in world.pictures if write_text(other) != write_text(picture)]
        yield DemoQuestion(
            instruction, write_text(picture), None, make_image_candidates(picture, wrong, rng), candidate_instruction
        )


def ask_text_to_captioned_image(
    world: DemoWorld,
    rng: Random,
    *,
    write_query: Callable[[DemoPicture], str],
    write_text: Callable[[DemoPicture], str],
    instruction: str,
) -> Iterator[DemoQuestion]:
    """Ask which picture a text describes, once for each picture; each candidate picture has a text beside it.

    ``write_query`` writes the text of the query, ``write_text`` the text beside a candidate.
    """
    for question in ask_text_to_image(
        world, rng, write_text=write_query, instruction=instruction, candidate_instruction=IMAGE_TEXT_INSTRUCTION
    ):
        pairs = tuple((write_text(image.picture), image) for _, image in question.candidates if image)
        yield replace(question, candidates=pairs)


def ask_other_scene(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which picture shows the things of each picture in another scene; the picture itself is a wrong candidate."""
    for picture in shuffle_pictures(world.pictures, rng):
        scene = rng.choice([scene for scene in SCENES if scene is not picture.scene])
        right = replace(picture, scene=scene)
        text = f"Show the same shapes {scene.location}."
        instruction = IMAGE_TOKEN + "Given an image, find a similar everyday image with the described changes:"
        others = [other for other in world.pictures if find_thing_names(other) != find_thing_names(picture)]
        hardest = make_image_candidates(right, others, rng)[1 : MAX_CANDIDATES - 1]
        wrong = [picture, *(image.picture for _, image in hardest)]
        yield DemoQuestion(instruction, text, DemoImage(picture), _keep_order(right, wrong), IMAGE_INSTRUCTION)


def ask_other_colour(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which picture shows a portrait's thing in the colour of the text; wrong ones differ in colour or shape."""
    for picture in shuffle_pictures(world.portraits, rng):
        (thing,) = picture.things
        old, *rest = [thing.colour, *rng.sample([colour for colour in COLOURS if colour != thing.colour], k=5)]
        new = rest[0]
        same = [replace(picture, things=(replace(thing, colour=colour),)) for colour in rest]
        shapes = rng.sample([shape for shape in SHAPES if shape != thing.shape], k=3)
        other = [replace(picture, things=(replace(thing, colour=new, shape=shape),)) for shape in shapes]
        instruction = IMAGE_TOKEN + "Find an image to match the fashion image and style note:"
        text = f"Is {new} instead of {old}."
        yield DemoQuestion(
            instruction, text, DemoImage(picture), _keep_order(same[0], [picture, *same[1:], *other]), IMAGE_INSTRUCTION
        )


def ask_look_alike(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which picture shows the things of each picture, all moved alike by a few pixels."""
    for picture in shuffle_pictures(world.pictures, rng):
        wrong = [other for other in world.pictures if other is not picture]
        _, *others = make_image_candidates(picture, wrong, rng)
        instruction = IMAGE_TOKEN + "Find a day-to-day image that looks similar to the provided image."
        candidates = (("", DemoImage(move_things(picture))), *others)
        yield DemoQuestion(instruction, "", DemoImage(picture), candidates, IMAGE_INSTRUCTION)


def ask_encyclopedia(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask which other picture shows the thing of each portrait; each candidate also has an article about its thing."""
    for picture in shuffle_pictures(world.portraits, rng):
        (thing,) = picture.things
        wrong = [other.things[0] for other in world.portraits if other.things[0].name != thing.name]
        entries = [
            draw_portrait(one.colour, one.shape, f"entry/{one.name}")
            for one in (thing, *rng.sample(wrong, k=MAX_CANDIDATES - 1))
        ]
        instruction = (
            IMAGE_TOKEN + "Retrieve an image-description pair that provides evidence for the question of this image:"
        )
        candidates = tuple((write_article(entry), DemoImage(entry)) for entry in entries)
        yield DemoQuestion(instruction, "What is this?", DemoImage(picture), candidates, IMAGE_TEXT_INSTRUCTION)


def _keep_order(right: DemoPicture, wrong: Sequence[DemoPicture]) -> tuple[tuple[str, DemoImage], ...]:
    """Make candidates of pictures, the right one first, then the wrong ones in the order given."""
    return tuple(("", DemoImage(picture)) for picture in (right, *wrong))
