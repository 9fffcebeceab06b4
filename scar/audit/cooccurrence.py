"""Features of captions by what captions of other images say: how often do two words of a caption stand together there?

The rows hold no captions of people, so the gold captions of other images are the source. An image's own golds are left
out, also where its other samples are scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scar.audit.caption_classes import list_classes, summarize_by_caption
from scar.audit.caption_codes import (
    CodedFeatures,
    Codes,
    hash_text,
    hash_words,
    list_pair_indices,
    list_word_texts,
    mix_codes,
)
from scar.audit.logistic import Ints
from scar.audit.questions import QuestionSet

_ARTICLES = ("a", "an", "the")

_LIFTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
"""Edges between the classes of a lift: the logarithm, to base 2, of a pair's count by the one of independent words."""

_COUNTS = (0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5)
"""Edges between the classes of numbers of images."""

_UNSEEN = (0.01, 0.1, 0.2, 0.35, 0.5)
"""Edges between the classes of the share of pairs that no other image has."""


@dataclass(frozen=True)
class ImageCounts:
    """For each code, such as that of a word, the number of images in which it occurs.

    Attributes:
        codes: (codes,) the codes, ascending.
        counts: (codes,) number of images that have each of them.
        own: (pairs,) mixed codes of image and code, ascending: which image has which code.
        images: number of all images.
    """

    codes: Codes
    counts: Ints
    own: Codes
    images: int

    @classmethod
    def from_codes(cls, images: Codes, codes: Codes) -> ImageCounts:
        """Count (n,) ``codes`` of (n,) ``images``; a code that an image has twice counts once."""
        own, index = np.unique(mix_codes(images, codes), return_index=True)
        known, counts = np.unique(codes[index], return_counts=True)
        return cls(known, counts, own, len(np.unique(images)))

    def count_others(self, images: Codes, codes: Codes) -> Ints:
        """(n,) number of images, other than each of the (n,) ``images``, that have each of the (n,) ``codes``."""
        if not len(self.codes):
            return np.zeros(len(codes), np.int64)
        indices = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        counts = np.where(self.codes[indices] == codes, self.counts[indices], 0)
        mixed = mix_codes(images, codes)
        own = np.minimum(np.searchsorted(self.own, mixed), len(self.own) - 1)
        others: Ints = counts - (self.own[own] == mixed)
        return others


@dataclass(frozen=True)
class Cooccurrence:
    """Counts of words and of pairs of words in gold captions, by image; articles do not count.

    Attributes:
        words: images by word.
        pairs: images by unordered pair of words.
    """

    words: ImageCounts
    pairs: ImageCounts

    @classmethod
    def from_golds(cls, questions: QuestionSet) -> Cooccurrence:
        """Count the gold captions of questions."""
        golds = questions.select_golds()
        pairs, first, second = _list_content_pairs(golds)
        images = hash_images(golds)[pairs.rows]
        words = np.concatenate((first, second))
        return cls(
            ImageCounts.from_codes(np.concatenate((images, images)), words),
            ImageCounts.from_codes(images, _mix_unordered(first, second)),
        )

    def list_lifts(self, questions: QuestionSet) -> CodedFeatures:
        """List features of captions: how often their words occur, alone and together, in golds of other images.

        The lift of a pair of words is how much more often they occur together than chance would have it. Counts and
        lifts are features as classes of numbers, see `scar.audit.caption_classes`.
        """
        pairs, first, second = _list_content_pairs(questions)
        images = hash_images(questions)[questions.caption_questions[pairs.rows]]
        both = self.pairs.count_others(images, _mix_unordered(first, second))
        one, other = (self.words.count_others(images, each) for each in (first, second))
        lifts = np.log2((both + 0.5) * self.words.images / ((one + 0.5) * (other + 0.5)))
        return CodedFeatures.concatenate(
            *(
                list_classes(name, summarize_by_caption(values, pairs.rows, pairs.row_count), edges)
                for name, values, edges in (
                    ("lift", lifts, _LIFTS),
                    ("pairs", both.astype(np.float64), _COUNTS),
                    ("words", np.minimum(one, other).astype(np.float64), _COUNTS),
                    ("unseen", (both == 0).astype(np.float64), _UNSEEN),
                )
            )
        )


def hash_images(questions: QuestionSet) -> Codes:
    """(questions,) code of the path of each question's image."""
    return np.array([hash_text(question.image) for question in questions.questions], np.uint64)


def _list_content_pairs(questions: QuestionSet) -> tuple[CodedFeatures, Codes, Codes]:
    """Pairs of words without articles, with a row for each caption; the codes of the first and of the second word."""
    texts, inverse = questions.unique_captions
    is_content = np.array([word not in _ARTICLES for word in texts.vocabulary], bool)[texts.word_ids]
    first, second = list_pair_indices(texts)
    both = is_content[first] & is_content[second]
    first, second = first[both], second[both]
    indices, no_codes = np.arange(len(first)), np.zeros(0, np.uint64)
    pairs = CodedFeatures(list_word_texts(texts)[first], indices, no_codes, inverse, len(texts)).expand_rows()
    words = hash_words(texts)[texts.word_ids]
    return pairs, words[first[pairs.columns]], words[second[pairs.columns]]


def _mix_unordered(first: Codes, second: Codes) -> Codes:
    """(pairs,) one code for both orders of two codes."""
    return mix_codes(np.minimum(first, second), np.maximum(first, second))
