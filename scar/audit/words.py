"""How gold captions and negatives differ in their words, and how often they repeat themselves."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import Any

from scar import english
from scar.audit.ngrams import split
from scar.sample import PARTS, Caption, Sample

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
        self._golds: Counter[str] = Counter()
        self._negatives: Counter[str] = Counter()
        self._lengths: dict[str, Counter[int]] = {kind: Counter() for kind in ("gold", *PARTS)}
        self._near = 0

    def add(self, sample: Sample) -> None:
        """Count a sample."""
        self._golds[sample.gold.text] += 1
        self._lengths["gold"][len(split(sample.gold.text))] += 1
        for negative in sample.negatives:
            self._negatives[negative.caption.text] += 1
            self._lengths[negative.part][len(split(negative.caption.text))] += 1
        if has_elements(sample.gold):
            for part in PARTS:
                self.gold[part][getattr(sample.gold, part)] += 1
            for negative in sample.negatives:
                self.swapped[negative.part][getattr(negative.caption, negative.part)] += 1
        kernels = Counter(map(kernel, sample.captions))
        self._near += sum(kernels[kernel(negative.caption.text)] > 1 for negative in sample.negatives)

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
                "divergence": round(divergence(self.gold[part], self.swapped[part]), 4),
                "most_apart": _apart(self.gold[part], self.swapped[part]),
            }
            for part in PARTS
            if self.gold[part]
        }

    def repetition(self) -> dict[str, float]:
        """Shares: of different texts among golds and negatives, and of negatives with a near-duplicate beside them."""
        return {
            "distinct_golds": _share(len(self._golds), self._golds.total()),
            "distinct_negatives": _share(len(self._negatives), self._negatives.total()),
            "near_duplicates": _share(self._near, self._negatives.total()),
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


def has_elements(caption: Caption) -> bool:
    """Whether the elements of a caption are known: published files have the text alone."""
    return bool(caption.relation or caption.scene)


def divergence(first: Counter[str], second: Counter[str]) -> float:
    """Jensen-Shannon divergence of two distributions in bits: 0 if they are the same, 1 if they share nothing.

    >>> divergence(Counter("aab"), Counter("aabaab")), divergence(Counter("a"), Counter("b"))
    (0.0, 1.0)
    """
    total = 0.0
    for word in first.keys() | second.keys():
        p, q = first[word] / max(first.total(), 1), second[word] / max(second.total(), 1)
        total += sum(x * math.log2(2 * x / (p + q)) for x in (p, q) if x) / 2
    return max(total, 0.0)


@lru_cache(maxsize=65536)
def kernel(text: str) -> str:
    """A caption less what changes no meaning: case, articles, marks, number.

    >>> kernel("Two forks, on the Table"), kernel("two fork on a table")
    ('two fork on table', 'two fork on table')
    """
    return " ".join(english.singular(word) for word in split(text) if word not in _ARTICLES)


def _apart(gold: Counter[str], swapped: Counter[str]) -> list[list[Any]]:
    """The elements whose shares among gold captions and among swaps differ most, with both shares."""
    shares: list[tuple[str, float, float]] = [
        (word, _share(gold[word], gold.total()), _share(swapped[word], swapped.total()))
        for word in sorted(gold.keys() | swapped.keys())
    ]
    shares.sort(key=lambda entry: -abs(entry[1] - entry[2]))
    return [list(entry) for entry in shares[:_MOST]]


def _share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0
