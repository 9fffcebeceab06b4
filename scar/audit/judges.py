"""Judges that see no image: how often do they pick the gold caption of ten?

A judge learns from samples with known gold captions and scores the captions of other samples one by one. Its hit rate
measures what a corpus gives away: an embedder may reach it without looking at any region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from scar.audit.baselines import Baseline, fit_choice_frequency, fit_fluency, fit_lengths, fit_ngrams, fit_words
from scar.audit.box_codes import list_box_words
from scar.audit.caption_codes import CodedFeatures, CodedModel, ListCodes, list_letters, list_word_pairs
from scar.audit.cooccurrence import Cooccurrence
from scar.audit.hit_rates import compute_part_rates
from scar.audit.image_mates import list_mates
from scar.audit.logistic import PENALTY, Floats
from scar.audit.questions import FOLDS, QuestionSet, fills_every_fold
from scar.sample import PARTS

Scorer: TypeAlias = Callable[[QuestionSet], Floats]
"""Takes questions, returns (captions,) scores; the likeliest gold caption of a question scores highest."""

Judge: TypeAlias = Callable[[QuestionSet], Scorer]
"""Learns from questions and their gold captions; returns the scorer."""


MANY_FEATURES_PENALTY = 3.0
"""Penalty of judges of many thousand features; of 1, 3, 6 and 10, it found most on COCO and on planted leaks."""


def judge_codes(list_codes: ListCodes, penalty: float = PENALTY) -> Judge:
    """Make a judge: a linear model on the coded features of captions."""

    def fit(train: QuestionSet) -> Scorer:
        model = CodedModel.fit(list_codes(train), train, penalty)
        return lambda questions: model.score(list_codes(questions))

    return fit


def judge_texts(baseline: Baseline) -> Judge:
    """Make a judge of a baseline that scores texts; equal captions are scored once."""

    def fit(train: QuestionSet) -> Scorer:
        score_texts = baseline(train)

        def score(questions: QuestionSet) -> Floats:
            texts, inverse = questions.unique_captions
            return score_texts(texts)[inverse]

        return score

    return fit


def fit_cooccurrence(train: QuestionSet) -> Scorer:
    """Learn how often words of a gold caption also occur, alone and together, in gold captions of other images."""
    return judge_codes(Cooccurrence.from_golds(train).list_lifts)(train)


def fit_stacked(train: QuestionSet) -> Scorer:
    """Learn from all that the judges of boxes, pairs of words, other images' captions and mates see, in one model."""
    counts = Cooccurrence.from_golds(train)

    def list_all(questions: QuestionSet) -> CodedFeatures:
        return CodedFeatures.concatenate(list_box_words(questions), counts.list_lifts(questions), list_mates(questions))

    return judge_codes(list_all, MANY_FEATURES_PENALTY)(train)


JUDGES: Mapping[str, Judge] = {
    "length": judge_texts(fit_lengths),
    "choice": judge_texts(fit_choice_frequency),
    "fluency": judge_texts(fit_fluency),
    "words": judge_texts(fit_words),
    "n-grams": judge_texts(fit_ngrams),
    "word pairs": judge_codes(list_word_pairs),
    "letters": judge_codes(list_letters),
    "box": judge_codes(list_box_words, MANY_FEATURES_PENALTY),
    "co-occurrence": fit_cooccurrence,
    "mates": judge_codes(list_mates),
    "stacked": fit_stacked,
}
"""The judges by name. The draw of negatives knows words, phrases, boxes and pairs of nouns; it knows no letters."""

PART_JUDGE = "box"
"""The judge that also learns from the swaps of one part alone."""


def score_questions(judge: Judge, train: QuestionSet | None, test: QuestionSet) -> Floats:
    """Score the captions of questions by a judge that learned from other questions.

    Args:
        judge: learns from questions and returns a scorer.
        train: the questions to learn from. If it is None, the judge that scores a fold of ``test`` learns from the
            other folds.
        test: the questions to score.

    Returns:
        (captions,) scores of the captions of ``test``, in its order.
    """
    if train is not None:
        return judge(train)(test)
    scores: dict[int, Floats] = {}
    for number in range(FOLDS):
        others, fold = test.split_fold(number)
        if fold.questions:
            fold_scores = np.split(judge(others)(fold), fold.gold_indices[1:])
            scores |= {id(question): part for question, part in zip(fold.questions, fold_scores, strict=True)}
    return np.concatenate([scores[id(question)] for question in test.questions])


def judge_parts(train: QuestionSet | None, test: QuestionSet) -> dict[str, Any]:
    """By part, the hit rate of `PART_JUDGE` among the gold caption and the part's swaps if it learned from these alone.

    Arguments are those of `score_questions`. A part without swaps, to learn from or to be tested on, is left out.
    """
    found: dict[str, Any] = {}
    for part in PARTS:
        learned, asked = train and train.select_part(part), test.select_part(part)
        if asked.questions and (learned.questions if learned else fills_every_fold(asked.questions)):
            scores = score_questions(JUDGES[PART_JUDGE], learned, asked)
            found[part] = compute_part_rates(scores, asked, part)
    return found
