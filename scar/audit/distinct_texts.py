"""How many different texts there are among many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from scar.audit.logistic import Ints
from scar.audit.row_blocks import CodedTexts

_MAX_BLOCKS = 32


class DistinctTexts:
    """Different texts, each kept as a number of 64 bits: two of ten million share one with a chance of 3 in a million.

    Attributes:
        total: how many texts were added.
    """

    def __init__(self) -> None:
        self.total = 0
        self._hashes: list[Any] = []

    def add_texts(self, texts: CodedTexts, codes: Ints) -> None:
        """Add the texts of some codes."""
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
        """All texts of several; their ``total`` is not added up."""
        whole = cls()
        whole._hashes = [hashes for each in parts for hashes in each._hashes]
        return whole

    def _merge_hashes(self) -> None:
        self._hashes = [np.unique(np.concatenate(self._hashes))] if self._hashes else []
