"""Text-only baselines find what is planted, equal their formulas, and never score what they learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scar import audit
from scar.audit import baselines
from scar.audit.baselines import fit_choice_frequency, fit_fluency
from scar.audit.hit_rates import compute_hit_rates
from scar.audit.judges import JUDGES, Scorer, score_questions
from scar.audit.logistic import Floats
from scar.audit.questions import Question, QuestionSet, find_fold


def test_large_question_sets_are_fitted_as_small_ones_are(
    monkeypatch: pytest.MonkeyPatch, fair: Path, fair_report: dict[str, Any]
) -> None:
    monkeypatch.setattr(baselines, "MAX_EXPANDED_CAPTIONS", 0)
    for key, figures in audit(fair)["sources"].items():
        for name, rate in figures["blind"].items():
            assert rate["hit"] == pytest.approx(fair_report["sources"][key]["blind"][name]["hit"], abs=0.01)


def test_a_gold_caption_of_its_own_length_is_found_by_length() -> None:
    def make_question(number: int) -> Question:
        captions = ["one two three four", *(f"w{number} x{negative}" for negative in range(9))]
        return Question(tuple(captions), ("scene",) * 9, str(number))

    train, test = (QuestionSet([make_question(number) for number in numbers]) for numbers in (range(20), range(20, 40)))
    rates = compute_hit_rates(score_questions(JUDGES["length"], train, test), test)
    assert rates["hit"] == 1
    assert set(rates["kinds"]) == {"scene"}


def test_fluency_and_choice_equal_their_formulas() -> None:
    train = QuestionSet(
        [Question(("a b", "b a"), (), "1"), Question(("a b", "c"), (), "2"), Question(("c", "a b"), (), "3")]
    )
    scores = fit_choice_frequency(train)(["a b", "c", "new"])
    np.testing.assert_allclose(scores, [(2 + 1) / (3 + 10), (1 + 1) / (2 + 10), 1 / 10])
    # Golds "a b", "a b", "c": after the start a twice, c once; kinds of words before another one: start, a, b, c.
    expected = (np.log(3 / 8) + np.log(3 / 7) + np.log(3 / 7)) / 3
    np.testing.assert_allclose(fit_fluency(train)(["a b"]), [expected])


def test_no_caption_is_scored_by_a_baseline_that_learned_from_its_image() -> None:
    questions = [Question((f"gold {number}", f"other {number}"), (), str(number)) for number in range(40)]
    test = QuestionSet(questions)
    folds: list[tuple[set[str], set[str]]] = []

    def fit_spy(train: QuestionSet) -> Scorer:
        def score(asked: QuestionSet) -> Floats:
            folds.append((set(train.captions), set(asked.captions)))
            return np.array([float(text.split()[1]) for text in asked.captions])

        return score

    scores = score_questions(fit_spy, None, test)
    assert scores.tolist() == [float(text.split()[1]) for text in test.captions]
    assert len(folds) == 5
    assert all(learned.isdisjoint(scored) and len(learned) + len(scored) == 80 for learned, scored in folds)
    assert {find_fold(question.image) for question in questions} == set(range(5))
