"""The table of the kinds of demo questions: one row for each MMEB task.

The right candidate is right by construction, as pictures are drawn from the properties that questions ask about. Wrong
candidates are false of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from random import Random

from mmeb_eval.demo import classification, grounding, picture_texts, retrieval, vqa
from mmeb_eval.demo.question import DemoQuestion, DemoWorld, QuestionWriter

QUESTION_WRITERS: Mapping[str, QuestionWriter] = {
    "ImageNet-1K": partial(classification.ask_thing_class, attribute="shape"),
    "N24News": classification.ask_captioned_scene_class,
    "HatefulMemes": classification.ask_whether_red,
    "VOC2007": partial(classification.ask_thing_class, attribute="shape"),
    "SUN397": partial(classification.ask_scene_class, attribute="label"),
    "Place365": partial(classification.ask_scene_class, attribute="label"),
    "ImageNet-A": partial(classification.ask_thing_class, attribute="name"),
    "ImageNet-R": partial(classification.ask_thing_class, attribute="colour"),
    "ObjectNet": partial(classification.ask_thing_class, attribute="name"),
    "Country211": partial(classification.ask_scene_class, attribute="description"),
    "OK-VQA": vqa.ask_colour,
    "A-OKVQA": vqa.ask_shape,
    "DocVQA": vqa.ask_neighbour,
    "InfographicsVQA": vqa.ask_count,
    "ChartQA": vqa.ask_count_of_colour,
    "Visual7W": vqa.ask_scene,
    "ScienceQA": vqa.ask_largest,
    "VizWiz": vqa.ask_name,
    "GQA": vqa.ask_presence,
    "TextVQA": vqa.ask_outermost,
    "VisDial": partial(
        retrieval.ask_text_to_image,
        write_text=picture_texts.write_dialogue,
        instruction="Represent the given dialogue about an image, which is used for image retrieval:",
    ),
    "CIRR": retrieval.ask_other_scene,
    "VisualNews_t2i": partial(
        retrieval.ask_text_to_image,
        write_text=picture_texts.write_headline,
        instruction="Retrieve an image of this news caption.",
    ),
    "VisualNews_i2t": partial(
        retrieval.ask_image_to_text,
        write_text=picture_texts.write_headline,
        instruction="Find a caption for the news in the given photo.",
    ),
    "MSCOCO_t2i": partial(
        retrieval.ask_text_to_image,
        write_text=picture_texts.describe_things,
        instruction="Find me an everyday image that matches the given caption:",
    ),
    "MSCOCO_i2t": partial(
        retrieval.ask_image_to_text,
        write_text=picture_texts.describe_things,
        instruction="Find an image caption describing the given everyday image.",
    ),
    "NIGHTS": retrieval.ask_look_alike,
    "WebQA": partial(
        retrieval.ask_text_to_captioned_image,
        write_query=picture_texts.write_question,
        write_text=picture_texts.write_title,
        instruction="Find a Wikipedia image that answers this question:",
    ),
    "FashionIQ": retrieval.ask_other_colour,
    "Wiki-SS-NQ": partial(
        retrieval.ask_text_to_image,
        write_text=picture_texts.write_question,
        instruction="Find the document image that can answer the given query:",
    ),
    "OVEN": retrieval.ask_encyclopedia,
    "EDIS": partial(
        retrieval.ask_text_to_captioned_image,
        write_query=picture_texts.describe_things,
        write_text=picture_texts.write_title,
        instruction="Find a news image that matches the provided caption:",
    ),
    "MSCOCO": grounding.ask_crop_by_name,
    "RefCOCO": grounding.ask_crop_by_expression,
    "RefCOCO-Matching": grounding.ask_matching,
    "Visual7W-Pointing": grounding.ask_crop_by_question,
}
"""Name of an MMEB task -> the writer of its demo questions."""


def make_questions(task: str, world: DemoWorld, count: int, seed: int) -> list[DemoQuestion]:
    """Make demo questions of an MMEB task.

    Args:
        task: name of the task, a key of `QUESTION_WRITERS`; another name is a `KeyError`.
        world: the pictures to ask about.
        count: number of questions; there are fewer if the world does not give as many.
        seed: seed of the random choices; each task has choices of its own.
    """
    rng = Random(f"{seed}/{task}")  # noqa: S311 - questions, not secrets
    return list(islice(QUESTION_WRITERS[task](world, rng), count))
