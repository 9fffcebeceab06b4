"""Measure how the words of gold captions and negatives differ, and how often captions repeat."""

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
"""Most elements that are listed as those that differ most."""


class WordCounts:
    """Counts of elements, words and texts in the samples of one file; rows are added block by block.

    Attributes:
        gold_elements: for each of `PARTS`, how many gold captions have each element.
        swapped_elements: for each of `PARTS`, how many negatives have each element in place of the gold one.
    """

    def __init__(self) -> None:
        self.gold_elements: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
        self.swapped_elements: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
        self._texts = {kind: DistinctTexts() for kind in CAPTION_KINDS}
        self._words: dict[str, Counter[str]] = {kind: Counter() for kind in CAPTION_KINDS}
        self._lengths: dict[str, Counter[int]] = {kind: Counter() for kind in CAPTION_KINDS}
        self._near_duplicates: Counter[str] = Counter()

    def add_rows(self, rows: RowBlock) -> None:
        """Count the captions of a block of rows."""
        has_elements = rows.has_elements[rows.caption_rows]
        lengths = np.zeros(len(rows.caption_kinds), np.int64)
        for part, elements in rows.elements.items():
            words_by_text = [split_words(value) for value in elements.values]
            lengths += np.array([len(words) for words in words_by_text], np.int64)[elements.codes]
            for number, kind in enumerate(CAPTION_KINDS):
                is_kind = rows.caption_kinds == number
                _count_words(self._words[kind], words_by_text, elements.codes[is_kind])
                if kind in ("gold", part):
                    counts = self.gold_elements[part] if kind == "gold" else self.swapped_elements[part]
                    _count_elements(counts, elements, elements.codes[is_kind & has_elements])
        is_near_duplicate = find_near_duplicates(rows)
        for number, kind in enumerate(CAPTION_KINDS):
            is_kind = rows.caption_kinds == number
            self._texts[kind].add_texts(rows.texts, rows.texts.codes[is_kind])
            length_counts = enumerate(np.bincount(lengths[is_kind]).tolist())
            self._lengths[kind].update({length: count for length, count in length_counts if count})
            self._near_duplicates[kind] += int(is_near_duplicate[is_kind].sum()) if kind != "gold" else 0

    def compare_elements(self) -> dict[str, Any]:
        """Compare the elements of gold captions and of swaps.

        Returns:
            By part; empty if elements are unknown. ``gold`` and ``swapped``: numbers of different elements;
            ``never_gold``: share of swaps whose element is in no gold caption; ``divergence``: Jensen-Shannon
            divergence of the two distributions in bits; ``most_apart``: the elements whose shares differ most, each
            with its share among gold captions and among swaps.
        """
        figures: dict[str, Any] = {}
        for part in PARTS:
            gold, swapped = self.gold_elements[part], self.swapped_elements[part]
            if gold:
                sizes = {"gold": len(gold), "swapped": len(swapped)}
                most_apart = {"most_apart": _select_most_different(gold, swapped)}
                figures[part] = sizes | _compare_counts(gold, swapped) | most_apart
        return figures

    def compare_vocabulary(self) -> dict[str, Any]:
        """Compare the words of gold captions and of negatives, including captions whose elements are unknown.

        Returns:
            By kind of caption: ``words``, the number of different words; for negatives also ``never_gold`` and
            ``divergence``, as in `compare_elements` but for words.
        """
        gold = self._words["gold"]
        return {
            kind: {"words": len(words)} | ({} if kind == "gold" else _compare_counts(gold, words))
            for kind, words in self._words.items()
            if words
        }

    def measure_repetition(self) -> dict[str, Any]:
        """Measure how often captions repeat.

        Returns:
            ``distinct_golds`` and ``distinct_negatives``: number of different texts as a share of all texts;
            ``near_duplicates``: share of negatives that equal another caption of their sample after
            `normalize_caption`; ``kinds``: ``distinct`` and ``near_duplicates`` of the negatives, by part.
        """
        parts = {part: self._texts[part] for part in PARTS if self._texts[part].total}
        total = sum(texts.total for texts in parts.values())
        return {
            "distinct_golds": _round_share(len(self._texts["gold"]), self._texts["gold"].total),
            "distinct_negatives": _round_share(len(DistinctTexts.merge_all(parts.values())), total),
            "near_duplicates": _round_share(self._near_duplicates.total(), total),
            "kinds": {
                part: {
                    "distinct": _round_share(len(texts), texts.total),
                    "near_duplicates": _round_share(self._near_duplicates[part], texts.total),
                }
                for part, texts in parts.items()
            },
        }

    def summarize_lengths(self) -> dict[str, Any]:
        """By kind of caption: ``mean`` number of words; ``captions``: number of captions by number of words, as text.

        Kinds without captions are left out.
        """
        return {
            kind: {
                "mean": round(sum(words * count for words, count in counts.items()) / counts.total(), 3),
                "captions": {str(words): counts[words] for words in sorted(counts)},
            }
            for kind, counts in self._lengths.items()
            if counts
        }


