"""Redrawing negatives until who sees no image finds the gold captions no more often than by chance.

A blind model learns of a corpus; then negatives are drawn again, more than are needed, and chosen so that the model
ranks the gold caption anywhere. It judges no image that it has learned of. The gold captions stay as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from scar.audit import MARGIN
from scar.audit.blind import ask, ngrams, rates
from scar.audit.logistic import Floats, fit
from scar.audit.ngrams import Ngrams
from scar.audit.questions import FOLDS, Draw, Question, Sheet, balanced, fold_of
from scar.build.pipeline import Generator
from scar.build.shard import ShardResult
from scar.errors import InputError
from scar.sample import Caption

LEARNED_OF = 20_000
"""Most samples that the blind model learns of."""

ROUNDS = 3
"""So often negatives are drawn again at most."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a blind model has learned: how much each run of words speaks for a caption.

    Attributes:
        known: the runs of words.
        weights: (columns,) of each.
    """

    known: Ngrams
    weights: Floats

    @classmethod
    def of(cls, sheet: Sheet) -> Learned:
        known = Ngrams.of(sheet.texts)
        return cls(known, fit(known.marks(sheet.texts), sheet.starts))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """(texts,) scores."""
        return self.known.marks(texts).times(self.weights)


def judge_of(file: str, judges: Sequence[Learned]) -> Learned:
    """The judge that has not learned of an image."""
    return judges[fold_of(file)]


def questions(results: Iterable[ShardResult], seed: str) -> Sheet:
    """The samples of a source, or as many as a blind model may learn of."""
    draw: Draw[Question] = Draw(LEARNED_OF, seed)
    for result in results:
        files = result.rows["qry_image_path"].to_pylist()
        golds, swaps = result.notes["gold"].to_pylist(), result.notes["negatives"].to_pylist()
        for file, gold, negatives in zip(files, golds, swaps, strict=True):
            parts = tuple(negative.pop("part") for negative in negatives)
            texts = tuple(Caption(**elements).text for elements in (gold, *negatives))
            draw.add(Question(texts, parts, file.split("/", 2)[2]))
    return Sheet(draw.kept)


def refined(
    generator: Generator, make: Callable[[Generator, int], Callable[[], Iterable[ShardResult]]], place: str, seed: int
) -> tuple[Callable[[], Iterable[ShardResult]], dict[str, Any]]:
    """Make a source, and again as long as a blind model finds more than chance and `MARGIN`.

    Args:
        generator: draws the negatives.
        make: makes the source with a generator in the round of a number; what it returns yields the results.
        place: the source, for messages.
        seed: draws what the blind model learns of.

    Returns:
        What yields the results of the last round, and figures: ``rounds`` of redrawing, and of every round ``blind``,
        the share of gold captions found, among all and beside the swaps of each part.

    Raises:
        InputError: there are too few images, or the generator cannot choose among negatives.
    """
    if not generator.refinable:
        raise InputError(f"{place}: the generator {generator.name} cannot refine; build without --refine.")
    blind = []
    results = make(generator, 0)
    for number in range(1, ROUNDS + 2):
        sheet = questions(results(), f"{seed}/{place}/refine")
        if not balanced(sheet.questions):
            raise InputError(f"{place}: too few images for a blind model to learn of; build without --refine.")
        rate = rates(ask(ngrams, None, sheet), sheet)
        blind.append({"all": rate["hit"]} | {part: kind["hit"] for part, kind in rate["kinds"].items()})
        if rate["hit"] <= rate["chance"] + MARGIN or number > ROUNDS:
            break
        judges = [Learned.of(sheet.fold(fold)[0]) for fold in range(FOLDS)]
        choosing = partial(generator.draw, judge_of=partial(judge_of, judges=judges))
        results = make(dataclasses.replace(generator, draw=choosing), number)
    return results, {"rounds": len(blind) - 1, "blind": blind}
