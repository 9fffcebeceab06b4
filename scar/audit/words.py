"""How gold captions and negatives differ in their words, and how often they repeat themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from scar.audit.distinct import Distinct
from scar.audit.logistic import Ints
from scar.audit.rows import KINDS, Coded, Rows, joined
from scar.audit.said import split
from scar.common.statistics import jensen_shannon_divergence
from scar.language import english
from scar.sample import PARTS

_ARTICLES = frozenset({"a", "an", "the"})
_MOST = 8
"""So many of the elements that differ most are named."""


class Words:
    """Counts over samples.

    Attributes:
        gold: how often each element stands in gold captions, by part.
        swapped: how often it replaces one in negatives, by part.
    """

    def __init__(self) -> None:
        self.gold: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
        self.swapped: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
        self._texts = {kind: Distinct() for kind in KINDS}
        self._words: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self._lengths: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
        self._near: Counter[str] = Counter()

    def add(self, rows: Rows) -> None:
        """Count samples."""
        known = rows.known[rows.owners]
        lengths = np.zeros(len(rows.kinds), np.int64)
        for part, elements in rows.elements.items():
            said = [split(value) for value in elements.values]
            lengths += np.array([len(words) for words in said], np.int64)[elements.codes]
            for number, kind in enumerate(KINDS):
                own = rows.kinds == number
                _count_words(self._words[kind], said, elements.codes[own])
                if kind in ("gold", part):
                    counts = self.gold[part] if kind == "gold" else self.swapped[part]
                    _count(counts, elements, elements.codes[own & known])
        near = repeated(rows)
        for number, kind in enumerate(KINDS):
            own = rows.kinds == number
            self._texts[kind].add(rows.texts, rows.texts.codes[own])
            counted = enumerate(np.bincount(lengths[own]).tolist())
            self._lengths[kind].update({length: count for length, count in counted if count})
            self._near[kind] += int(near[own].sum()) if number else 0

    def elements(self) -> dict[str, Any]:
        """By part: different elements, share of swapped-in ones that no gold caption has, and how far both differ."""
        return {
            part: {
                "gold": len(self.gold[part]),
                "swapped": len(self.swapped[part]),
                "never_gold": _share(
                    sum(count for word, count in self.swapped[part].items() if word not in self.gold[part]),
                    self.swapped[part].total(),
                ),
                "divergence": round(jensen_shannon_divergence(self.gold[part], self.swapped[part]), 4),
                "most_apart": _apart(self.gold[part], self.swapped[part]),
            }
            for part in PARTS
            if self.gold[part]
        }

    def vocabulary(self) -> dict[str, Any]:
        """By kind: different words; of negatives also the share that no gold caption has, and how far both differ.

        Captions whose elements are not known have words too.
        """
        gold = self._words["gold"]
        return {
            kind: {"words": len(words)}
            | (
                {}
                if kind == "gold"
                else {
                    "never_gold": _share(sum(n for word, n in words.items() if word not in gold), words.total()),
                    "divergence": round(jensen_shannon_divergence(gold, words), 4),
                }
            )
            for kind, words in self._words.items()
            if words
        }

    def repetition(self) -> dict[str, Any]:
        """Shares: of different texts among golds and negatives, and of negatives with a near-duplicate beside them.

        Near-duplicates differ in case, articles, marks or number alone. Under ``kinds`` the same by part.
        """
        parts = {part: self._texts[part] for part in PARTS if self._texts[part].total}
        total = sum(texts.total for texts in parts.values())
        return {
            "distinct_golds": _share(len(self._texts["gold"]), self._texts["gold"].total),
            "distinct_negatives": _share(len(Distinct.union(parts.values())), total),
            "near_duplicates": _share(self._near.total(), total),
            "kinds": {
                part: {
                    "distinct": _share(len(texts), texts.total),
                    "near_duplicates": _share(self._near[part], texts.total),
                }
                for part, texts in parts.items()
            },
        }

    def lengths(self) -> dict[str, Any]:
        """Words per caption, by kind: the mean and how many captions have so many."""
        return {
            kind: {
                "mean": round(sum(words * count for words, count in counts.items()) / counts.total(), 3),
                "captions": {str(words): counts[words] for words in sorted(counts)},
            }
            for kind, counts in self._lengths.items()
            if counts
        }


def repeated(rows: Rows) -> Any:
    """(captions,) whether its sample has another caption that differs from it in nothing that means something."""
    kernels = [
        pa.array([kernel(value) for value in elements.values], pa.string()).take(pa.array(elements.codes))
        for elements in (rows.elements[part] for part in reversed(PARTS))
    ]
    meant = Coded.of(joined(kernels))
    _, which, counts = np.unique(rows.owners * len(meant.values) + meant.codes, return_inverse=True, return_counts=True)
    return counts[which] > 1


@lru_cache(maxsize=65536)
def kernel(text: str) -> str:
    """A caption less what changes no meaning: case, articles, marks, number.

    >>> kernel("Two forks, on the Table"), kernel("two fork on a table")
    ('two fork on table', 'two fork on table')
    """
    return " ".join(english.singular(word) for word in split(text) if word not in _ARTICLES)


def _count(counts: Counter[str], elements: Coded, codes: Ints) -> None:
    """Add texts to a count."""
    often = np.bincount(codes, minlength=len(elements.values)).tolist()
    counts.update({value: count for value, count in zip(elements.values, often, strict=True) if count})


def _count_words(counts: Counter[str], said: Sequence[Sequence[str]], codes: Ints) -> None:
    """Add words to a count: those that each text says, as often as the text is there."""
    often = np.bincount(codes, minlength=len(said)).tolist()
    counts.update(chain.from_iterable(words for words, times in zip(said, often, strict=True) if times == 1))
    for words, times in zip(said, often, strict=True):
        if times > 1:
            for word in words:
                counts[word] += times


def _apart(gold: Counter[str], swapped: Counter[str]) -> list[list[Any]]:
    """The elements whose shares among gold captions and among swaps differ most, with both shares."""
    golds, swaps = gold.total(), swapped.total()
    shares: list[tuple[str, float, float]] = [
        (word, _share(gold[word], golds), _share(swapped[word], swaps)) for word in sorted(gold.keys() | swapped.keys())
    ]
    shares.sort(key=lambda entry: -abs(entry[1] - entry[2]))
    return [list(entry) for entry in shares[:_MOST]]


def _share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0
