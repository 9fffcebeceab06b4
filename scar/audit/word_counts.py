"""How gold captions and negatives differ in their words, and how often they repeat themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from scar.audit.distinct_texts import DistinctTexts
from scar.audit.logistic import Ints
from scar.audit.row_blocks import CAPTION_KINDS, CodedTexts, RowBlock, join_columns
from scar.audit.tokenized_texts import split_words
from scar.common.statistics import jensen_shannon_divergence
from scar.language import english
from scar.sample import PARTS

_ARTICLES = frozenset({"a", "an", "the"})
_MAX_ELEMENTS = 8
"""So many of the elements that differ most are named."""


class WordCounts:
    """Counts over samples.

    Attributes:
        gold_elements: how often each element stands in gold captions, by part.
        swapped_elements: how often it replaces one in negatives, by part.
    """

    def __init__(self) -> None:
        self.gold_elements: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
        self.swapped_elements: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
        self._texts = {kind: DistinctTexts() for kind in CAPTION_KINDS}
        self._words: dict[str, Counter[str]] = {kind: Counter() for kind in CAPTION_KINDS}
        self._lengths: dict[str, Counter[int]] = {kind: Counter() for kind in CAPTION_KINDS}
        self._near: Counter[str] = Counter()

    def add_rows(self, rows: RowBlock) -> None:
        """Count samples."""
        known = rows.has_elements[rows.caption_rows]
        lengths = np.zeros(len(rows.caption_kinds), np.int64)
        for part, elements in rows.elements.items():
            said = [split_words(value) for value in elements.values]
            lengths += np.array([len(words) for words in said], np.int64)[elements.codes]
            for number, kind in enumerate(CAPTION_KINDS):
                own = rows.caption_kinds == number
                _count_words(self._words[kind], said, elements.codes[own])
                if kind in ("gold", part):
                    counts = self.gold_elements[part] if kind == "gold" else self.swapped_elements[part]
                    _count_elements(counts, elements, elements.codes[own & known])
        near = find_near_duplicates(rows)
        for number, kind in enumerate(CAPTION_KINDS):
            own = rows.caption_kinds == number
            self._texts[kind].add_texts(rows.texts, rows.texts.codes[own])
            counted = enumerate(np.bincount(lengths[own]).tolist())
            self._lengths[kind].update({length: count for length, count in counted if count})
            self._near[kind] += int(near[own].sum()) if number else 0

    def compare_elements(self) -> dict[str, Any]:
        """By part: different elements, share of swapped-in ones that no gold caption has, and how far both differ."""
        return {
            part: {
                "gold": len(self.gold_elements[part]),
                "swapped": len(self.swapped_elements[part]),
                "never_gold": _round_share(
                    sum(
                        count
                        for word, count in self.swapped_elements[part].items()
                        if word not in self.gold_elements[part]
                    ),
                    self.swapped_elements[part].total(),
                ),
                "divergence": round(
                    jensen_shannon_divergence(self.gold_elements[part], self.swapped_elements[part]), 4
                ),
                "most_apart": _most_different_elements(self.gold_elements[part], self.swapped_elements[part]),
            }
            for part in PARTS
            if self.gold_elements[part]
        }

    def compare_vocabulary(self) -> dict[str, Any]:
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
                    "never_gold": _round_share(sum(n for word, n in words.items() if word not in gold), words.total()),
                    "divergence": round(jensen_shannon_divergence(gold, words), 4),
                }
            )
            for kind, words in self._words.items()
            if words
        }

    def measure_repetition(self) -> dict[str, Any]:
        """Shares: of different texts among golds and negatives, and of negatives with a near-duplicate beside them.

        Near-duplicates differ in case, articles, marks or number alone. Under ``kinds`` the same by part.
        """
        parts = {part: self._texts[part] for part in PARTS if self._texts[part].total}
        total = sum(texts.total for texts in parts.values())
        return {
            "distinct_golds": _round_share(len(self._texts["gold"]), self._texts["gold"].total),
            "distinct_negatives": _round_share(len(DistinctTexts.merge_all(parts.values())), total),
            "near_duplicates": _round_share(self._near.total(), total),
            "kinds": {
                part: {
                    "distinct": _round_share(len(texts), texts.total),
                    "near_duplicates": _round_share(self._near[part], texts.total),
                }
                for part, texts in parts.items()
            },
        }

    def summarize_lengths(self) -> dict[str, Any]:
        """Words per caption, by kind: the mean and how many captions have so many."""
        return {
            kind: {
                "mean": round(sum(words * count for words, count in counts.items()) / counts.total(), 3),
                "captions": {str(words): counts[words] for words in sorted(counts)},
            }
            for kind, counts in self._lengths.items()
            if counts
        }


def find_near_duplicates(rows: RowBlock) -> Any:
    """(captions,) whether its sample has another caption that differs from it in nothing that means something."""
    kernels = [
        pa.array([normalize_caption(value) for value in elements.values], pa.string()).take(pa.array(elements.codes))
        for elements in (rows.elements[part] for part in reversed(PARTS))
    ]
    meant = CodedTexts.from_array(join_columns(kernels))
    _, which, counts = np.unique(
        rows.caption_rows * len(meant.values) + meant.codes, return_inverse=True, return_counts=True
    )
    return counts[which] > 1


@lru_cache(maxsize=65536)
def normalize_caption(text: str) -> str:
    """A caption less what changes no meaning: case, articles, marks, number.

    >>> kernel("Two forks, on the Table"), kernel("two fork on a table")
    ('two fork on table', 'two fork on table')
    """
    return " ".join(english.to_singular(word) for word in split_words(text) if word not in _ARTICLES)


def _count_elements(counts: Counter[str], elements: CodedTexts, codes: Ints) -> None:
    """Add texts to a count."""
    often = np.bincount(codes, minlength=len(elements.values)).tolist()
    counts.update({value: count for value, count in zip(elements.values, often, strict=True) if count})


def _count_words(counts: Counter[str], words_by_text: Sequence[Sequence[str]], codes: Ints) -> None:
    """Add words to a count: those that each text says, as often as the text is there."""
    often = np.bincount(codes, minlength=len(words_by_text)).tolist()
    counts.update(chain.from_iterable(words for words, times in zip(words_by_text, often, strict=True) if times == 1))
    for words, times in zip(words_by_text, often, strict=True):
        if times > 1:
            for word in words:
                counts[word] += times


def _most_different_elements(gold: Counter[str], swapped: Counter[str]) -> list[list[Any]]:
    """The elements whose shares among gold captions and among swaps differ most, with both shares."""
    golds, swaps = gold.total(), swapped.total()
    shares: list[tuple[str, float, float]] = [
        (word, _round_share(gold[word], golds), _round_share(swapped[word], swaps))
        for word in sorted(gold.keys() | swapped.keys())
    ]
    shares.sort(key=lambda entry: -abs(entry[1] - entry[2]))
    return [list(entry) for entry in shares[:_MAX_ELEMENTS]]


def _round_share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0
