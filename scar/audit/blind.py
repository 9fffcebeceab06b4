"""How often a model that sees no image finds the gold caption.

Each baseline learns of samples whose gold caption it is told, and scores captions of others one by one. What it finds
is what a corpus gives away: an embedder may score so much without looking at any region.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from scar.audit.encoder import Encoder
from scar.audit.logistic import Dense, Floats, fit, hits
from scar.audit.ngrams import Ngrams, split
from scar.audit.questions import FOLDS, Sheet
from scar.sample import PARTS, Part

Scorer: TypeAlias = Callable[[Sequence[str]], Floats]
"""Captions -> (captions,) scores, the likeliest gold caption highest."""

Baseline: TypeAlias = Callable[[Sheet], Scorer]
"""Learns of questions with their answers."""

_LETTERS = 4
"""Caption lengths are told apart by words, and by so many characters."""

_TELLTALES = 12


def words(train: Sheet) -> Scorer:
    """Which single words gold captions have."""
    return _ngrams(train, 1)


def ngrams(train: Sheet) -> Scorer:
    """Which runs of up to three words gold captions have."""
    return _ngrams(train, 3)


def length(train: Sheet) -> Scorer:
    """How long gold captions are, in words and characters."""

    def told(texts: Sequence[str]) -> list[str]:
        return [f"w{len(split(text))} c{len(text) // _LETTERS}" for text in texts]

    known = Ngrams.of(told(train.texts), 1)
    weights = fit(known.marks(told(train.texts)), train.starts)
    return lambda texts: known.marks(told(texts)).times(weights)


def fluency(train: Sheet) -> Scorer:
    """How much a caption sounds like a gold one: the mean log-probability of its words, each after the one before."""
    pairs: Counter[tuple[str, str]] = Counter()
    befores: Counter[str] = Counter()
    for start in train.starts:
        for pair in pairwise(("", *split(train.texts[start]), "")):
            pairs[pair] += 1
            befores[pair[0]] += 1
    kinds = len(befores) + 1

    def score(text: str) -> float:
        steps = list(pairwise(("", *split(text), "")))
        return sum(math.log((pairs[step] + 1) / (befores[step[0]] + kinds)) for step in steps) / len(steps)

    return lambda texts: np.array([score(text) for text in texts])


def choice(train: Sheet) -> Scorer:
    """How often the very text was the gold one when it was to choose from."""
    shown = Counter(train.texts)
    gold = Counter(train.texts[start] for start in train.starts)
    return lambda texts: np.array([(gold[text] + 1) / (shown[text] + 10) for text in texts])


def encoded(encoder: Encoder) -> Baseline:
    """Where gold captions lie in the space of a frozen sentence encoder."""

    def learn(train: Sheet) -> Scorer:
        weights = fit(Dense(encoder(train.texts)), train.starts)
        return lambda texts: Dense(encoder(texts)).times(weights)

    return learn


BASELINES: Mapping[str, Baseline] = {
    "n-grams": ngrams,
    "words": words,
    "length": length,
    "fluency": fluency,
    "choice": choice,
}


def consensus(sheet: Sheet) -> Floats:
    """Words that a caption shares with those beside it: every negative is the gold caption with one element replaced.

    Who sees all ten at once finds the middle one. That lies in the format; a model that embeds one caption at a time
    cannot do it.
    """
    scores = []
    for question in sheet.questions:
        bags = [set(split(caption)) for caption in question.captions]
        scores += [sum(len(bag & other) / max(len(bag | other), 1) for other in bags) for bag in bags]
    return np.array(scores)


def ask(baseline: Baseline, train: Sheet | None, sheet: Sheet) -> Floats:
    """Scores of all captions of a sheet by a baseline that has learned of others.

    Args:
        baseline: what is asked.
        train: what it learns of; without one, of the sheet's own other folds.
        sheet: what it is asked.
    """
    if train is not None:
        return baseline(train)(sheet.texts)
    scores: dict[int, Floats] = {}
    for number in range(FOLDS):
        others, own = sheet.fold(number)
        if own.questions:
            told = np.split(baseline(others)(own.texts), own.starts[1:])
            scores |= {id(question): part for question, part in zip(own.questions, told, strict=True)}
    return np.concatenate([scores[id(question)] for question in sheet.questions])


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
        "interval": [round(end, 4) for end in wilson(float(found.mean()), len(found))],
        "chance": round(float((1 / sizes).mean()), 4),
        "kinds": {part: kind for part in PARTS if (kind := _kind(scores, sheet, part))},
    }


def telltales(train: Sheet) -> dict[str, list[list[Any]]]:
    """The words by which a model tells gold captions from others, with their log-odds."""
    known = Ngrams.of(train.texts, 1)
    weights = fit(known.marks(train.texts), train.starts)
    order = np.argsort(-weights, kind="stable")
    named: list[tuple[str, float]] = [(known.name(column), round(float(weights[column]), 2)) for column in order]
    return {
        "gold": [list(entry) for entry in named[:_TELLTALES] if entry[1] > 0],
        "negative": [list(entry) for entry in reversed(named[-_TELLTALES:]) if entry[1] < 0],
    }


def wilson(rate: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927).

    >>> [round(end, 3) for end in wilson(0.5, 10)]
    [0.237, 0.763]
    """
    z = 1.959964
    middle = rate + z * z / (2 * count)
    reach = z * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return (middle - reach) / (1 + z * z / count), (middle + reach) / (1 + z * z / count)


def _ngrams(train: Sheet, order: int) -> Scorer:
    known = Ngrams.of(train.texts, order)
    weights = fit(known.marks(train.texts), train.starts)
    return lambda texts: known.marks(texts).times(weights)


def _kind(scores: Floats, sheet: Sheet, part: Part) -> dict[str, Any] | None:
    """Figures of the choice between the gold caption and the swaps of one part; None if there is no such choice."""
    picked: list[Floats] = []
    for question, start in zip(sheet.questions, sheet.starts, strict=True):
        own = [start + place for place, kind in enumerate(question.parts, 1) if kind == part]
        if own:
            picked.append(scores[[start, *own]])
    if not picked:
        return None
    sizes = np.array([len(group) for group in picked])
    found = hits(np.concatenate(picked), np.concatenate(([0], np.cumsum(sizes)[:-1])))
    rate = float(found.mean())
    return {
        "hit": round(rate, 4),
        "interval": [round(end, 4) for end in wilson(rate, len(found))],
        "chance": round(float((1 / sizes).mean()), 4),
    }
