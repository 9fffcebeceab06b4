"""Features of captions as pairs of a caption and a 64-bit code: their words, pairs of words, letters.

A code is a hash of the feature's name, so that two sets of captions need no common vocabulary. Among ten million
different features, any two have the same code with a probability of 3 in a million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from scar.audit.arrays import concatenate_ranges
from scar.audit.logistic import PENALTY, Features, Floats, Ints, fit_conditional_logit
from scar.audit.questions import QuestionSet
from scar.audit.tokenized_texts import TokenizedTexts

Codes: TypeAlias = NDArray[np.uint64]

_LETTER_COUNTS = (3, 4, 5)
"""Lengths of the runs of letters: shorter ones are in every caption, longer ones are words."""

_GRADIENT_TOLERANCE = 0.03
"""Judges are fitted less exactly than a model that serves others: hit rates change by 0.002 and times by half."""


@dataclass(frozen=True)
class CodedFeatures:
    """Which features captions have: pairs of a row and the code of a feature.

    Attributes:
        rows: (features,) row that has each feature, ascending.
        columns: (features,) index in ``codes`` of each feature.
        codes: (columns,) codes of the different features.
        row_indices: (captions,) row of each caption; captions with the same features may share a row.
        row_count: number of rows.
    """

    rows: Ints
    columns: Ints
    codes: Codes
    row_indices: Ints
    row_count: int

    @classmethod
    def concatenate(cls, *groups: CodedFeatures) -> CodedFeatures:
        """Join groups of different features of the same rows."""
        sizes = [np.bincount(group.rows, minlength=group.row_count) for group in groups]
        totals = np.sum(sizes, axis=0)
        columns = np.zeros(int(totals.sum()), np.int64)
        starts, first_column = np.cumsum(totals) - totals, 0  # the next free place of each row
        for group, own in zip(groups, sizes, strict=True):
            within = np.arange(len(group.rows)) - np.repeat(np.cumsum(own) - own, own)
            columns[starts[group.rows] + within] = group.columns + first_column
            starts, first_column = starts + own, first_column + len(group.codes)
        codes = np.concatenate([group.codes for group in groups])
        rows = np.repeat(np.arange(groups[0].row_count), totals)
        return cls(rows, columns, codes, groups[0].row_indices, groups[0].row_count)

    def expand_rows(self) -> CodedFeatures:
        """The same features with one row for each caption, in the order of the captions."""
        row_sizes = np.bincount(self.rows, minlength=self.row_count)
        sizes, starts = row_sizes[self.row_indices], np.cumsum(row_sizes) - row_sizes
        captions = np.arange(len(self.row_indices))
        indices = concatenate_ranges(starts[self.row_indices], sizes)
        return CodedFeatures(np.repeat(captions, sizes), self.columns[indices], self.codes, captions, len(captions))


ListCodes: TypeAlias = Callable[[QuestionSet], CodedFeatures]


@dataclass(frozen=True)
class CodedModel:
    """A linear model of coded features.

    Attributes:
        codes: (columns,) code of each feature that the model knows, ascending.
        weights: (columns,) weight of each of them; a positive one speaks for a gold caption.
    """

    codes: Codes
    weights: Floats

    @classmethod
    def fit(cls, features: CodedFeatures, questions: QuestionSet, penalty: float = PENALTY) -> CodedModel:
        """Fit the weights that make the gold captions the likeliest of their questions.

        A feature that occurs in one question only is left out, as it says nothing about others. ``penalty`` is that of
        `fit_conditional_logit`.
        """
        known = np.sort(features.codes[_find_shared(features, questions)])
        if not len(known):
            return cls(known, np.zeros(0))
        captions = Features(_make_matrix(features, known), features.row_indices)
        return cls(known, fit_conditional_logit(captions, questions.gold_indices, penalty, _GRADIENT_TOLERANCE))

    def score(self, features: CodedFeatures) -> Floats:
        """(captions,) score of each caption: the sum of the weights of its features; unknown features count 0."""
        if not len(self.codes):
            return np.zeros(len(features.row_indices))
        return Features(_make_matrix(features, self.codes), features.row_indices).multiply_weights(self.weights)


def keep_features(list_codes: ListCodes) -> ListCodes:
    """Wrap a function that lists features: a set of questions stores its features, so that judges share them."""

    @wraps(list_codes)
    def list_kept(questions: QuestionSet) -> CodedFeatures:
        kept: CodedFeatures | None = questions.kept_features.get(list_codes.__name__)
        if kept is None:
            kept = questions.kept_features[list_codes.__name__] = list_codes(questions)
        return kept

    return list_kept


def list_words(questions: QuestionSet) -> CodedFeatures:
    """The words of each caption."""
    texts, inverse = questions.unique_captions
    return CodedFeatures(list_word_texts(texts), texts.word_ids, hash_words(texts), inverse, len(texts))


def list_word_pairs(questions: QuestionSet) -> CodedFeatures:
    """The words of each caption and all ordered pairs of them, at any distance."""
    return CodedFeatures.concatenate(list_words(questions), list_pairs(questions))


@keep_features
def list_pairs(questions: QuestionSet) -> CodedFeatures:
    """All ordered pairs of words of each caption, at any distance."""
    texts, inverse = questions.unique_captions
    first, second = list_pair_indices(texts)
    size = max(len(texts.vocabulary), 1)
    keys, columns = np.unique(texts.word_ids[first] * size + texts.word_ids[second], return_inverse=True)
    words = hash_words(texts)
    codes = mix_codes(words[keys // size], words[keys % size])
    return CodedFeatures(list_word_texts(texts)[first], columns, codes, inverse, len(texts))


def list_letters(questions: QuestionSet) -> CodedFeatures:
    """All runs of three to five bytes of each caption, spaces included: features that need no splitting into words."""
    texts, inverse = questions.unique_captions
    encoded = [f" {text.lower()} ".encode() for text in texts]
    letters = np.frombuffer(b"".join(encoded), np.uint8).astype(np.uint64)
    owners = np.repeat(np.arange(len(encoded)), [len(each) for each in encoded])
    groups = []
    for length in _LETTER_COUNTS:
        count = max(len(letters) - length + 1, 0)
        runs = np.full(count, length, np.uint64)
        for offset in range(length):
            runs = (runs << np.uint64(8)) | letters[offset : offset + count]
        is_whole = owners[:count] == owners[length - 1 : length - 1 + count]
        codes, columns = np.unique(runs[is_whole], return_inverse=True)
        groups.append(CodedFeatures(owners[:count][is_whole], columns, codes, inverse, len(texts)))
    return CodedFeatures.concatenate(*groups)


def list_pair_indices(texts: TokenizedTexts) -> tuple[Ints, Ints]:
    """Indices, among the words of all texts, of the first and second word of each ordered pair within a text."""
    ends = np.repeat(np.cumsum(texts.word_counts), texts.word_counts)
    sizes = ends - np.arange(len(ends)) - 1
    return np.repeat(np.arange(len(ends)), sizes), concatenate_ranges(np.arange(len(ends)) + 1, sizes)


def hash_words(texts: TokenizedTexts) -> Codes:
    """(vocabulary,) code of each word of the vocabulary of texts."""
    return np.array([hash_text(word) for word in texts.vocabulary], np.uint64)


def list_word_texts(texts: TokenizedTexts) -> Ints:
    """(words of all texts,) index of the text of each word."""
    return np.repeat(np.arange(len(texts)), texts.word_counts)


def hash_text(text: str) -> int:
    """A code of a text, the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def mix_codes(first: Codes, second: Codes) -> Codes:
    """(n,) codes of the ordered pairs of two codes; the mixing is that of splitmix64."""
    mixed = first * np.uint64(0x9E3779B97F4A7C15) + second
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _find_shared(features: CodedFeatures, questions: QuestionSet) -> NDArray[np.bool_]:
    """(columns,) whether captions of at least two questions have each feature."""
    numbers = questions.caption_questions
    first, last = np.full(features.row_count, len(numbers)), np.full(features.row_count, -1)
    np.minimum.at(first, features.row_indices, numbers)
    np.maximum.at(last, features.row_indices, numbers)
    least, most = np.full(len(features.codes), len(numbers)), np.full(len(features.codes), -1)
    np.minimum.at(least, features.columns, first[features.rows])
    np.maximum.at(most, features.columns, last[features.rows])
    return least < most


def _make_matrix(features: CodedFeatures, known: Codes) -> csr_array:
    """(rows, known) sparse matrix of how often each row has each known feature."""
    indices = np.minimum(np.searchsorted(known, features.codes), len(known) - 1)
    is_known = (known[indices] == features.codes)[features.columns]
    rows, columns = features.rows[is_known], indices[features.columns[is_known]]
    ends = np.cumsum(np.bincount(rows, minlength=features.row_count))
    bounds = np.concatenate((np.zeros(1, np.int64), ends))
    return csr_array((np.ones(len(rows)), columns, bounds), shape=(features.row_count, len(known)))
