"""Features of captions: the single words, pairs and triples of words that they contain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scar.audit.logistic import Features, Ints
from scar.audit.tokenized_texts import TokenizedTexts

MAX_NGRAM_LENGTH = 3
"""Number of words of the longest n-grams."""

_MIN_TEXTS = 2
"""Training texts that an n-gram needs at least; a rarer one says nothing about other captions."""

_TEXTS_PER_BLOCK = 50_000
"""Texts whose n-grams are in memory at once."""

_UNKNOWN_ID, _BOUNDARY_ID, _FIRST_WORD_ID = 0, 1, 2
"""Id of words that training captions lack, id of the boundary before and after a caption, first id of other words."""


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams of a training set.

    Attributes:
        word_ids: id of each word, from 2.
        ngram_codes: (columns,) code of each n-gram, ascending: its word ids as digits of one number.
        max_length: number of words of the longest n-grams.
    """

    word_ids: dict[str, int]
    ngram_codes: Ints
    max_length: int

    @classmethod
    def fit_texts(
        cls, texts: Sequence[str], text_counts: Ints | None = None, max_length: int = MAX_NGRAM_LENGTH
    ) -> tuple[NgramVocabulary, Features]:
        """Collect the n-grams that at least two texts have; a text that counts twice suffices.

        Args:
            texts: texts of the training set.
            text_counts: (texts,) how often each text counts; None counts each once.
            max_length: number of words of the longest n-grams.

        Returns:
            The vocabulary, and (texts, n-grams) features: 1 for the n-grams that a text has.
        """
        tokenized = TokenizedTexts.from_texts(texts)
        counts = np.ones(len(texts), np.int64) if text_counts is None else text_counts
        word_ids = {word: number for number, word in enumerate(tokenized.vocabulary, _FIRST_WORD_ID)}
        blocks = list(_iter_ngrams(tokenized, word_ids, max_length))
        codes = sort_unique(np.concatenate([np.zeros(0, np.int64), *(block_codes for _, _, block_codes in blocks)]))
        code_counts = np.zeros(len(codes))
        for rows, columns, block_codes in blocks:
            code_counts[np.searchsorted(codes, block_codes)] += np.bincount(columns, counts[rows], len(block_codes))
        common = codes[code_counts >= _MIN_TEXTS]
        return cls(word_ids, common, max_length), _select_features(blocks, common, len(texts))

    def make_features(self, texts: Sequence[str]) -> Features:
        """(texts, n-grams) features of any texts: 1 for the n-grams of this vocabulary that a text has."""
        blocks = _iter_ngrams(TokenizedTexts.from_texts(texts), self.word_ids, self.max_length)
        return _select_features(blocks, self.ngram_codes, len(texts))

    def decode_ngram(self, column: int) -> str:
        """The words of the n-gram of a column of the features; ``^`` and ``$`` stand for begin and end of a caption."""
        words = {number: word for word, number in self.word_ids.items()}
        base, code, ids = len(self.word_ids) + _FIRST_WORD_ID, int(self.ngram_codes[column]), []
        while code:
            code, number = divmod(code, base)
            ids.append(number)
        ids.reverse()
        return " ".join(words.get(number, "^" if index == 0 else "$") for index, number in enumerate(ids))


def _iter_ngrams(texts: TokenizedTexts, word_ids: dict[str, int], max_length: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield the n-grams of known words, a block of texts at a time; a boundary alone is no n-gram.

    Yields:
        (pairs,) index of the text and (pairs,) column of each different n-gram of each text, ordered by text and
        column; and (columns,) code of the n-gram of each column of the block, ascending.
    """
    ids, text_indices = texts.add_boundaries(texts.map_word_ids(word_ids, _UNKNOWN_ID), _BOUNDARY_ID)
    base = len(word_ids) + _FIRST_WORD_ID
    bounds = np.searchsorted(text_indices, np.arange(0, len(texts) + _TEXTS_PER_BLOCK, _TEXTS_PER_BLOCK))
    for start, end in pairwise(bounds):
        block_ids, block_texts = ids[start:end], text_indices[start:end]
        is_word = block_ids > _BOUNDARY_ID
        rows, codes = [block_texts[is_word]], [block_ids[is_word]]
        for length in range(2, max_length + 1):
            code = np.zeros(max(len(block_ids) - length + 1, 0), np.int64)
            is_whole = np.ones(len(code), bool)  # all words known and of one text
            for offset in range(length):
                window = slice(offset, offset + len(code))
                code = code * base + block_ids[window]
                is_whole &= (block_ids[window] > _UNKNOWN_ID) & (block_texts[window] == block_texts[: len(code)])
            rows.append(block_texts[: len(code)][is_whole])
            codes.append(code[is_whole])
        all_codes = np.concatenate(codes)
        block_codes = sort_unique(all_codes)
        width = max(len(block_codes), 1)
        cells = sort_unique(np.concatenate(rows) * width + np.searchsorted(block_codes, all_codes))
        row, column = np.divmod(cells, width)
        yield row.astype(np.int32), column.astype(np.int32), block_codes


def _select_features(blocks: Iterable[tuple[Ints, Ints, Ints]], ngram_codes: Ints, row_count: int) -> Features:
    """Make the features of texts from blocks of `_iter_ngrams`; only n-grams with a code in ``ngram_codes`` count."""
    kept_rows, kept_columns = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for rows, columns, block_codes in blocks:
        indices = np.searchsorted(ngram_codes, block_codes)
        indices[indices == len(ngram_codes)] = 0
        is_known = ngram_codes[indices] == block_codes if len(ngram_codes) else np.zeros(len(block_codes), bool)
        is_kept = is_known[columns]
        kept_rows.append(rows[is_kept])
        kept_columns.append(indices.astype(np.int32)[columns[is_kept]])
    return Features.from_pairs(np.concatenate(kept_rows), np.concatenate(kept_columns), row_count, len(ngram_codes))


def sort_unique(numbers: Ints) -> Ints:
    """The different numbers, ascending; takes a fraction of the time of `numpy.unique`."""
    ordered = np.sort(numbers)
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]
