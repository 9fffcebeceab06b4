"""Features of captions and the other samples of the image: how many of them say the same words?

A mate shows the set of its words, pairs of words and texts. How many of its ten captions have a word is left out: the
format gives gold captions away to anyone who sees ten captions together (`scar.audit.consensus`).
"""

from __future__ import annotations

import numpy as np

from scar.audit.caption_classes import list_classes, summarize_by_caption
from scar.audit.caption_codes import CodedFeatures, keep_features, list_pairs, list_words
from scar.audit.logistic import Floats
from scar.audit.ngrams import sort_unique
from scar.audit.questions import QuestionSet

_SHARES = (1e-9, 0.26, 0.51, 0.76, 1.0)
"""Edges between the classes of shares of mates: none, up to a quarter, a half, three quarters, less than all, all."""


@keep_features
def list_mates(questions: QuestionSet) -> CodedFeatures:
    """List features of each caption: how many other samples of its image have its words, pairs of words, and text.

    A caption of an image without other samples has no feature.
    """
    texts, inverse = questions.unique_captions
    numbers = np.arange(len(texts))
    whole = CodedFeatures(numbers, numbers, numbers.astype(np.uint64), inverse, len(texts))
    groups = []
    for name, features in (("words", list_words(questions)), ("pairs", list_pairs(questions)), ("text", whole)):
        expanded = features.expand_rows()
        shares = _find_mate_shares(expanded, questions)
        groups.append(list_classes(name, summarize_by_caption(shares, expanded.rows, expanded.row_count), _SHARES))
    joined = CodedFeatures.concatenate(*groups)
    samples = np.bincount(questions.image_numbers, minlength=1)[questions.image_numbers]
    has_mates = (samples[questions.caption_questions] > 1)[joined.rows]
    return CodedFeatures(
        joined.rows[has_mates], joined.columns[has_mates], joined.codes, joined.row_indices, joined.row_count
    )


def _find_mate_shares(features: CodedFeatures, questions: QuestionSet) -> Floats:
    """(features,) share of the other samples of the image in which any caption has the feature.

    Args:
        features: features with one row for each caption.
        questions: the questions of the captions.
    """
    width = len(features.codes)
    owners = questions.caption_questions[features.rows]
    of_question = sort_unique(owners * width + features.columns)
    images = questions.image_numbers
    of_image = images[of_question // width] * width + of_question % width
    keys, counts = np.unique(of_image, return_counts=True)  # samples of an image that have the feature
    found = counts[np.searchsorted(keys, images[owners] * width + features.columns)]
    mates = np.bincount(images)[images[owners]] - 1
    shares: Floats = (found - 1) / np.maximum(mates, 1)
    return shares
