"""Multiple-choice questions for text-only baselines: the captions of samples, without their images."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from scar.audit.logistic import Floats, Ints
from scar.audit.ngrams import NgramVocabulary
from scar.audit.tokenized_texts import TokenizedTexts
from scar.sample import PARTS, Part

FOLDS = 5
"""Number of folds of cross-validation."""

_HELD_FOLDS = 2
"""Folds that are held out of a set that is large enough for one split."""


@dataclass(frozen=True, slots=True)
class Question:
    """A sample without its image: which caption is the gold one?

    Attributes:
        captions: captions of the sample, gold first.
        parts: the part that each negative replaces, in the order of the negatives; empty if unknown.
        image: path of the image; it is not opened, but decides the fold.
        box: x and y of the center, width and height of the sample's box, as shares of the image's width and height.
    """

    captions: tuple[str, ...]
    parts: tuple[Part, ...]
    image: str
    box: tuple[float, float, float, float] = (0.5, 0.5, 1.0, 1.0)


@dataclass(frozen=True)
class QuestionSet:
    """Questions to learn from or to be tested on.

    Attributes:
        questions: the questions.
        fitted_ngrams: cache of n-grams and their weights, by length of the longest n-gram.
        cached_folds: cache of `split_fold`.
        kept_features: cache of features, by the function that lists them.
    """

    questions: Sequence[Question]
    fitted_ngrams: dict[int, tuple[NgramVocabulary, Floats]] = field(default_factory=dict, repr=False, compare=False)
    cached_folds: dict[int, tuple[QuestionSet, QuestionSet]] = field(default_factory=dict, repr=False, compare=False)
    kept_features: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def captions(self) -> list[str]:
        """The captions of all questions, one question after the other."""
        return [caption for question in self.questions for caption in question.captions]

    @cached_property
    def unique_captions(self) -> tuple[TokenizedTexts, Ints]:
        """The different captions, ordered by first occurrence; (captions,) index in these of each caption."""
        indices: dict[str, int] = {}
        inverse = [indices.setdefault(text, len(indices)) for text in self.captions]
        return TokenizedTexts(list(indices)), np.array(inverse, np.int64)

    @cached_property
    def gold_indices(self) -> Ints:
        """(questions,) index in `captions` of each question's gold caption, which is the question's first.

        There must be at least one question.
        """
        sizes = [len(question.captions) for question in self.questions]
        return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)[:-1])).astype(np.int64)

    @cached_property
    def caption_questions(self) -> Ints:
        """(captions,) index of the question of each caption."""
        return np.repeat(np.arange(len(self.questions)), [len(question.captions) for question in self.questions])

    @cached_property
    def image_numbers(self) -> Ints:
        """(questions,) number of each question's image, by first occurrence."""
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(each.image, len(numbers)) for each in self.questions], np.int64)

    @cached_property
    def replaced_parts(self) -> Ints:
        """(captions,) index in `PARTS` of the part that each negative replaces; -1 for gold captions, -2 if unknown."""
        indices: list[int] = []
        for question in self.questions:
            parts = [PARTS.index(part) for part in question.parts]
            indices += [-1, *(parts or [-2] * (len(question.captions) - 1))]
        return np.array(indices, np.int64)

    def select_golds(self) -> QuestionSet:
        """The gold captions alone, as questions of one caption."""
        return QuestionSet([Question(each.captions[:1], (), each.image, each.box) for each in self.questions])

    def split_fold(self, number: int) -> tuple[QuestionSet, QuestionSet]:
        """Split off a fold, 0 to `FOLDS` - 1; all questions of an image are in one fold.

        Returns:
            The questions of all other folds, then those of fold ``number``.
        """
        if number not in self.cached_folds:
            sides: tuple[list[Question], list[Question]] = ([], [])
            for question in self.questions:
                sides[find_fold(question.image) == number].append(question)
            self.cached_folds[number] = QuestionSet(sides[0]), QuestionSet(sides[1])
        return self.cached_folds[number]

    def hold_out(self) -> tuple[QuestionSet, QuestionSet]:
        """The questions of all folds but the first two, and those of the first two."""
        held = QuestionSet([question for question in self.questions if find_fold(question.image) < _HELD_FOLDS])
        return QuestionSet([each for each in self.questions if find_fold(each.image) >= _HELD_FOLDS]), held

    def select_part(self, part: Part) -> QuestionSet:
        """The questions that offer swaps of a part, with their gold captions and these swaps alone."""
        chosen = []
        for each in self.questions:
            swaps = [text for text, name in zip(each.captions[1:], each.parts, strict=False) if name == part]
            if swaps:
                chosen.append(Question((each.captions[0], *swaps), (part,) * len(swaps), each.image, each.box))
        return QuestionSet(chosen)


def find_fold(image: str) -> int:
    """Fold of an image, 0 to `FOLDS` - 1, by a hash of its path."""
    return zlib.crc32(image.encode()) % FOLDS


def fills_every_fold(questions: Iterable[Question]) -> bool:
    """Whether every fold has a question, so that each fold can be tested after learning from the others."""
    return len({find_fold(question.image) for question in questions}) == FOLDS
