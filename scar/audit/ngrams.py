"""Captions as marks of the words, pairs and triples of words that are in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scar.audit.logistic import Ints, Marks
from scar.audit.said import Said

ORDER = 3
"""The longest run of words that counts as one feature."""

_LEAST = 2
"""A run counts when so many captions of the training set have it: another one tells nothing of unseen captions."""

_AT_ONCE = 50_000
"""Texts whose runs are in memory at once before the different ones are kept."""

_EDGE = 1
"""The word that stands before and after every caption; 0 is any word that the training captions lack."""


@dataclass(frozen=True)
class Ngrams:
    """The runs of words of a training set.

    Attributes:
        words: the number of each word, from 2.
        codes: (columns,) ascending; a run of words as one number.
        order: the longest run.
    """

    words: dict[str, int]
    codes: Ints
    order: int

    @classmethod
    def of(cls, texts: Sequence[str], order: int = ORDER) -> Ngrams:
        """The runs that at least two of the texts have."""
        return cls.learned(texts, np.ones(len(texts), np.int64), order)[0]

    @classmethod
    def learned(cls, texts: Sequence[str], times: Ints, order: int = ORDER) -> tuple[Ngrams, Marks]:
        """The runs that at least two texts have, where each stands for so many equal ones; and which each text has."""
        said = Said.of(texts)
        words = {word: number for number, word in enumerate(said.words, 2)}
        blocks = list(_runs(said, words, order))
        codes = _different(np.concatenate([np.zeros(0, np.int64), *(found for _, _, found in blocks)]))
        often = np.zeros(len(codes))
        for rows, columns, found in blocks:
            often[np.searchsorted(codes, found)] += np.bincount(columns, times[rows], len(found))
        common = codes[often >= _LEAST]
        return cls(words, common, order), _marks(blocks, common, len(texts))

    def marks(self, texts: Sequence[str]) -> Marks:
        """Which runs each text has."""
        return _marks(_runs(Said.of(texts), self.words, self.order), self.codes, len(texts))

    def name(self, column: int) -> str:
        """The words of a run; ``^`` and ``$`` are the caption's ends."""
        names = {number: word for word, number in self.words.items()}
        base, code, run = len(self.words) + 2, int(self.codes[column]), []
        while code:
            code, number = divmod(code, base)
            run.append(number)
        run.reverse()
        said = [names.get(number, "^" if place == 0 else "$") for place, number in enumerate(run)]
        return " ".join(said)


def _runs(said: Said, words: dict[str, int], order: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """The different runs of known words of each text, some texts at a time; a lone edge is none.

    Yields:
        Text and column of each run, by text and column; and the code of each column, ascending.
    """
    numbers, row_of = said.edged(said.numbered(words, 0), _EDGE)
    base = len(words) + 2
    bounds = np.searchsorted(row_of, np.arange(0, len(said) + _AT_ONCE, _AT_ONCE))
    for start, end in pairwise(bounds):
        known, own = numbers[start:end], row_of[start:end]
        rows, codes = [own[known > _EDGE]], [known[known > _EDGE]]
        for length in range(2, order + 1):
            code = np.zeros(max(len(known) - length + 1, 0), np.int64)
            whole = np.ones(len(code), bool)
            for place in range(length):
                part = slice(place, place + len(code))
                code = code * base + known[part]
                whole &= (known[part] > 0) & (own[part] == own[: len(code)])
            rows.append(own[: len(code)][whole])
            codes.append(code[whole])
        every = np.concatenate(codes)
        found = _different(every)
        width = max(len(found), 1)
        cells = _different(np.concatenate(rows) * width + np.searchsorted(found, every))
        row, column = np.divmod(cells, width)
        yield row.astype(np.int32), column.astype(np.int32), found


def _marks(blocks: Iterable[tuple[Ints, Ints, Ints]], codes: Ints, height: int) -> Marks:
    """Those of the runs that have one of some codes, as rows of a table."""
    kept_rows, kept_columns = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for rows, columns, found in blocks:
        place = np.searchsorted(codes, found)
        place[place == len(codes)] = 0
        known = codes[place] == found if len(codes) else np.zeros(len(found), bool)
        kept = known[columns]
        kept_rows.append(rows[kept])
        kept_columns.append(place.astype(np.int32)[columns[kept]])
    return Marks(np.concatenate(kept_rows), np.concatenate(kept_columns), height, len(codes))


def _different(numbers: Ints) -> Ints:
    """The numbers in order, each once; in a fraction of the time of numpy's unique."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
