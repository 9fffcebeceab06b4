"""What the blind baselines are asked: the captions of samples, without their images."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Generic, TypeVar

import numpy as np

from scar.audit.logistic import Floats, Ints
from scar.audit.ngrams import NgramVocabulary
from scar.audit.tokenized_texts import TokenizedTexts
from scar.sample import PARTS, Part

T = TypeVar("T")

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


@dataclass(frozen=True)
class QuestionSet:
    """Questions one after the other.

    Attributes:
        questions: in order.
        fitted_ngrams: what was learned of them so far, by the longest run of words.
        cached_folds: those that were asked for, see `split_fold`.
    """

    questions: Sequence[Question]
    fitted_ngrams: dict[int, tuple[NgramVocabulary, Floats]] = field(default_factory=dict, repr=False, compare=False)
    cached_folds: dict[int, tuple[QuestionSet, QuestionSet]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def captions(self) -> list[str]:
        """All captions."""
        return [caption for question in self.questions for caption in question.captions]

    @cached_property
    def unique_captions(self) -> tuple[TokenizedTexts, Ints]:
        """The captions, each different one once, and which of these each caption is."""
        places: dict[str, int] = {}
        which = [places.setdefault(text, len(places)) for text in self.captions]
        return TokenizedTexts(list(places)), np.array(which, np.int64)

    @cached_property
    def gold_indices(self) -> Ints:
        """(questions,) where each one's captions start in `texts`: the place of its gold caption."""
        sizes = [len(question.captions) for question in self.questions]
        return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)[:-1])).astype(np.int64)

    @cached_property
    def replaced_parts(self) -> Ints:
        """What each caption replaces, as its place in `PARTS`; -1 of a gold one, -2 if that is not known."""
        kinds: list[int] = []
        for question in self.questions:
            parts = [PARTS.index(part) for part in question.parts]
            kinds += [-1, *(parts or [-2] * (len(question.captions) - 1))]
        return np.array(kinds, np.int64)

    def split_fold(self, number: int) -> tuple[QuestionSet, QuestionSet]:
        """The questions of the other folds, and those of this one; all of an image are in one fold."""
        if number not in self.cached_folds:
            sides: tuple[list[Question], list[Question]] = ([], [])
            for question in self.questions:
                sides[find_fold(question.image) == number].append(question)
            self.cached_folds[number] = QuestionSet(sides[0]), QuestionSet(sides[1])
        return self.cached_folds[number]

    def select_first_folds(self, min_questions: int) -> tuple[int, QuestionSet]:
        """How many folds, the first ones, have so many questions together, and these in their order; at most all."""
        counts = np.cumsum(
            np.bincount(np.array([find_fold(each.image) for each in self.questions], np.int64), minlength=FOLDS)
        )
        number = int(np.searchsorted(counts, min_questions)) + 1
        if number >= FOLDS:
            return FOLDS, self
        return number, QuestionSet([question for question in self.questions if find_fold(question.image) < number])


def find_fold(image: str) -> int:
    """The fold of an image, 0 to `FOLDS` - 1."""
    return zlib.crc32(image.encode()) % FOLDS


class ReservoirSample(Generic[T]):
    """At most so many of the things that come along, all equally likely (Vitter's algorithm R)."""

    def __init__(self, capacity: int, seed: str) -> None:
        self.items: list[T] = []
        self._capacity, self._offered, self._rng = capacity, 0, Random(seed)  # noqa: S311 - a draw, not a secret

    def add_item(self, item: T) -> None:
        """Keep the thing, perhaps for another one."""
        self._offered += 1
        if len(self.items) < self._capacity:
            self.items.append(item)
        elif (place := self._rng.randrange(self._offered)) < self._capacity:
            self.items[place] = item


def fills_every_fold(questions: Iterable[Question]) -> bool:
    """Whether the questions fill every fold, so that each can be asked of the others."""
    return len({find_fold(question.image) for question in questions}) == FOLDS
