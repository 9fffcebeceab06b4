"""Demo questions of the classification tasks: the candidates are labels.

Each function asks one question about each picture, or about each portrait, in random order.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mmeb_eval.demo.picture_texts import list_things
from mmeb_eval.demo.pictures import DemoImage
from mmeb_eval.demo.question import IMAGE_TOKEN, DemoQuestion, DemoWorld, make_text_candidates, shuffle_pictures
from scar.demo.scenes import SCENES


def ask_thing_class(world: DemoWorld, rng: Random, *, attribute: str) -> Iterator[DemoQuestion]:
    """Ask what each portrait shows; the answer is an attribute of its only thing, such as ``shape`` or ``name``.

    Wrong candidates are that attribute of the things of other portraits.
    """
    names = [getattr(picture.things[0], attribute) for picture in world.portraits]
    for picture in shuffle_pictures(world.portraits, rng):
        right = getattr(picture.things[0], attribute)
        instruction = IMAGE_TOKEN + "Identify the object shown in the image"
        yield DemoQuestion(instruction, "", DemoImage(picture), make_text_candidates(right, names, rng))


def ask_scene_class(world: DemoWorld, rng: Random, *, attribute: str) -> Iterator[DemoQuestion]:
    """Ask where each picture is; the answer is an attribute of its scene, such as ``label``.

    Wrong candidates are that attribute of the other scenes.
    """
    for picture in shuffle_pictures(world.pictures, rng):
        labels = [getattr(scene, attribute) for scene in SCENES]
        right = getattr(picture.scene, attribute)
        instruction = IMAGE_TOKEN + "Identify the scene shown in the image"
        yield DemoQuestion(instruction, "", DemoImage(picture), make_text_candidates(right, labels, rng))


def ask_captioned_scene_class(world: DemoWorld, rng: Random) -> Iterator[DemoQuestion]:
    """Ask where each picture is; the query also has a caption that names the things but not the scene."""
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
    """Ask whether each picture shows anything red; the candidates are Yes and No."""
    for picture in shuffle_pictures(world.pictures, rng):
        right = "Yes" if any(thing.colour == "red" for thing in picture.things) else "No"
        instruction = (
            IMAGE_TOKEN
            + "Represent the given image for binary classification to determine whether it shows a red shape"
        )
        yield DemoQuestion(instruction, "", DemoImage(picture), make_text_candidates(right, ("No", "Yes"), rng))
