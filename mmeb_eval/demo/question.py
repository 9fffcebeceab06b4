"""What a demo question is, and what all kinds of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from mmeb_eval.demo.pictures import DemoImage, DemoPicture

IMAGE_TOKEN = "<|image_1|>\n"
MAX_CANDIDATES = 10
"""Most candidates of a question, where the data could give more."""

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five")

QUESTION_INSTRUCTION = IMAGE_TOKEN + "Represent the given image with the following question:"
IMAGE_INSTRUCTION = IMAGE_TOKEN + "Represent the given image."
CROP_INSTRUCTION = IMAGE_TOKEN + "Represent the given cropped image of the object"
IMAGE_TEXT_INSTRUCTION = IMAGE_TOKEN + "Represent the given image with related text information:"


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A row: what is asked, and what is ranked, the right one first.

    Attributes:
        instruction: with the data's image token where an image goes.
        text: of the query; may be empty.
        image: of the query, if it has one.
        candidates: text, which may be empty, and image, if it has one.
        candidate_instruction: instruction of the candidates; empty for texts.
    """

    instruction: str
    text: str
    image: DemoImage | None
    candidates: tuple[tuple[str, DemoImage | None], ...]
    candidate_instruction: str = ""


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """What questions are about: pictures of several things, and portraits of one."""

    pictures: Sequence[DemoPicture]
    portraits: Sequence[DemoPicture]


QuestionWriter: TypeAlias = Callable[[DemoWorld, Random], Iterator[DemoQuestion]]
"""Yields as many different questions as the world has; the order is drawn."""


def make_text_candidates(right: str, others: Sequence[str], rng: Random) -> tuple[tuple[str, None], ...]:
    """Candidate texts."""
    wrong = [other for other in dict.fromkeys(others) if other != right]
    return tuple((text, None) for text in (right, *rng.sample(wrong, k=min(len(wrong), MAX_CANDIDATES - 1))))


def make_image_candidates(
    right: DemoPicture, wrong: Sequence[DemoPicture], rng: Random
) -> tuple[tuple[str, DemoImage], ...]:
    """Candidate images; of the wrong ones those in the right one's place come first, as they are the hardest."""
    drawn = sorted(rng.sample(wrong, k=len(wrong)), key=lambda other: other.scene is not right.scene)
    return tuple(("", DemoImage(picture)) for picture in (right, *drawn[: MAX_CANDIDATES - 1]))


def shuffle_pictures(pictures: Sequence[DemoPicture], rng: Random) -> list[DemoPicture]:
    return rng.sample(pictures, k=len(pictures))


def find_thing_names(picture: DemoPicture) -> set[str]:
    return {thing.name for thing in picture.things}
