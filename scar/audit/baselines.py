"""How often a model that sees no image finds the gold caption.

Each baseline learns of samples whose gold caption it is told, and scores captions of others one by one. What it finds
is what a corpus gives away: an embedder may score so much without looking at any region.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from scar.audit.encoder import Encoder
from scar.audit.logistic import (
    DenseFeatures,
    Floats,
    Ints,
    RepeatedFeatures,
    SparseFeatures,
    compute_hits,
    fit_conditional_logit,
)
from scar.audit.ngrams import NgramVocabulary
from scar.audit.questions import FOLDS, QuestionSet
from scar.audit.tokenized_texts import TokenizedTexts
from scar.common.statistics import wilson_interval
from scar.sample import PARTS, Part

Scorer: TypeAlias = Callable[[Sequence[str]], Floats]
"""Captions -> (captions,) scores, the likeliest gold caption highest."""

Baseline: TypeAlias = Callable[[QuestionSet], Scorer]
"""Learns of questions with their answers."""

_CHARACTERS_PER_BIN = 4
"""Caption lengths are told apart by words, and by so many characters."""

_MAX_TELLTALES = 12

_MANY = 100_000
"""More captions are added up by their text, which takes a fraction of the time; sums differ in their last digits."""


def fit_words(train: QuestionSet) -> Scorer:
    """Which single words gold captions have."""
    return _fit_ngram_scorer(train, 1)


def fit_ngrams(train: QuestionSet) -> Scorer:
    """Which runs of up to three words gold captions have."""
    return _fit_ngram_scorer(train, 3)


def fit_lengths(train: QuestionSet) -> Scorer:
    """How long gold captions are, in words and characters."""

    def bin_lengths(texts: Sequence[str]) -> tuple[list[str], Ints]:
        sizes = zip(TokenizedTexts.from_texts(texts).word_counts.tolist(), texts, strict=True)
        places: dict[str, int] = {}
        which = [
            places.setdefault(f"w{words} c{len(text) // _CHARACTERS_PER_BIN}", len(places)) for words, text in sizes
        ]
        return list(places), np.array(which, np.int64)

    texts, which = train.unique_captions
    different, place = bin_lengths(texts)
    known, marks = NgramVocabulary.fit_texts(different, np.bincount(place[which]), 1)
    weights = _fit_weights(marks, place[which], train)

    def score_texts(texts: Sequence[str]) -> Floats:
        different, place = bin_lengths(texts)
        return known.make_features(different).multiply_weights(weights)[place]

    return score_texts


def fit_fluency(train: QuestionSet) -> Scorer:
    """How much a caption sounds like a gold one: the mean log-probability of its words, each after the one before."""
    texts, which = train.unique_captions
    gold = np.bincount(which[train.gold_indices], minlength=len(texts))
    numbers, owners = texts.add_boundaries(texts.word_ids + 1, 0)  # 0 stands before and after each
    inside = owners[:-1] == owners[1:]
    first, second, often = numbers[:-1][inside], numbers[1:][inside], gold[owners[:-1][inside]]
    base, befores = len(texts.vocabulary) + 1, np.bincount(first, often, len(texts.vocabulary) + 1)
    kinds = np.count_nonzero(befores) + 1
    codes, step = np.unique((first * base + second)[often > 0], return_inverse=True)
    pairs = np.bincount(step, often[often > 0])
    places = {word: number for number, word in enumerate(texts.vocabulary, 1)}

    def score_texts(asked: Sequence[str]) -> Floats:
        said = TokenizedTexts.from_texts(asked)
        numbers, owners = said.add_boundaries(said.map_word_ids(places, -1), 0)
        inside = owners[:-1] == owners[1:]
        first, second = numbers[:-1][inside], numbers[1:][inside]
        place = np.minimum(np.searchsorted(codes, first * base + second), len(codes) - 1)
        seen = np.where((codes[place] == first * base + second) & (first >= 0) & (second >= 0), pairs[place], 0)
        before = np.where(first >= 0, befores[first], 0)
        return np.bincount(owners[:-1][inside], np.log((seen + 1) / (before + kinds))) / (said.word_counts + 1)

    return score_texts


def fit_choice_frequency(train: QuestionSet) -> Scorer:
    """How often the very text was the gold one when it was to choose from."""
    shown = Counter(train.captions)
    gold = Counter(train.captions[start] for start in train.gold_indices)
    return lambda texts: np.array([(gold[text] + 1) / (shown[text] + 10) for text in texts])


def make_encoder_baseline(encoder: Encoder) -> Baseline:
    """Where gold captions lie in the space of a frozen sentence encoder."""

    def fit_encoder(train: QuestionSet) -> Scorer:
        texts, which = train.unique_captions
        weights = fit_conditional_logit(RepeatedFeatures(DenseFeatures(encoder(texts)), which), train.gold_indices)
        return lambda texts: DenseFeatures(encoder(texts)).multiply_weights(weights)

    return fit_encoder


BASELINES: Mapping[str, Baseline] = {
    "n-grams": fit_ngrams,
    "words": fit_words,
    "length": fit_lengths,
    "fluency": fit_fluency,
    "choice": fit_choice_frequency,
}


def score_questions(
    baseline: Baseline, train: QuestionSet | None, test: QuestionSet, fold_count: int = FOLDS
) -> Floats:
    """Scores of all captions of a sheet by a baseline that has learned of others.

    Args:
        baseline: what is asked.
        train: what it learns of; without one, of the sheet's own other folds.
        test: what it is asked.
        fold_count: without ``train``, how many of the folds it is asked, the first ones; those of others are left out.
    """
    if train is not None:
        return _score_captions(baseline(train), test)
    scores: dict[int, Floats] = {}
    for number in range(fold_count):
        others, own = test.split_fold(number)
        if own.questions:
            told = np.split(_score_captions(baseline(others), own), own.gold_indices[1:])
            scores |= {id(question): part for question, part in zip(own.questions, told, strict=True)}
    return np.concatenate([scores[id(question)] for question in test.questions if id(question) in scores])


def compute_hit_rates(scores: Floats, test: QuestionSet) -> dict[str, Any]:
    """Figures of one baseline.

    Returns:
        ``hit``: share of samples whose gold caption comes first of all, ties by lot; ``interval`` of it, 95 %;
        ``chance``: what guessing gives; ``kinds``: the same among the gold caption and the swaps of one part.
    """
    found = compute_hits(scores, test.gold_indices)
    sizes = np.array([len(question.captions) for question in test.questions])
    return {
        "hit": round(float(found.mean()), 4),
        "interval": [round(end, 4) for end in wilson_interval(float(found.mean()), len(found))],
        "chance": round(float((1 / sizes).mean()), 4),
        "kinds": {part: kind for part in PARTS if (kind := _compute_part_rates(scores, test, part))},
    }


def find_telltales(train: QuestionSet) -> dict[str, list[list[Any]]]:
    """The words by which a model tells gold captions from others, with their log-odds."""
    known, weights = _fit_ngrams_once(train, 1)
    order = np.argsort(-weights, kind="stable")
    named: list[tuple[str, float]] = [
        (known.decode_ngram(column), round(float(weights[column]), 2)) for column in order
    ]
    return {
        "gold": [list(entry) for entry in named[:_MAX_TELLTALES] if entry[1] > 0],
        "negative": [list(entry) for entry in reversed(named[-_MAX_TELLTALES:]) if entry[1] < 0],
    }


def _fit_ngram_scorer(train: QuestionSet, max_length: int) -> Scorer:
    known, weights = _fit_ngrams_once(train, max_length)
    return lambda texts: known.make_features(texts).multiply_weights(weights)


def _fit_ngrams_once(train: QuestionSet, max_length: int) -> tuple[NgramVocabulary, Floats]:
    """The runs of words of a sheet and their weights, fitted once."""
    if max_length not in train.fitted_ngrams:
        texts, which = train.unique_captions
        known, marks = NgramVocabulary.fit_texts(texts, np.bincount(which), max_length)
        train.fitted_ngrams[max_length] = known, _fit_weights(marks, which, train)
    return train.fitted_ngrams[max_length]


def _fit_weights(features: SparseFeatures, caption_indices: Ints, train: QuestionSet) -> Floats:
    """Weights of the marks of a sheet's captions, each of which is one of those that are marked."""
    return fit_conditional_logit(
        RepeatedFeatures(features, caption_indices)
        if len(caption_indices) > _MANY
        else features.take_rows(caption_indices),
        train.gold_indices,
    )


def _score_captions(scorer: Scorer, test: QuestionSet) -> Floats:
    """Scores of all captions of a sheet; equal ones are scored once."""
    texts, which = test.unique_captions
    return scorer(texts)[which]


def _compute_part_rates(scores: Floats, test: QuestionSet, part: Part) -> dict[str, Any] | None:
    """Figures of the choice between the gold caption and the swaps of one part; None if there is no such choice."""
    own = test.replaced_parts == PARTS.index(part)
    swaps = np.add.reduceat(own.astype(np.int64), test.gold_indices)
    sizes = 1 + swaps[swaps > 0]
    if not len(sizes):
        return None
    own[test.gold_indices[swaps > 0]] = True
    found = compute_hits(scores[own], np.cumsum(sizes) - sizes)
    rate = float(found.mean())
    return {
        "hit": round(rate, 4),
        "interval": [round(end, 4) for end in wilson_interval(rate, len(found))],
        "chance": round(float((1 / sizes).mean()), 4),
    }
