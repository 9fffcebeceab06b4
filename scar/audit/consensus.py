"""Score captions by their agreement with the other captions of the question."""

from __future__ import annotations

import numpy as np

from scar.audit.arrays import concatenate_ranges
from scar.audit.logistic import Floats, Ints
from scar.audit.questions import QuestionSet

_QUESTIONS_PER_BLOCK = 2_000
"""Questions whose word overlaps are in memory at once."""


def score_consensus(questions: QuestionSet) -> Floats:
    """Score each caption by the words that it shares with the other captions of its question.

    Every negative is the gold caption with one element replaced, so the gold caption agrees most with all ten. The
    format itself gives this away, but only to a model that sees all ten captions at once. An embedder sees one at a
    time.

    Returns:
        (captions,) score of each caption, in the order of `QuestionSet.captions`: the sum, over all captions of its
        question, itself included, of the intersection over union of the words of both.
    """
    texts, inverse = questions.unique_captions
    starts = np.cumsum(texts.word_counts) - texts.word_counts
    scores = np.zeros(len(inverse))
    caption_counts = np.diff(np.append(questions.gold_indices, len(inverse)))
    for count in np.unique(caption_counts):
        first_captions = questions.gold_indices[caption_counts == count]
        for start in range(0, len(first_captions), _QUESTIONS_PER_BLOCK):
            rows = first_captions[start : start + _QUESTIONS_PER_BLOCK, None] + np.arange(
                count
            )  # (questions, captions)
            indices = inverse[rows].ravel()
            word_ids = texts.word_ids[concatenate_ranges(starts[indices], texts.word_counts[indices])]
            scores[rows] = _sum_word_overlaps(word_ids, texts.word_counts[indices], int(count))
    return scores


def _sum_word_overlaps(word_ids: Ints, word_counts: Ints, caption_count: int) -> Floats:
    """Sum the word overlaps of each caption with all captions of its question.

    Args:
        word_ids: (words,) ids of the words of all captions, one caption after the other.
        word_counts: (captions,) number of words of each caption.
        caption_count: number of captions of each question.

    Returns:
        (questions, caption_count) sums.
    """
    caption = np.repeat(np.arange(len(word_counts)), word_counts)
    question = caption // caption_count
    width = int(word_ids.max(initial=0)) + 1
    different, inverse = np.unique(question * width + word_ids, return_inverse=True)
    column = inverse - np.searchsorted(different // width, question)  # counts the words of a question from 0
    flat = np.zeros((len(word_counts), int(column.max(initial=0)) + 1), np.float32)
    flat[caption, column] = 1
    has_word = flat.reshape(-1, caption_count, flat.shape[1])  # (questions, captions, words)
    shared = (has_word @ has_word.transpose(0, 2, 1)).astype(np.float64)  # (questions, captions, captions)
    sizes = has_word.sum(2, dtype=np.float64)
    overlaps = shared / np.maximum(sizes[:, :, None] + sizes[:, None, :] - shared, 1)
    sums = np.zeros(overlaps.shape[:2])
    for other in range(caption_count):  # in the order of the captions, so that equal sums stay equal
        sums += overlaps[:, :, other]
    return sums
