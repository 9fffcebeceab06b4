"""The consensus of captions equals that of a loop, and finds the gold caption."""

from __future__ import annotations

from random import Random
from typing import Any

from scar.audit.consensus import score_consensus
from scar.audit.questions import Question, QuestionSet
from scar.audit.tokenized_texts import split_words


def test_consensus_is_that_of_a_loop() -> None:
    rng = Random(4)
    questions = [
        Question(tuple(" ".join(rng.choices("abcdefg", k=rng.randrange(6))) for _ in range(size)), (), str(size))
        for size in (10, 2, 10, 1, 10)
    ]
    expected = []
    for question in questions:
        word_sets = [set(split_words(caption)) for caption in question.captions]
        expected += [sum(len(own & other) / max(len(own | other), 1) for other in word_sets) for own in word_sets]
    assert score_consensus(QuestionSet(questions)).tolist() == expected


def test_a_model_that_sees_all_ten_captions_finds_the_gold_one(fair_report: dict[str, Any]) -> None:
    assert fair_report["sources"]["Toy/eval"]["consensus"] > 0.95
