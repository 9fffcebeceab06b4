"""Count the different texts among many, in little memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from scar.audit.logistic import Ints
from scar.audit.row_blocks import CodedTexts

_MAX_BLOCKS = 32
"""Most arrays of hashes that are kept before they are merged."""


class DistinctTexts:
    """A set of texts, stored as hashes; ``len`` is the number of different texts.

    A hash has 64 bits: among ten million texts, any two collide with a probability of 3 in a million.

    Attributes:
        total: number of added texts, repetitions included.
    """

    def __init__(self) -> None:
        self.total = 0
        self._hashes: list[Any] = []

    def add_texts(self, texts: CodedTexts, codes: Ints) -> None:
        """Add the texts that ``codes`` index in ``texts.values``; each code counts in `total`."""
        from pandas.util import hash_array

        self.total += len(codes)
        values = np.array([texts.values[code] for code in np.unique(codes)], object)
        self._hashes.append(hash_array(values, categorize=False))
        if len(self._hashes) > _MAX_BLOCKS:
            self._merge_hashes()

    def __len__(self) -> int:
        self._merge_hashes()
        return sum(map(len, self._hashes))

    @classmethod
    def merge_all(cls, parts: Iterable[Self]) -> Self:
        """The union of several sets of texts; its ``total`` stays 0."""
        union = cls()
        union._hashes = [hashes for each in parts for hashes in each._hashes]
        return union

    def _merge_hashes(self) -> None:
        self._hashes = [np.unique(np.concatenate(self._hashes))] if self._hashes else []
