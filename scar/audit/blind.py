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
from scar.audit.logistic import Dense, Floats, Ints, Marks, Repeated, fit, hits
from scar.audit.ngrams import Ngrams
from scar.audit.questions import FOLDS, Sheet
from scar.audit.said import Said
from scar.common.statistics import wilson_interval
from scar.sample import PARTS, Part

Scorer: TypeAlias = Callable[[Sequence[str]], Floats]
"""Captions -> (captions,) scores, the likeliest gold caption highest."""

Baseline: TypeAlias = Callable[[Sheet], Scorer]
"""Learns of questions with their answers."""

_LETTERS = 4
"""Caption lengths are told apart by words, and by so many characters."""

_TELLTALES = 12

_MANY = 100_000
"""More captions are added up by their text, which takes a fraction of the time; sums differ in their last digits."""


def words(train: Sheet) -> Scorer:
    """Which single words gold captions have."""
    return _ngrams(train, 1)


def ngrams(train: Sheet) -> Scorer:
    """Which runs of up to three words gold captions have."""
    return _ngrams(train, 3)


def length(train: Sheet) -> Scorer:
    """How long gold captions are, in words and characters."""

    def told(texts: Sequence[str]) -> tuple[list[str], Ints]:
        sizes = zip(Said.of(texts).lengths.tolist(), texts, strict=True)
        places: dict[str, int] = {}
        which = [places.setdefault(f"w{words} c{len(text) // _LETTERS}", len(places)) for words, text in sizes]
        return list(places), np.array(which, np.int64)

    texts, which = train.different
    different, place = told(texts)
    known, marks = Ngrams.learned(different, np.bincount(place[which]), 1)
    weights = _fitted(marks, place[which], train)

    def score(texts: Sequence[str]) -> Floats:
        different, place = told(texts)
        return known.marks(different).times(weights)[place]

    return score


def fluency(train: Sheet) -> Scorer:
    """How much a caption sounds like a gold one: the mean log-probability of its words, each after the one before."""
    texts, which = train.different
    gold = np.bincount(which[train.starts], minlength=len(texts))
    numbers, owners = texts.edged(texts.numbers + 1, 0)  # 0 stands before and after each
    inside = owners[:-1] == owners[1:]
    first, second, often = numbers[:-1][inside], numbers[1:][inside], gold[owners[:-1][inside]]
    base, befores = len(texts.words) + 1, np.bincount(first, often, len(texts.words) + 1)
    kinds = np.count_nonzero(befores) + 1
    codes, step = np.unique((first * base + second)[often > 0], return_inverse=True)
    pairs = np.bincount(step, often[often > 0])
    places = {word: number for number, word in enumerate(texts.words, 1)}

    def score(asked: Sequence[str]) -> Floats:
        said = Said.of(asked)
        numbers, owners = said.edged(said.numbered(places, -1), 0)
        inside = owners[:-1] == owners[1:]
        first, second = numbers[:-1][inside], numbers[1:][inside]
        place = np.minimum(np.searchsorted(codes, first * base + second), len(codes) - 1)
        seen = np.where((codes[place] == first * base + second) & (first >= 0) & (second >= 0), pairs[place], 0)
        before = np.where(first >= 0, befores[first], 0)
        return np.bincount(owners[:-1][inside], np.log((seen + 1) / (before + kinds))) / (said.lengths + 1)

    return score


def choice(train: Sheet) -> Scorer:
    """How often the very text was the gold one when it was to choose from."""
    shown = Counter(train.texts)
    gold = Counter(train.texts[start] for start in train.starts)
    return lambda texts: np.array([(gold[text] + 1) / (shown[text] + 10) for text in texts])


def encoded(encoder: Encoder) -> Baseline:
    """Where gold captions lie in the space of a frozen sentence encoder."""

    def learn(train: Sheet) -> Scorer:
        texts, which = train.different
        weights = fit(Repeated(Dense(encoder(texts)), which), train.starts)
        return lambda texts: Dense(encoder(texts)).times(weights)

    return learn


