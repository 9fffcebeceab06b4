"""Texts as numbers of their words, made once for all that look at the words of the same texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Self, overload

import numpy as np

from scar.audit.logistic import Ints

_WORD_PATTERN = re.compile(r"[\w'-]+")
_WORD_OR_END_PATTERN = re.compile(r"[\w'-]+|\0")
_AT_ONCE = 20_000


def split_words(text: str) -> list[str]:
    """The words of a text in lower case.

    >>> split("A T-shirt, on a man's chair.")
    ['a', 't-shirt', 'on', 'a', "man's", 'chair']
    """
    return _WORD_PATTERN.findall(text.lower())


class TokenizedTexts(Sequence[str]):
    """Texts that know their words.

    Attributes:
        word_ids: (words of all texts,) of each word, its place in ``vocabulary``.
        word_counts: (texts,) words of each text.
        vocabulary: the different ones, in the order of the alphabet.
    """

    word_ids: Ints
    word_counts: Ints
    vocabulary: Sequence[str]

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        places = {"\0": 0}
        blocks = [np.zeros(0, np.int32)]
        for start in range(0, len(texts), _AT_ONCE):
            block = "\0".join(text.replace("\0", " ") for text in texts[start : start + _AT_ONCE])
            said = _WORD_OR_END_PATTERN.findall(f"{block}\0".lower())
            blocks.append(np.array([places.setdefault(word, len(places)) for word in said], np.int32))
        every = np.concatenate(blocks)
        ends = np.flatnonzero(every == 0)
        self.word_counts = np.diff(ends, prepend=-1) - 1
        del places["\0"]
        self.vocabulary = sorted(places)
        rank = np.zeros(len(places) + 1, np.int64)
        rank[[places[word] for word in self.vocabulary]] = np.arange(len(self.vocabulary))
        self.word_ids = rank[every[every > 0]]

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Self:
        """Texts that may know their words already."""
        return texts if isinstance(texts, cls) else cls(texts)

    @cached_property
    def text_indices(self) -> Ints:
        """(words of all texts,) the text of each word."""
        return np.repeat(np.arange(len(self)), self.word_counts)

    def map_word_ids(self, word_ids: dict[str, int], unknown_id: int) -> Ints:
        """Each word's number by another table; ``unknown_id`` for those that it lacks."""
        return np.array([word_ids.get(word, unknown_id) for word in self.vocabulary], np.int64)[self.word_ids]

    def add_boundaries(self, word_ids: Ints, boundary_id: int) -> tuple[Ints, Ints]:
        """Some numbers of the words with one more before and after each text, and the text of each."""
        lengths = self.word_counts + 2
        every = np.full(int(lengths.sum()), boundary_id, np.int64)
        ends = np.cumsum(lengths)
        inner = np.ones(len(every), bool)
        inner[ends - 1] = inner[ends - lengths] = False
        every[inner] = word_ids
        return every, np.repeat(np.arange(len(self)), lengths)

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._texts[index]
