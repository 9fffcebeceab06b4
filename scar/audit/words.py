"""How gold captions and negatives differ in their words, and how often they repeat themselves."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import Any

from scar import english
from scar.audit.ngrams import split
from scar.sample import PARTS, Caption, Sample

KINDS = ("gold", *PARTS)

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
        self._texts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self._words: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self._lengths: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
        self._near: Counter[str] = Counter()

    def add(self, sample: Sample) -> None:
        """Count a sample."""
        self._count("gold", sample.gold.text)
        for negative in sample.negatives:
            self._count(negative.part, negative.caption.text)
        if has_elements(sample.gold):
            for part in PARTS:
                self.gold[part][getattr(sample.gold, part)] += 1
            for negative in sample.negatives:
                self.swapped[negative.part][getattr(negative.caption, negative.part)] += 1
        kernels = Counter(map(kernel, sample.captions))
        for negative in sample.negatives:
            self._near[negative.part] += kernels[kernel(negative.caption.text)] > 1

    def _count(self, kind: str, text: str) -> None:
        words = split(text)
        self._texts[kind][text] += 1
        self._words[kind].update(words)
        self._lengths[kind][len(words)] += 1

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
                    "divergence": round(divergence(gold, words), 4),
                }
            )
            for kind, words in self._words.items()
            if words
        }

    def repetition(self) -> dict[str, Any]:
        """Shares: of different texts among golds and negatives, and of negatives with a near-duplicate beside them.

        Near-duplicates differ in case, articles, marks or number alone. Under ``kinds`` the same by part.
        """
        parts = {part: self._texts[part] for part in PARTS if self._texts[part]}
        total = sum(texts.total() for texts in parts.values())
        return {
            "distinct_golds": _share(len(self._texts["gold"]), self._texts["gold"].total()),
            "distinct_negatives": _share(len(set().union(*parts.values())), total),
            "near_duplicates": _share(self._near.total(), total),
            "kinds": {
                part: {
                    "distinct": _share(len(texts), texts.total()),
                    "near_duplicates": _share(self._near[part], texts.total()),
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