BASELINES: Mapping[str, Baseline] = {
    "n-grams": ngrams,
    "words": words,
    "length": length,
    "fluency": fluency,
    "choice": choice,
}


def ask(baseline: Baseline, train: Sheet | None, sheet: Sheet, folds: int = FOLDS) -> Floats:
    """Scores of all captions of a sheet by a baseline that has learned of others.

    Args:
        baseline: what is asked.
        train: what it learns of; without one, of the sheet's own other folds.
        sheet: what it is asked.
        folds: without ``train``, how many of the folds it is asked, the first ones; those of others are left out.
    """
    if train is not None:
        return _scored(baseline(train), sheet)
    scores: dict[int, Floats] = {}
    for number in range(folds):
        others, own = sheet.fold(number)
        if own.questions:
            told = np.split(_scored(baseline(others), own), own.starts[1:])
            scores |= {id(question): part for question, part in zip(own.questions, told, strict=True)}
    return np.concatenate([scores[id(question)] for question in sheet.questions if id(question) in scores])


def rates(scores: Floats, sheet: Sheet) -> dict[str, Any]:
    """Figures of one baseline.

    Returns:
        ``hit``: share of samples whose gold caption comes first of all, ties by lot; ``interval`` of it, 95 %;
        ``chance``: what guessing gives; ``kinds``: the same among the gold caption and the swaps of one part.
    """
    found = hits(scores, sheet.starts)
    sizes = np.array([len(question.captions) for question in sheet.questions])
    return {
        "hit": round(float(found.mean()), 4),
        "interval": [round(end, 4) for end in wilson_interval(float(found.mean()), len(found))],
        "chance": round(float((1 / sizes).mean()), 4),
        "kinds": {part: kind for part in PARTS if (kind := _kind(scores, sheet, part))},
    }


def telltales(train: Sheet) -> dict[str, list[list[Any]]]:
    """The words by which a model tells gold captions from others, with their log-odds."""
    known, weights = _learned(train, 1)
    order = np.argsort(-weights, kind="stable")
    named: list[tuple[str, float]] = [(known.name(column), round(float(weights[column]), 2)) for column in order]
    return {
        "gold": [list(entry) for entry in named[:_TELLTALES] if entry[1] > 0],
        "negative": [list(entry) for entry in reversed(named[-_TELLTALES:]) if entry[1] < 0],
    }


def _ngrams(train: Sheet, order: int) -> Scorer:
    known, weights = _learned(train, order)
    return lambda texts: known.marks(texts).times(weights)


def _learned(train: Sheet, order: int) -> tuple[Ngrams, Floats]:
    """The runs of words of a sheet and their weights, fitted once."""
    if order not in train.fits:
        texts, which = train.different
        known, marks = Ngrams.learned(texts, np.bincount(which), order)
        train.fits[order] = known, _fitted(marks, which, train)
    return train.fits[order]


def _fitted(marks: Marks, which: Ints, train: Sheet) -> Floats:
    """Weights of the marks of a sheet's captions, each of which is one of those that are marked."""
    return fit(Repeated(marks, which) if len(which) > _MANY else marks.repeated(which), train.starts)


def _scored(scorer: Scorer, sheet: Sheet) -> Floats:
    """Scores of all captions of a sheet; equal ones are scored once."""
    texts, which = sheet.different
    return scorer(texts)[which]


def _kind(scores: Floats, sheet: Sheet, part: Part) -> dict[str, Any] | None:
    """Figures of the choice between the gold caption and the swaps of one part; None if there is no such choice."""
    own = sheet.kinds == PARTS.index(part)
    swaps = np.add.reduceat(own.astype(np.int64), sheet.starts)
    sizes = 1 + swaps[swaps > 0]
    if not len(sizes):
        return None
    own[sheet.starts[swaps > 0]] = True
    found = hits(scores[own], np.cumsum(sizes) - sizes)
    rate = float(found.mean())
    return {
        "hit": round(rate, 4),
        "interval": [round(end, 4) for end in wilson_interval(rate, len(found))],
        "chance": round(float((1 / sizes).mean()), 4),
    }
