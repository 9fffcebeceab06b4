"""Captions as marks of the words, pairs and triples of words that are in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scar.audit.logistic import Ints, SparseFeatures
from scar.audit.tokenized_texts import TokenizedTexts

MAX_NGRAM_LENGTH = 3
"""The longest run of words that counts as one feature."""

_MIN_TEXTS = 2
"""A run counts when so many captions of the training set have it: another one tells nothing of unseen captions."""

_TEXTS_PER_BLOCK = 50_000
"""Texts whose runs are in memory at once before the different ones are kept."""

_BOUNDARY_ID = 1
"""The word that stands before and after every caption; 0 is any word that the training captions lack."""


@dataclass(frozen=True)
class NgramVocabulary:
    """The runs of words of a training set.

    Attributes:
        word_ids: the number of each word, from 2.
        ngram_codes: (columns,) ascending; a run of words as one number.
        max_length: the longest run.
    """

    word_ids: dict[str, int]
    ngram_codes: Ints
    max_length: int

    @classmethod
    def from_texts(cls, texts: Sequence[str], max_length: int = MAX_NGRAM_LENGTH) -> NgramVocabulary:
        """The runs that at least two of the texts have."""
        return cls.fit_texts(texts, np.ones(len(texts), np.int64), max_length)[0]

    @classmethod
    def fit_texts(
        cls, texts: Sequence[str], text_counts: Ints, max_length: int = MAX_NGRAM_LENGTH
    ) -> tuple[NgramVocabulary, SparseFeatures]:
        """The runs that at least two texts have, where each stands for so many equal ones; and which each text has."""
        said = TokenizedTexts.from_texts(texts)
        words = {word: number for number, word in enumerate(said.vocabulary, 2)}
        blocks = list(_iter_ngrams(said, words, max_length))
        codes = _sort_unique(np.concatenate([np.zeros(0, np.int64), *(found for _, _, found in blocks)]))
        often = np.zeros(len(codes))
        for rows, columns, found in blocks:
            often[np.searchsorted(codes, found)] += np.bincount(columns, text_counts[rows], len(found))
        common = codes[often >= _MIN_TEXTS]
        return cls(words, common, max_length), _select_features(blocks, common, len(texts))

    def make_features(self, texts: Sequence[str]) -> SparseFeatures:
        """Which runs each text has."""
        return _select_features(
            _iter_ngrams(TokenizedTexts.from_texts(texts), self.word_ids, self.max_length), self.ngram_codes, len(texts)
        )

    def decode_ngram(self, column: int) -> str:
        """The words of a run; ``^`` and ``$`` are the caption's ends."""
        names = {number: word for word, number in self.word_ids.items()}
        base, code, run = len(self.word_ids) + 2, int(self.ngram_codes[column]), []
        while code:
            code, number = divmod(code, base)
            run.append(number)
        run.reverse()
        said = [names.get(number, "^" if place == 0 else "$") for place, number in enumerate(run)]
        return " ".join(said)


def _iter_ngrams(texts: TokenizedTexts, word_ids: dict[str, int], max_length: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """The different runs of known words of each text, some texts at a time; a lone edge is none.

    Yields:
        Text and column of each run, by text and column; and the code of each column, ascending.
    """
    numbers, row_of = texts.add_boundaries(texts.map_word_ids(word_ids, 0), _BOUNDARY_ID)
    base = len(word_ids) + 2
    bounds = np.searchsorted(row_of, np.arange(0, len(texts) + _TEXTS_PER_BLOCK, _TEXTS_PER_BLOCK))
    for start, end in pairwise(bounds):
        known, own = numbers[start:end], row_of[start:end]
        rows, codes = [own[known > _BOUNDARY_ID]], [known[known > _BOUNDARY_ID]]
        for length in range(2, max_length + 1):
            code = np.zeros(max(len(known) - length + 1, 0), np.int64)
            whole = np.ones(len(code), bool)
            for place in range(length):
                part = slice(place, place + len(code))
                code = code * base + known[part]
                whole &= (known[part] > 0) & (own[part] == own[: len(code)])
            rows.append(own[: len(code)][whole])
            codes.append(code[whole])
        every = np.concatenate(codes)
        found = _sort_unique(every)
        width = max(len(found), 1)
        cells = _sort_unique(np.concatenate(rows) * width + np.searchsorted(found, every))
        row, column = np.divmod(cells, width)
        yield row.astype(np.int32), column.astype(np.int32), found


def _select_features(blocks: Iterable[tuple[Ints, Ints, Ints]], ngram_codes: Ints, row_count: int) -> SparseFeatures:
    """Those of the runs that have one of some codes, as rows of a table."""
    kept_rows, kept_columns = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for rows, columns, found in blocks:
        place = np.searchsorted(ngram_codes, found)
        place[place == len(ngram_codes)] = 0
        known = ngram_codes[place] == found if len(ngram_codes) else np.zeros(len(found), bool)
        kept = known[columns]
        kept_rows.append(rows[kept])
        kept_columns.append(place.astype(np.int32)[columns[kept]])
    return SparseFeatures(np.concatenate(kept_rows), np.concatenate(kept_columns), row_count, len(ngram_codes))


def _sort_unique(numbers: Ints) -> Ints:
    """The numbers in order, each once; in a fraction of the time of numpy's unique."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
