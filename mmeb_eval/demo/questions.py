"""The questions of the demo tasks: a row for each task.

Every question is answered by looking at the picture, and the right candidate is right by construction: pictures are
drawn from the facts that the questions are about. A wrong candidate is false of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from random import Random

from mmeb_eval.demo import grounding, looking, retrieval, words
from mmeb_eval.demo.question import Kind, Question, World

KINDS: Mapping[str, Kind] = {
    "ImageNet-1K": partial(looking.thing_class, says="shape"),
    "N24News": looking.captioned_scene_class,
    "HatefulMemes": looking.either_or,
    "VOC2007": partial(looking.thing_class, says="shape"),
    "SUN397": partial(looking.scene_class, says="label"),
    "Place365": partial(looking.scene_class, says="label"),
    "ImageNet-A": partial(looking.thing_class, says="name"),
    "ImageNet-R": partial(looking.thing_class, says="colour"),
    "ObjectNet": partial(looking.thing_class, says="name"),
    "Country211": partial(looking.scene_class, says="view"),
    "OK-VQA": looking.asked_colour,
    "A-OKVQA": looking.asked_shape,
    "DocVQA": looking.asked_neighbour,
    "InfographicsVQA": looking.asked_count,
    "ChartQA": looking.asked_count_of_colour,
    "Visual7W": looking.asked_place,
    "ScienceQA": looking.asked_largest,
    "VizWiz": looking.asked_name,
    "GQA": looking.asked_whether,
    "TextVQA": looking.asked_outermost,
    "VisDial": partial(
        retrieval.text_to_image,
        says=words.dialogue,
        instruction="Represent the given dialogue about an image, which is used for image retrieval:",
    ),
    "CIRR": retrieval.elsewhere,
    "VisualNews_t2i": partial(
        retrieval.text_to_image, says=words.headline, instruction="Retrieve an image of this news caption."
    ),
    "VisualNews_i2t": partial(
        retrieval.image_to_text, says=words.headline, instruction="Find a caption for the news in the given photo."
    ),
    "MSCOCO_t2i": partial(
        retrieval.text_to_image,
        says=words.all_things,
        instruction="Find me an everyday image that matches the given caption:",
    ),
    "MSCOCO_i2t": partial(
        retrieval.image_to_text,
        says=words.all_things,
        instruction="Find an image caption describing the given everyday image.",
    ),
    "NIGHTS": retrieval.look_alike,
    "WebQA": partial(
        retrieval.text_to_captioned_image,
        asks=words.question_of,
        says=words.title,
        instruction="Find a Wikipedia image that answers this question:",
    ),
    "FashionIQ": retrieval.recoloured,
    "Wiki-SS-NQ": partial(
        retrieval.text_to_image,
        says=words.question_of,
        instruction="Find the document image that can answer the given query:",
    ),
    "OVEN": retrieval.encyclopedia,
    "EDIS": partial(
        retrieval.text_to_captioned_image,
        asks=words.all_things,
        says=words.title,
        instruction="Find a news image that matches the provided caption:",
    ),
    "MSCOCO": grounding.named_crop,
    "RefCOCO": grounding.expressed_crop,
    "RefCOCO-Matching": grounding.matching,
    "Visual7W-Pointing": grounding.asked_crop,
}
"""Name of an MMEB task -> its demo questions."""


def questions(task: str, world: World, count: int, seed: int) -> list[Question]:
    """The demo questions of an MMEB task, at most ``count``."""
    rng = Random(f"{seed}/{task}")  # noqa: S311 - questions, not secrets
    return list(islice(KINDS[task](world, rng), count))
