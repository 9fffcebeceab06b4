"""Redraw negatives until a text-only model can no longer pick the gold caption.

A text-only ("blind") model is trained on the samples of a source. Then the generator proposes more negatives than it
needs, and chooses among them so that every rank is equally likely for the gold caption by the model's scores. A model
judges only samples of images that it was not trained on. Gold captions do not change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from scar.audit.hit_rates import compute_hit_rates
from scar.audit.judges import JUDGES, score_questions
from scar.audit.logistic import Floats, fit_conditional_logit
from scar.audit.ngrams import NgramVocabulary
from scar.audit.questions import FOLDS, Question, QuestionSet, ReservoirSample, fills_every_fold, find_fold
from scar.build.shard import ShardResult
from scar.errors import InputError
from scar.generators.generator import Generator
from scar.sample import Caption

MOST_SAMPLES_LEARNED = 20_000
"""Most samples that the blind model is trained on; more would change its weights little and take longer."""

CHANCE_MARGIN = 0.05
"""Hit rate above chance at which the negatives are good enough."""

MOST_ROUNDS = 3
"""The negatives of a source are redrawn at most this often."""


@dataclass(frozen=True, slots=True)
class BlindModel:
    """A text-only model: the score of a text is the sum of the weights of the n-grams in it, each counted once.

    Attributes:
        ngrams: the n-grams.
        weights: (n-grams,) weight of each n-gram; a positive one is evidence for the gold caption.
    """

    ngrams: NgramVocabulary
    weights: Floats

    @classmethod
    def train_on(cls, questions: QuestionSet) -> BlindModel:
        """Train a model on all questions of a set."""
        ngrams, features = NgramVocabulary.fit_texts(questions.captions)
        return cls(ngrams, fit_conditional_logit(features, questions.gold_indices))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """(texts,) score of each text; among the captions of a region, the likeliest gold one scores highest."""
        return self.ngrams.make_features(texts).multiply_weights(self.weights)


def select_judge(file: str, judges: Sequence[BlindModel]) -> BlindModel:
    """Select, of the models for all folds, the one that was not trained on an image.

    Args:
        file: path of the image below the image folder of its source; it decides the fold.
        judges: for each fold, the model that was trained on the images of the other folds.
    """
    return judges[find_fold(file)]


def select_questions(results: Iterable[ShardResult], seed: str) -> QuestionSet:
    """Make a question of each sample of a source, or of `MOST_SAMPLES_LEARNED` of them if there are more.

    ``seed`` draws these.
    """
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

    It stops when the model's hit rate is at most `CHANCE_MARGIN` above chance, or after `MOST_ROUNDS` redraws.

    Args:
        generator: writes the captions.
        start_round: takes a generator and the number of the round, 0 before the first redraw; returns a function that
            yields the shard results and can be called again.
        key: key of the source, for messages and random choices.
        seed: seed of the build; it draws the samples that the model is trained on.

    Returns:
        The function that yields the shard results of the last round, and figures for the build report: ``rounds`` is
        the number of redraws; ``blind`` lists the model's hit rates before the first and after each redraw: ``all``
        among all ten captions, and by part among the gold caption and the swaps of that part.

    Raises:
        InputError: there are too few images, or the generator is not refinable.
    """
    if not generator.refinable:
        raise InputError(f"{key}: the generator {generator.name} cannot refine; build without --refine.")
    blind = []
    results = start_round(generator, 0)
    for number in range(1, MOST_ROUNDS + 2):
        questions = select_questions(results(), f"{seed}/{key}/refine")
        if not fills_every_fold(questions.questions):
            raise InputError(f"{key}: too few images for a blind model to learn of; build without --refine.")
        rates = compute_hit_rates(score_questions(JUDGES["n-grams"], None, questions), questions)
        blind.append({"all": rates["hit"]} | {part: kind["hit"] for part, kind in rates["kinds"].items()})
        if rates["hit"] <= rates["chance"] + CHANCE_MARGIN or number > MOST_ROUNDS:
            break
        judges = [BlindModel.train_on(questions.split_fold(fold)[0]) for fold in range(FOLDS)]
        choosing = partial(generator.write_negatives, find_judge=partial(select_judge, judges=judges))
        results = start_round(dataclasses.replace(generator, write_negatives=choosing), number)
    return results, {"rounds": len(blind) - 1, "blind": blind}
