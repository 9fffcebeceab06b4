"""Redraw negatives until a text-only model can no longer pick the gold caption.

A text-only ("blind") model is trained on a corpus. Then more negatives are drawn than needed, and chosen so that the
model gives the gold caption any rank. The model judges only images that it was not trained on. Gold captions do not
change.
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
"""Samples that the blind model is trained on; more change its weights little and take longer."""

MOST_ROUNDS = 3
"""How often negatives are redrawn at most."""


@dataclass(frozen=True, slots=True)
class BlindModel:
    """A text-only model: the weight of each n-gram as evidence for the gold caption.

    Attributes:
        ngrams: the vocabulary.
        weights: (n-grams,) of each.
    """

    ngrams: NgramVocabulary
    weights: Floats

    @classmethod
    def train_on(cls, questions: QuestionSet) -> BlindModel:
        ngrams, features = NgramVocabulary.fit_texts(questions.captions)
        return cls(ngrams, fit_conditional_logit(features, questions.gold_indices))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """(texts,) scores."""
        return self.ngrams.make_features(texts).multiply_weights(self.weights)


def select_judge(file: str, judges: Sequence[BlindModel]) -> BlindModel:
    """The model that was not trained on an image."""
    return judges[find_fold(file)]


def select_questions(results: Iterable[ShardResult], seed: str) -> QuestionSet:
    """The samples of a source, or `MOST_SAMPLES_LEARNED` of them at random."""
    sample: ReservoirSample[Question] = ReservoirSample(MOST_SAMPLES_LEARNED, seed)
    for result in results:
        files = result.rows["qry_image_path"].to_pylist()
        golds, negative_lists = result.notes["gold"].to_pylist(), result.notes["negatives"].to_pylist()
        for file, gold, negatives in zip(files, golds, negative_lists, strict=True):
            parts = tuple(negative.pop("part") for negative in negatives)
            texts = tuple(Caption(**elements).text for elements in (gold, *negatives))
            sample.add_item(Question(texts, parts, file.split("/", 2)[2]))
    return QuestionSet(sample.items)


def refine_source(
    generator: Generator,
    start_round: Callable[[Generator, int], Callable[[], Iterable[ShardResult]]],
    key: str,
    seed: int,
) -> tuple[Callable[[], Iterable[ShardResult]], dict[str, Any]]:
    """Build a source, and redraw its negatives until a text-only model can no longer pick the gold caption.

    The model may pick it in `CHANCE_MARGIN` more questions than chance.

    Args:
        generator: draws the negatives.
        start_round: takes a generator and the number of the round; returns a function that yields the shard results.
        key: of the source, for messages and random choices.
        seed: draws the samples that the model is trained on.

    Returns:
        The function that yields the shard results of the last round, and figures: ``rounds`` counts the redraws,
        ``blind`` holds for each round the hit rate of the model among all ten captions and beside the swaps of each
        part.

    Raises:
        InputError: there are too few images, or the generator cannot choose among negatives.
    """
    if not generator.refinable:
        raise InputError(f"{key}: the generator {generator.name} cannot refine; build without --refine.")
    blind = []
    results = start_round(generator, 0)
    for number in range(1, MOST_ROUNDS + 2):
        questions = select_questions(results(), f"{seed}/{key}/refine")
        if not fills_every_fold(questions.questions):
            raise InputError(f"{key}: too few images for a blind model to learn of; build without --refine.")
        rates = compute_hit_rates(score_questions(fit_ngrams, None, questions), questions)
        blind.append({"all": rates["hit"]} | {part: kind["hit"] for part, kind in rates["kinds"].items()})
        if rates["hit"] <= rates["chance"] + CHANCE_MARGIN or number > MOST_ROUNDS:
            break
        judges = [BlindModel.train_on(questions.split_fold(fold)[0]) for fold in range(FOLDS)]
        choosing = partial(generator.write_negatives, find_judge=partial(select_judge, judges=judges))
        results = start_round(dataclasses.replace(generator, write_negatives=choosing), number)
    return results, {"rounds": len(blind) - 1, "blind": blind}
