"""Captions as marks of the words, pairs and triples of words that are in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scar.audit.logistic import Ints, Marks

ORDER = 3
"""The longest run of words that counts as one feature."""

_LEAST = 2
"""A run counts when so many captions of the training set have it: another one tells nothing of unseen captions."""

_WORD = re.compile(r"[\w'-]+")
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
        words = {word: number for number, word in enumerate(sorted({w for text in texts for w in split(text)}), 2)}
        _, codes = _runs(texts, words, order)
        found, counts = np.unique(codes, return_counts=True)
        return cls(words, found[counts >= _LEAST], order)

    def marks(self, texts: Sequence[str]) -> Marks:
        """Which runs each text has."""
        rows, codes = _runs(texts, self.words, self.order)
        columns = np.searchsorted(self.codes, codes)
        columns[columns == len(self.codes)] = 0
        known = self.codes[columns] == codes if len(self.codes) else np.zeros(len(codes), bool)
        return Marks(rows[known], columns[known], len(texts), len(self.codes))

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


def split(text: str) -> list[str]:
    """The words of a text in lower case.

    >>> split("A T-shirt, on a man's chair.")
    ['a', 't-shirt', 'on', 'a', "man's", 'chair']
    """
    return _WORD.findall(text.lower())


def _runs(texts: Iterable[str], words: dict[str, int], order: int) -> tuple[Ints, Ints]:
    """Text and code of every different run of known words, by text; a lone edge is none."""
    numbers: list[int] = []
    lengths: list[int] = []
    for text in texts:
        said = [words.get(word, 0) for word in split(text)]
        numbers += [_EDGE, *said, _EDGE]
        lengths.append(len(said) + 2)
    row_of = np.repeat(np.arange(len(lengths)), lengths)
    known, base = np.array(numbers, np.int64), len(words) + 2
    rows, codes = [row_of[known > _EDGE]], [known[known > _EDGE]]
    for length in range(2, order + 1):
        code = np.zeros(max(len(known) - length + 1, 0), np.int64)
        whole = np.ones(len(code), bool)
        for place in range(length):
            part = slice(place, place + len(code))
            code = code * base + known[part]
            whole &= (known[part] > 0) & (row_of[part] == row_of[: len(code)])
        rows.append(row_of[: len(code)][whole])
        codes.append(code[whole])
    return _distinct(np.concatenate(rows), np.concatenate(codes))


def _distinct(rows: Ints, codes: Ints) -> tuple[Ints, Ints]:
    """The pairs in order, each once."""
    order = np.lexsort((codes, rows))
    rows, codes = rows[order], codes[order]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (codes[1:] != codes[:-1])
    return rows[first], codes[first]
