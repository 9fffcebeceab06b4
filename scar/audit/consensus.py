"""Which of the captions beside each other is the middle one."""

from __future__ import annotations

import numpy as np

from scar.audit.arrays import concatenate_ranges
from scar.audit.logistic import Floats, Ints
from scar.audit.questions import QuestionSet

_AT_ONCE = 2_000


def score_consensus(questions: QuestionSet) -> Floats:
    """Words that a caption shares with those beside it: every negative is the gold caption with one element replaced.

    Who sees all ten at once finds the middle one. That lies in the format; a model that embeds one caption at a time
    cannot do it.

    Returns:
        (captions,) sums of the overlaps, as intersection over union of words, with each caption of the question.
    """
    texts, which = questions.unique_captions
    starts = np.cumsum(texts.word_counts) - texts.word_counts
    scores = np.zeros(len(which))
    captions = np.diff(np.append(questions.gold_indices, len(which)))
    for count in np.unique(captions):
        alike = questions.gold_indices[captions == count]
        for place in range(0, len(alike), _AT_ONCE):
            rows = alike[place : place + _AT_ONCE, None] + np.arange(count)  # (questions, captions)
            own = which[rows].ravel()
            said = texts.word_ids[concatenate_ranges(starts[own], texts.word_counts[own])]
            scores[rows] = _sum_word_overlaps(said, texts.word_counts[own], int(count))
    return scores


def _sum_word_overlaps(words: Ints, word_counts: Ints, caption_count: int) -> Floats:
    """(questions, count) sums of overlaps.

    Args:
        words: of each caption, one after the other.
        word_counts: how many each caption has.
        caption_count: captions of a question.
    """
    caption = np.repeat(np.arange(len(word_counts)), word_counts)
    question = caption // caption_count
    width = int(words.max(initial=0)) + 1
    known, which = np.unique(question * width + words, return_inverse=True)
    column = which - np.searchsorted(known // width, question)  # words of a question count from 0
    flat = np.zeros((len(word_counts), int(column.max(initial=0)) + 1), np.float32)
    flat[caption, column] = 1
    has = flat.reshape(-1, caption_count, flat.shape[1])
    both = (has @ has.transpose(0, 2, 1)).astype(np.float64)  # (questions, count, count)
    each = has.sum(2, dtype=np.float64)
    shares = both / np.maximum(each[:, :, None] + each[:, None, :] - both, 1)
    sums = np.zeros(shares.shape[:2])
    for other in range(caption_count):  # in the order of the captions: equal sums stay equal
        sums += shares[:, :, other]
    return sums