def find_near_duplicates(rows: RowBlock) -> Any:
    """(captions,) whether each caption of a block equals another one of its sample after `normalize_caption`."""
    normalized = [
        pa.array([normalize_caption(value) for value in elements.values], pa.string()).take(pa.array(elements.codes))
        for elements in (rows.elements[part] for part in reversed(PARTS))
    ]
    texts = CodedTexts.from_array(join_columns(normalized))
    keys = rows.caption_rows * len(texts.values) + texts.codes
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse] > 1


@lru_cache(maxsize=65536)
def normalize_caption(text: str) -> str:
    """Put a caption in lower case and each word in the singular, without articles and punctuation.

    >>> normalize_caption("Two forks, on the Table"), normalize_caption("two fork on a table")
    ('two fork on table', 'two fork on table')
    """
    return " ".join(english.to_singular(word) for word in split_words(text) if word not in _ARTICLES)


def _count_elements(counts: Counter[str], elements: CodedTexts, codes: Ints) -> None:
    """Add the elements that ``codes`` index to ``counts``."""
    code_counts = np.bincount(codes, minlength=len(elements.values)).tolist()
    counts.update({value: count for value, count in zip(elements.values, code_counts, strict=True) if count})


def _count_words(counts: Counter[str], words_by_text: Sequence[Sequence[str]], codes: Ints) -> None:
    """Add the words of the texts that ``codes`` index to ``counts``."""
    text_counts = np.bincount(codes, minlength=len(words_by_text)).tolist()
    single = (words for words, count in zip(words_by_text, text_counts, strict=True) if count == 1)
    counts.update(chain.from_iterable(single))
    for words, count in zip(words_by_text, text_counts, strict=True):
        if count > 1:
            for word in words:
                counts[word] += count


def _compare_counts(gold: Counter[str], swapped: Counter[str]) -> dict[str, Any]:
    """Share of swapped words or elements that are never in a gold caption, and divergence of the two distributions."""
    never_gold = sum(count for word, count in swapped.items() if word not in gold)
    return {
        "never_gold": _round_share(never_gold, swapped.total()),
        "divergence": round(jensen_shannon_divergence(gold, swapped), 4),
    }


def _select_most_different(gold: Counter[str], swapped: Counter[str]) -> list[list[Any]]:
    """Elements whose shares among gold captions and among swaps differ most, with both shares."""
    gold_total, swapped_total = gold.total(), swapped.total()
    shares: list[tuple[str, float, float]] = [
        (element, _round_share(gold[element], gold_total), _round_share(swapped[element], swapped_total))
        for element in sorted(gold.keys() | swapped.keys())
    ]
    shares.sort(key=lambda entry: -abs(entry[1] - entry[2]))
    return [list(entry) for entry in shares[:_MAX_ELEMENTS]]


def _round_share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0
