"""Samples are drawn evenly, and folds keep images apart."""

from __future__ import annotations

from scar.audit.judges import JUDGES, score_questions
from scar.audit.questions import Question, QuestionSet


def test_a_large_set_is_split_once_by_image() -> None:
    questions = QuestionSet([Question((f"gold {n}", f"other {n}"), (), str(n // 3)) for n in range(300)])
    learned, held = questions.hold_out()
    assert len(learned.questions) + len(held.questions) == 300
    assert 60 < len(held.questions) < 180
    assert {each.image for each in learned.questions}.isdisjoint(each.image for each in held.questions)
    assert len(score_questions(JUDGES["choice"], learned, held)) == 2 * len(held.questions)
