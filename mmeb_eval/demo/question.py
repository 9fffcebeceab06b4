"""What a demo question is, and what all kinds of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from mmeb_eval.demo.pictures import Picture, Shot

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


def answers(right: str, others: Sequence[str], rng: Random) -> tuple[tuple[str, None], ...]:
    """Candidate texts."""
    wrong = [other for other in dict.fromkeys(others) if other != right]
    return tuple((text, None) for text in (right, *rng.sample(wrong, k=min(len(wrong), CHOICES - 1))))


def shots(right: Picture, wrong: Sequence[Picture], rng: Random) -> tuple[tuple[str, Shot], ...]:
    """Candidate images; of the wrong ones those in the right one's place come first, as they are the hardest."""
    drawn = sorted(rng.sample(wrong, k=len(wrong)), key=lambda other: other.scene is not right.scene)
    return tuple(("", Shot(picture)) for picture in (right, *drawn[: CHOICES - 1]))


def shuffled(pictures: Sequence[Picture], rng: Random) -> list[Picture]:
    return rng.sample(pictures, k=len(pictures))


def names(picture: Picture) -> set[str]:
    return {thing.name for thing in picture.things}
