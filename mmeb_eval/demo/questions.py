"""Questions of the demo tasks: a row a task.

The right candidate is right by construction, as pictures are drawn from the properties that questions ask about. Wrong
candidates are false of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from random import Random

from mmeb_eval.demo import grounding, looking, retrieval, words
from mmeb_eval.demo.question import DemoQuestion, DemoWorld, QuestionWriter

QUESTION_WRITERS: Mapping[str, QuestionWriter] = {
    "ImageNet-1K": partial(looking.ask_thing_class, says="shape"),
    "N24News": looking.ask_captioned_scene_class,
    "HatefulMemes": looking.ask_whether_red,
    "VOC2007": partial(looking.ask_thing_class, says="shape"),
    "SUN397": partial(looking.ask_scene_class, says="label"),
    "Place365": partial(looking.ask_scene_class, says="label"),
    "ImageNet-A": partial(looking.ask_thing_class, says="name"),
    "ImageNet-R": partial(looking.ask_thing_class, says="colour"),
    "ObjectNet": partial(looking.ask_thing_class, says="name"),
    "Country211": partial(looking.ask_scene_class, says="description"),
    "OK-VQA": looking.ask_colour,
    "A-OKVQA": looking.ask_shape,
    "DocVQA": looking.ask_neighbour,
    "InfographicsVQA": looking.ask_count,
    "ChartQA": looking.ask_count_of_colour,
    "Visual7W": looking.ask_scene,
    "ScienceQA": looking.ask_largest,
    "VizWiz": looking.ask_name,
    "GQA": looking.ask_presence,
    "TextVQA": looking.ask_outermost,
    "VisDial": partial(
        retrieval.ask_text_to_image,
        says=words.write_dialogue,
        instruction="Represent the given dialogue about an image, which is used for image retrieval:",
    ),
    "CIRR": retrieval.ask_other_scene,
    "VisualNews_t2i": partial(
        retrieval.ask_text_to_image, says=words.write_headline, instruction="Retrieve an image of this news caption."
    ),
    "VisualNews_i2t": partial(
        retrieval.ask_image_to_text,
        says=words.write_headline,
        instruction="Find a caption for the news in the given photo.",
    ),
    "MSCOCO_t2i": partial(
        retrieval.ask_text_to_image,
        says=words.describe_things,
        instruction="Find me an everyday image that matches the given caption:",
    ),
    "MSCOCO_i2t": partial(
        retrieval.ask_image_to_text,
        says=words.describe_things,
        instruction="Find an image caption describing the given everyday image.",
    ),
    "NIGHTS": retrieval.ask_look_alike,
    "WebQA": partial(
        retrieval.ask_text_to_captioned_image,
        asks=words.write_question,
        says=words.write_title,
        instruction="Find a Wikipedia image that answers this question:",
    ),
    "FashionIQ": retrieval.ask_other_colour,
    "Wiki-SS-NQ": partial(
        retrieval.ask_text_to_image,
        says=words.write_question,
        instruction="Find the document image that can answer the given query:",
    ),
    "OVEN": retrieval.ask_encyclopedia,
    "EDIS": partial(
        retrieval.ask_text_to_captioned_image,
        asks=words.describe_things,
        says=words.write_title,
        instruction="Find a news image that matches the provided caption:",
    ),
    "MSCOCO": grounding.ask_crop_by_name,
    "RefCOCO": grounding.ask_crop_by_expression,
    "RefCOCO-Matching": grounding.ask_matching,
    "Visual7W-Pointing": grounding.ask_crop_by_question,
}
"""Name of an MMEB task -> the writer of its demo questions."""


def make_questions(task: str, world: DemoWorld, count: int, seed: int) -> list[DemoQuestion]:
    """At most ``count`` demo questions of an MMEB task."""
    rng = Random(f"{seed}/{task}")  # noqa: S311 - questions, not secrets
    return list(islice(QUESTION_WRITERS[task](world, rng), count))
