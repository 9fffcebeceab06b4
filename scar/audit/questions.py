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
from scar.audit.ngrams import Ngrams
from scar.audit.said import Said
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
class Sheet:
    """Questions one after the other.

    Attributes:
        questions: in order.
        fits: what was learned of them so far, by the longest run of words.
        folds: those that were asked for, see `fold`.
    """

    questions: Sequence[Question]
    fits: dict[int, tuple[Ngrams, Floats]] = field(default_factory=dict, repr=False, compare=False)
    folds: dict[int, tuple[Sheet, Sheet]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def texts(self) -> list[str]:
        """All captions."""
        return [caption for question in self.questions for caption in question.captions]

    @cached_property
    def different(self) -> tuple[Said, Ints]:
        """The captions, each different one once, and which of these each caption is."""
        places: dict[str, int] = {}
        which = [places.setdefault(text, len(places)) for text in self.texts]
        return Said(list(places)), np.array(which, np.int64)

    @cached_property
    def starts(self) -> Ints:
        """(questions,) where each one's captions start in `texts`: the place of its gold caption."""
        sizes = [len(question.captions) for question in self.questions]
        return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)[:-1])).astype(np.int64)

    @cached_property
    def kinds(self) -> Ints:
        """What each caption replaces, as its place in `PARTS`; -1 of a gold one, -2 if that is not known."""
        kinds: list[int] = []
        for question in self.questions:
            parts = [PARTS.index(part) for part in question.parts]
            kinds += [-1, *(parts or [-2] * (len(question.captions) - 1))]
        return np.array(kinds, np.int64)

    def fold(self, number: int) -> tuple[Sheet, Sheet]:
        """The questions of the other folds, and those of this one; all of an image are in one fold."""
        if number not in self.folds:
            sides: tuple[list[Question], list[Question]] = ([], [])
            for question in self.questions:
                sides[fold_of(question.image) == number].append(question)
            self.folds[number] = Sheet(sides[0]), Sheet(sides[1])
        return self.folds[number]

    def first_folds(self, least: int) -> tuple[int, Sheet]:
        """How many folds, the first ones, have so many questions together, and these in their order; at most all."""
        counts = np.cumsum(
            np.bincount(np.array([fold_of(each.image) for each in self.questions], np.int64), minlength=FOLDS)
        )
        number = int(np.searchsorted(counts, least)) + 1
        if number >= FOLDS:
            return FOLDS, self
        return number, Sheet([question for question in self.questions if fold_of(question.image) < number])


def fold_of(image: str) -> int:
    """The fold of an image, 0 to `FOLDS` - 1."""
    return zlib.crc32(image.encode()) % FOLDS


class Draw(Generic[T]):
    """At most so many of the things that come along, all equally likely (Vitter's algorithm R)."""

    def __init__(self, most: int, seed: str) -> None:
        self.kept: list[T] = []
        self._most, self._seen, self._rng = most, 0, Random(seed)  # noqa: S311 - a draw, not a secret

    def add(self, thing: T) -> None:
        """Keep the thing, perhaps for another one."""
        self._seen += 1
        if len(self.kept) < self._most:
            self.kept.append(thing)
        elif (place := self._rng.randrange(self._seen)) < self._most:
            self.kept[place] = thing


def balanced(questions: Iterable[Question]) -> bool:
    """Whether the questions fill every fold, so that each can be asked of the others."""
    return len({fold_of(question.image) for question in questions}) == FOLDS
