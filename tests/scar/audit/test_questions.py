"""Samples are drawn evenly, and folds keep images apart."""

from __future__ import annotations

from collections import Counter

from scar.audit.judges import JUDGES, score_questions
from scar.audit.questions import Question, QuestionSet, ReservoirSample


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


def test_a_large_set_is_split_once_by_image() -> None:
    questions = QuestionSet([Question((f"gold {n}", f"other {n}"), (), str(n // 3)) for n in range(300)])
    learned, held = questions.hold_out()
    assert len(learned.questions) + len(held.questions) == 300
    assert 60 < len(held.questions) < 180
    assert {each.image for each in learned.questions}.isdisjoint(each.image for each in held.questions)
    assert len(score_questions(JUDGES["choice"], learned, held)) == 2 * len(held.questions)
