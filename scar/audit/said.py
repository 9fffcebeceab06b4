"""Texts as numbers of their words, made once for all that look at the words of the same texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Self, overload

import numpy as np

from scar.audit.logistic import Ints

_WORD = re.compile(r"[\w'-]+")
_WORD_OR_END = re.compile(r"[\w'-]+|\0")
_AT_ONCE = 20_000


def split(text: str) -> list[str]:
    """The words of a text in lower case.

    >>> split("A T-shirt, on a man's chair.")
    ['a', 't-shirt', 'on', 'a', "man's", 'chair']
    """
    return _WORD.findall(text.lower())


class Said(Sequence[str]):
    """Texts that know their words.

    Attributes:
        numbers: (words of all texts,) of each word, its place in ``words``.
        lengths: (texts,) words of each text.
        words: the different ones, in the order of the alphabet.
    """

    numbers: Ints
    lengths: Ints
    words: Sequence[str]

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        places = {"\0": 0}
        blocks = [np.zeros(0, np.int32)]
        for start in range(0, len(texts), _AT_ONCE):
            block = "\0".join(text.replace("\0", " ") for text in texts[start : start + _AT_ONCE])
            said = _WORD_OR_END.findall(f"{block}\0".lower())
            blocks.append(np.array([places.setdefault(word, len(places)) for word in said], np.int32))
        every = np.concatenate(blocks)
        ends = np.flatnonzero(every == 0)
        self.lengths = np.diff(ends, prepend=-1) - 1
        del places["\0"]
        self.words = sorted(places)
        rank = np.zeros(len(places) + 1, np.int64)
        rank[[places[word] for word in self.words]] = np.arange(len(self.words))
        self.numbers = rank[every[every > 0]]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Texts that may know their words already."""
        return texts if isinstance(texts, cls) else cls(texts)

    @cached_property
    def owners(self) -> Ints:
        """(words of all texts,) the text of each word."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def numbered(self, places: dict[str, int], unknown: int) -> Ints:
        """Each word's number by another table; ``unknown`` for those that it lacks."""
        return np.array([places.get(word, unknown) for word in self.words], np.int64)[self.numbers]

    def edged(self, numbers: Ints, edge: int) -> tuple[Ints, Ints]:
        """Some numbers of the words with one more before and after each text, and the text of each."""
        lengths = self.lengths + 2
        every = np.full(int(lengths.sum()), edge, np.int64)
        ends = np.cumsum(lengths)
        inner = np.ones(len(every), bool)
        inner[ends - 1] = inner[ends - lengths] = False
        every[inner] = numbers
        return every, np.repeat(np.arange(len(self)), lengths)

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self._texts[place]
