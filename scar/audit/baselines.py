"""Text-only baselines, the simplest judges: each learns from questions, and scores texts one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from scar.audit.encoder import Encoder
from scar.audit.logistic import Features, Floats, Ints, fit_conditional_logit
from scar.audit.ngrams import NgramVocabulary
from scar.audit.questions import QuestionSet
from scar.audit.tokenized_texts import TokenizedTexts

TextScorer: TypeAlias = Callable[[Sequence[str]], Floats]
"""Takes captions, returns (captions,) scores; the likeliest gold caption scores highest."""

Baseline: TypeAlias = Callable[[QuestionSet], TextScorer]
"""Learns from questions and their gold captions; returns the scorer."""

MAX_EXPANDED_CAPTIONS = 100_000
"""If there are more captions, equal ones share a row of features: faster, but sums differ in their last digits."""

_GRADIENT_TOLERANCE = 0.01
"""Hit rates need no exact weights: they change by 0.001 and times by half."""

_CHARACTERS_PER_BIN = 4
"""Width in characters of the bins that caption lengths fall into."""

_MAX_TELLTALES = 12
"""Most words that `find_telltales` lists for gold captions, and for negatives."""


def fit_words(train: QuestionSet) -> TextScorer:
    """Learn which single words tell gold captions from negatives."""
    return _fit_ngram_scorer(train, 1)


def fit_ngrams(train: QuestionSet) -> TextScorer:
    """Learn which n-grams of up to three words tell gold captions from negatives."""
    return _fit_ngram_scorer(train, 3)


def fit_lengths(train: QuestionSet) -> TextScorer:
    """Learn which lengths, in words and characters, tell gold captions from negatives."""

    def bin_lengths(texts: Sequence[str]) -> tuple[list[str], Ints]:
        """The different length bins by name, and (texts,) the index of each text's bin."""
        sizes = zip(TokenizedTexts.from_texts(texts).word_counts.tolist(), texts, strict=True)
        names = [f"w{words} c{len(text) // _CHARACTERS_PER_BIN}" for words, text in sizes]
        indices: dict[str, int] = {}
        bins = [indices.setdefault(name, len(indices)) for name in names]
        return list(indices), np.array(bins, np.int64)

    texts, inverse = train.unique_captions
    names, bins = bin_lengths(texts)
    vocabulary, features = NgramVocabulary.fit_texts(names, np.bincount(bins[inverse]), 1)
    weights = _fit_weights(features, bins[inverse], train)

    def score_texts(texts: Sequence[str]) -> Floats:
        names, bins = bin_lengths(texts)
        return vocabulary.make_features(names).multiply_weights(weights)[bins]

    return score_texts


def fit_fluency(train: QuestionSet) -> TextScorer:
    """Learn a bigram model of the gold captions alone; the score is the mean log-probability of a caption's words."""
    texts, inverse = train.unique_captions
    gold_counts = np.bincount(inverse[train.gold_indices], minlength=len(texts))
    ids, owners = texts.add_boundaries(texts.word_ids + 1, 0)
    is_inside = owners[:-1] == owners[1:]
    first, second, counts = ids[:-1][is_inside], ids[1:][is_inside], gold_counts[owners[:-1][is_inside]]
    base = len(texts.vocabulary) + 1
    first_counts = np.bincount(first, counts, base)
    kinds = np.count_nonzero(first_counts) + 1
    bigrams, inverse_bigrams = np.unique((first * base + second)[counts > 0], return_inverse=True)
    bigram_counts = np.bincount(inverse_bigrams, counts[counts > 0])
    word_ids = {word: number for number, word in enumerate(texts.vocabulary, 1)}

    def score_texts(texts: Sequence[str]) -> Floats:
        tokenized = TokenizedTexts.from_texts(texts)
        ids, owners = tokenized.add_boundaries(tokenized.map_word_ids(word_ids, -1), 0)
        is_inside = owners[:-1] == owners[1:]
        first, second = ids[:-1][is_inside], ids[1:][is_inside]
        codes = first * base + second
        indices = np.minimum(np.searchsorted(bigrams, codes), len(bigrams) - 1)
        is_known = (bigrams[indices] == codes) & (first >= 0) & (second >= 0)
        counts = np.where(is_known, bigram_counts[indices], 0)
        log_odds = np.log((counts + 1) / (np.where(first >= 0, first_counts[first], 0) + kinds))
        return np.bincount(owners[:-1][is_inside], log_odds) / (tokenized.word_counts + 1)

    return score_texts


def fit_choice_frequency(train: QuestionSet) -> TextScorer:
    """Learn for each text the share of its occurrences in which it was the gold caption.

    The share is smoothed: the less often a text occurs, the nearer it is to chance, 0.1.
    """
    offered = Counter(train.captions)
    gold = Counter(train.captions[index] for index in train.gold_indices)
    return lambda texts: np.array([(gold[text] + 1) / (offered[text] + 10) for text in texts])


def make_encoder_baseline(encoder: Encoder) -> Baseline:
    """Make a baseline: a linear model on the vectors of a frozen sentence encoder."""

    def fit_encoder(train: QuestionSet) -> TextScorer:
        texts, inverse = train.unique_captions
        weights = fit_conditional_logit(Features(encoder(texts), inverse), train.gold_indices)
        return lambda texts: Features(encoder(texts)).multiply_weights(weights)

    return fit_encoder


def find_telltales(train: QuestionSet) -> dict[str, list[list[Any]]]:
    """Find the words that tell gold captions from negatives best.

    Returns:
        Two lists of [word, log-odds], the strongest first: ``gold`` has the words that speak for a gold caption, whose
        log-odds are above 0, ``negative`` those that speak against one.
    """
    vocabulary, weights = _fit_ngrams_once(train, 1)
    order = np.argsort(-weights, kind="stable")
    named: list[tuple[str, float]] = [
        (vocabulary.decode_ngram(column), round(float(weights[column]), 2)) for column in order
    ]
    return {
        "gold": [list(entry) for entry in named[:_MAX_TELLTALES] if entry[1] > 0],
        "negative": [list(entry) for entry in reversed(named[-_MAX_TELLTALES:]) if entry[1] < 0],
    }


def _fit_ngram_scorer(train: QuestionSet, max_length: int) -> TextScorer:
    vocabulary, weights = _fit_ngrams_once(train, max_length)
    return lambda texts: vocabulary.make_features(texts).multiply_weights(weights)


def _fit_ngrams_once(train: QuestionSet, max_length: int) -> tuple[NgramVocabulary, Floats]:
    """The n-grams of questions and their weights; fitted at the first call and kept in ``train``."""
    if max_length not in train.fitted_ngrams:
        texts, inverse = train.unique_captions
        vocabulary, features = NgramVocabulary.fit_texts(texts, np.bincount(inverse), max_length)
        train.fitted_ngrams[max_length] = vocabulary, _fit_weights(features, inverse, train)
    return train.fitted_ngrams[max_length]


def _fit_weights(features: Features, row_indices: Ints, train: QuestionSet) -> Floats:
    """Fit weights to questions; ``row_indices`` gives the row of features of each caption."""
    is_large = len(row_indices) > MAX_EXPANDED_CAPTIONS
    captions = Features(features.matrix, row_indices) if is_large else features.take_rows(row_indices)
    return fit_conditional_logit(captions, train.gold_indices, tolerance=_GRADIENT_TOLERANCE)
