"""A demo question, and the candidates and instructions that all kinds of questions share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from mmeb_eval.demo.pictures import DemoImage, DemoPicture

IMAGE_TOKEN = "<|image_1|>\n"
MAX_CANDIDATES = 10
"""Largest number of candidates of a question, the right one included."""

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five")

QUESTION_INSTRUCTION = IMAGE_TOKEN + "Represent the given image with the following question:"
IMAGE_INSTRUCTION = IMAGE_TOKEN + "Represent the given image."
CROP_INSTRUCTION = IMAGE_TOKEN + "Represent the given cropped image of the object"
IMAGE_TEXT_INSTRUCTION = IMAGE_TOKEN + "Represent the given image with related text information:"


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A row of a task: a query and its candidates, the right one first.

    Attributes:
        instruction: instruction of the query, with the data's image token if the query has an image.
        text: text of the query; may be empty.
        image: image of the query; None for a query of text alone.
        candidates: (text, image) of each candidate, the right one first; the text may be empty, or the image None.
        candidate_instruction: instruction of the candidates; empty for candidates of text alone.
    """

    instruction: str
    text: str
    image: DemoImage | None
    candidates: tuple[tuple[str, DemoImage | None], ...]
    candidate_instruction: str = ""


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Pictures to ask about: some with several things, and portraits of one thing each."""

    pictures: Sequence[DemoPicture]
    portraits: Sequence[DemoPicture]


QuestionWriter: TypeAlias = Callable[[DemoWorld, Random], Iterator[DemoQuestion]]
"""Function that yields all questions of one kind about a world; the generator draws their order, texts and candidates.

It yields lazily: a caller takes as many as it wants.
"""


def make_text_candidates(right: str, others: Sequence[str], rng: Random) -> tuple[tuple[str, None], ...]:
    """Make candidates of texts: the right one, then at most `MAX_CANDIDATES` - 1 of the others, drawn at random.

    Of ``others``, repeats and the right text are left out.
    """
    wrong = [other for other in dict.fromkeys(others) if other != right]
    return tuple((text, None) for text in (right, *rng.sample(wrong, k=min(len(wrong), MAX_CANDIDATES - 1))))


def make_image_candidates(
    right: DemoPicture, wrong: Sequence[DemoPicture], rng: Random
) -> tuple[tuple[str, DemoImage], ...]:
    """Make candidates of pictures without texts: the right one, then at most `MAX_CANDIDATES` - 1 wrong ones.

    Wrong pictures of the same scene, the hardest, come first; otherwise they are in random order.
    """
    drawn = sorted(rng.sample(wrong, k=len(wrong)), key=lambda other: other.scene is not right.scene)
    return tuple(("", DemoImage(picture)) for picture in (right, *drawn[: MAX_CANDIDATES - 1]))


def shuffle_pictures(pictures: Sequence[DemoPicture], rng: Random) -> list[DemoPicture]:
    """All pictures in random order."""
    return rng.sample(pictures, k=len(pictures))


def find_thing_names(picture: DemoPicture) -> set[str]:
    """Names of the things in a picture."""
    return {thing.name for thing in picture.things}
