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

from scar.audit.baselines import compute_hit_rates, fit_ngrams, score_questions
from scar.audit.findings import CHANCE_MARGIN
from scar.audit.logistic import Floats, fit_conditional_logit
from scar.audit.ngrams import NgramVocabulary
from scar.audit.questions import FOLDS, Question, QuestionSet, ReservoirSample, fills_every_fold, find_fold
from scar.build.shard import ShardResult
from scar.errors import InputError
from scar.generators.generator import Generator
from scar.sample import Caption

MOST_SAMPLES_LEARNED = 20_000
"""Most samples that the blind model learns of."""

MOST_ROUNDS = 3
"""So often negatives are drawn again at most."""


@dataclass(frozen=True, slots=True)
class BlindModel:
    """What a blind model has learned: how much each run of words speaks for a caption.

    Attributes:
        ngrams: the runs of words.
        weights: (columns,) of each.
    """

    ngrams: NgramVocabulary
    weights: Floats

    @classmethod
    def train_on(cls, sheet: QuestionSet) -> BlindModel:
        known = NgramVocabulary.from_texts(sheet.captions)
        return cls(known, fit_conditional_logit(known.make_features(sheet.captions), sheet.gold_indices))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """(texts,) scores."""
        return self.ngrams.make_features(texts).multiply_weights(self.weights)


def select_judge(file: str, judges: Sequence[BlindModel]) -> BlindModel:
    """The judge that has not learned of an image."""
    return judges[find_fold(file)]


def select_questions(results: Iterable[ShardResult], seed: str) -> QuestionSet:
    """The samples of a source, or as many as a blind model may learn of."""
    draw: ReservoirSample[Question] = ReservoirSample(MOST_SAMPLES_LEARNED, seed)
    for result in results:
        files = result.rows["qry_image_path"].to_pylist()
        golds, swaps = result.notes["gold"].to_pylist(), result.notes["negatives"].to_pylist()
        for file, gold, negatives in zip(files, golds, swaps, strict=True):
            parts = tuple(negative.pop("part") for negative in negatives)
            texts = tuple(Caption(**elements).text for elements in (gold, *negatives))
            draw.add_item(Question(texts, parts, file.split("/", 2)[2]))
    return QuestionSet(draw.items)


def refine_source(
    generator: Generator,
    start_round: Callable[[Generator, int], Callable[[], Iterable[ShardResult]]],
    key: str,
    seed: int,
) -> tuple[Callable[[], Iterable[ShardResult]], dict[str, Any]]:
    """Make a source, and again as long as a blind model finds more than chance and `CHANCE_MARGIN`.

    Args:
        generator: draws the negatives.
        start_round: makes the source with a generator in the round of a number; what it returns yields the results.
        key: the source, for messages.
        seed: draws what the blind model learns of.

    Returns:
        What yields the results of the last round, and figures: ``rounds`` of redrawing, and of every round ``blind``,
        the share of gold captions found, among all and beside the swaps of each part.

    Raises:
        InputError: there are too few images, or the generator cannot choose among negatives.
    """
    if not generator.refinable:
        raise InputError(f"{key}: the generator {generator.name} cannot refine; build without --refine.")
    blind = []
    results = start_round(generator, 0)
    for number in range(1, MOST_ROUNDS + 2):
        sheet = select_questions(results(), f"{seed}/{key}/refine")
        if not fills_every_fold(sheet.questions):
            raise InputError(f"{key}: too few images for a blind model to learn of; build without --refine.")
        rate = compute_hit_rates(score_questions(fit_ngrams, None, sheet), sheet)
        blind.append({"all": rate["hit"]} | {part: kind["hit"] for part, kind in rate["kinds"].items()})
        if rate["hit"] <= rate["chance"] + CHANCE_MARGIN or number > MOST_ROUNDS:
            break
        judges = [BlindModel.train_on(sheet.split_fold(fold)[0]) for fold in range(FOLDS)]
        choosing = partial(generator.write_negatives, find_judge=partial(select_judge, judges=judges))
        results = start_round(dataclasses.replace(generator, write_negatives=choosing), number)
    return results, {"rounds": len(blind) - 1, "blind": blind}
