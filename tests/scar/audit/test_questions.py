"""Samples are drawn evenly, and folds keep images apart."""

from __future__ import annotations

from collections import Counter

from scar.audit.judges import JUDGES, score_questions
from scar.audit.questions import FOLDS, Question, QuestionSet, ReservoirSample, find_fold


def test_the_draw_is_seeded_and_even() -> None:
    def draw(seed: str) -> list[str]:
        sample: ReservoirSample[str] = ReservoirSample(10, seed)
        for number in range(100):
            sample.add_item(str(number))
        return sample.items

    assert draw("a") == draw("a") != draw("b")
    counts = Counter(text for seed in range(400) for text in draw(str(seed)))
    assert len(counts) == 100
    assert max(counts.values()) < 80


def test_the_first_folds_are_scored_alone_where_they_are_enough() -> None:
    questions = QuestionSet([Question((f"gold {number}", f"other {number}"), (), str(number)) for number in range(100)])
    fold_count, selected = questions.select_first_folds(30)
    assert 1 <= fold_count < FOLDS
    assert len(selected.questions) >= 30
    assert [find_fold(each.image) < fold_count for each in questions.questions].count(True) == len(selected.questions)
    scores = dict(zip(questions.captions, score_questions(JUDGES["choice"], None, questions), strict=True))
    first_scores = score_questions(JUDGES["choice"], None, questions, fold_count)
    assert first_scores.tolist() == [scores[text] for text in selected.captions]
    assert questions.select_first_folds(1000) == (FOLDS, questions)
    assert QuestionSet([]).select_first_folds(1)[1].questions == []
