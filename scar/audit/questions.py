"""What the blind baselines are asked: the captions of samples, without their images."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np

from scar.audit.logistic import Ints
from scar.sample import Part, Sample

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A sample as who sees no image sees it.

    Attributes:
        captions: gold first.
        parts: what each caption but the gold one replaces; empty if that is not known.
        image: that it is about.
    """

    captions: tuple[str, ...]
    parts: tuple[Part, ...]
    image: str

    @classmethod
    def of(cls, sample: Sample) -> Question:
        """The question that a sample asks."""
        known = len(sample.negatives) > 1  # the published train rows have one negative, of a kind they do not tell
        parts = tuple(negative.part for negative in sample.negatives) if known else ()
        return cls(sample.captions, parts, sample.image)


@dataclass(frozen=True)
class Sheet:
    """Questions one after the other.

    Attributes:
        questions: in order.
    """

    questions: Sequence[Question]

    @cached_property
    def texts(self) -> list[str]:
        """All captions."""
        return [caption for question in self.questions for caption in question.captions]

    @cached_property
    def starts(self) -> Ints:
        """(questions,) where each one's captions start in `texts`: the place of its gold caption."""
        sizes = [len(question.captions) for question in self.questions]
        return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)[:-1])).astype(np.int64)

    def fold(self, number: int) -> tuple[Sheet, Sheet]:
        """The questions of the other folds, and those of this one; all of an image are in one fold."""
        own = [question for question in self.questions if fold_of(question.image) == number]
        return Sheet([question for question in self.questions if fold_of(question.image) != number]), Sheet(own)


def fold_of(image: str) -> int:
    """The fold of an image, 0 to `FOLDS` - 1."""
    return zlib.crc32(image.encode()) % FOLDS


class Draw:
    """At most so many of the questions that come along, all equally likely (Vitter's algorithm R)."""

    def __init__(self, most: int, seed: str) -> None:
        self.kept: list[Question] = []
        self._most, self._seen, self._rng = most, 0, Random(seed)  # noqa: S311 - a draw, not a secret

    def add(self, question: Question) -> None:
        """Keep the question, perhaps for another one."""
        self._seen += 1
        if len(self.kept) < self._most:
            self.kept.append(question)
        elif (place := self._rng.randrange(self._seen)) < self._most:
            self.kept[place] = question


def balanced(questions: Iterable[Question]) -> bool:
    """Whether the questions fill every fold, so that each can be asked of the others."""
    return len({fold_of(question.image) for question in questions}) == FOLDS
