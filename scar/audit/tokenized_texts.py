"""Texts as arrays of word ids, so that several baselines can share one tokenisation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Self, overload

import numpy as np

from scar.audit.logistic import Ints

_WORD = re.compile(r"[\w'-]+")
_WORD_OR_END = re.compile(r"[\w'-]+|\0")
TEXTS_PER_BLOCK = 20_000
"""Texts that are joined and split by one call of a regular expression."""


def split_words(text: str) -> list[str]:
    """The words of a text in lower case.

    >>> split_words("A T-shirt, on a man's chair.")
    ['a', 't-shirt', 'on', 'a', "man's", 'chair']
    """
    return _WORD.findall(text.lower())


class TokenizedTexts(Sequence[str]):
    """Texts and the ids of their words.

    Attributes:
        word_ids: (words of all texts,) index of each word in ``vocabulary``.
        word_counts: (texts,) number of words of each text.
        vocabulary: the different words, in alphabetical order.
    """

    word_ids: Ints
    word_counts: Ints
    vocabulary: Sequence[str]

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        ids = {"\0": 0}  # ends a text
        blocks = [np.zeros(0, np.int32)]
        for start in range(0, len(texts), TEXTS_PER_BLOCK):
            block = "\0".join(text.replace("\0", " ") for text in texts[start : start + TEXTS_PER_BLOCK])
            words = _WORD_OR_END.findall(f"{block}\0".lower())
            blocks.append(np.array([ids.setdefault(word, len(ids)) for word in words], np.int32))
        all_ids = np.concatenate(blocks)
        ends = np.flatnonzero(all_ids == 0)
        self.word_counts = np.diff(ends, prepend=-1) - 1
        del ids["\0"]
        self.vocabulary = sorted(ids)
        rank = np.zeros(len(ids) + 1, np.int64)
        rank[[ids[word] for word in self.vocabulary]] = np.arange(len(self.vocabulary))
        self.word_ids = rank[all_ids[all_ids > 0]]

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Self:
        """Tokenise texts, unless they are tokenised already."""
        return texts if isinstance(texts, cls) else cls(texts)

    def map_word_ids(self, word_ids: dict[str, int], unknown_id: int) -> Ints:
        """(words of all texts,) id of each word in another vocabulary; ``unknown_id`` for words that it lacks."""
        return np.array([word_ids.get(word, unknown_id) for word in self.vocabulary], np.int64)[self.word_ids]

    def add_boundaries(self, word_ids: Ints, boundary_id: int) -> tuple[Ints, Ints]:
        """Put a boundary before and after each text.

        Args:
            word_ids: (words of all texts,) ids of the words.
            boundary_id: id of a boundary.

        Returns:
            (ids,) ids with boundaries, and (ids,) index of the text of each id.
        """
        lengths = self.word_counts + 2
        ids = np.full(int(lengths.sum()), boundary_id, np.int64)
        ends = np.cumsum(lengths)
        is_word = np.ones(len(ids), bool)
        is_word[ends - 1] = is_word[ends - lengths] = False
        ids[is_word] = word_ids
        return ids, np.repeat(np.arange(len(self)), lengths)

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
