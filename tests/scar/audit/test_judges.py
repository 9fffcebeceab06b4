"""Each planted leak is found by the judge that looks for it, and nothing is found where nothing is planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scar.audit.hit_rates import compute_hit_rates
from scar.audit.judges import JUDGES, judge_parts, score_questions
from scar.audit.questions import Question, QuestionSet
from scar.sample import PARTS, Part
from tests.scar.audit.leaky_questions import (
    Plant,
    make_questions,
    plant_box_cell,
    plant_cooccurrence,
    plant_mates,
    plant_pair,
    plant_word,
)

TRAIN, TEST = range(200), range(1000, 1200)


def judge(name: str, train: QuestionSet, test: QuestionSet) -> dict[str, Any]:
    """Hit rates of a judge."""
    return compute_hit_rates(score_questions(JUDGES[name], train, test), test)


@pytest.mark.parametrize(
    ("plant", "finders", "part", "blind"),
    [
        (plant_word, ("words", "letters", "n-grams", "fluency", "co-occurrence"), "scene", None),
        (plant_pair, ("word pairs", "co-occurrence"), "scene", "words"),
        (plant_box_cell, ("box",), "relation", "word pairs"),
        (plant_cooccurrence, ("co-occurrence", "word pairs"), "scene", "words"),
        (plant_mates, ("mates",), "scene", "word pairs"),
    ],
)
def test_a_planted_leak_is_found_by_its_judges(
    plant: Plant, finders: tuple[str, ...], part: Part, blind: str | None
) -> None:
    train, test = make_questions(TRAIN, plant), make_questions(TEST, plant)
    for name in finders:
        assert judge(name, train, test)["kinds"][part]["hit"] >= 0.8, name
    assert judge("stacked", train, test)["kinds"][part]["hit"] >= 0.7
    if blind:
        assert judge(blind, train, test)["kinds"][part]["hit"] < 0.35


def test_leaks_in_all_parts_are_found_over_ten_by_all_judges_together() -> None:
    def plant(gold: Any, box: Any, rng: Any) -> Any:
        return plant_box_cell(plant_pair(gold, box, rng), box, rng)

    train, test = make_questions(TRAIN, plant), make_questions(TEST, plant)
    assert judge("stacked", train, test)["hit"] >= 0.75
    assert judge("word pairs", train, test)["hit"] < 0.4


def test_nothing_is_found_where_nothing_is_planted() -> None:
    train, test = make_questions(TRAIN), make_questions(TEST)
    for name in JUDGES:
        rates = judge(name, train, test)
        assert rates["interval"][0] <= rates["chance"], name
        for part, kind in rates["kinds"].items():
            assert kind["interval"][0] <= kind["chance"] + 0.01, (name, part)  # 44 intervals of 95 %


def test_a_judge_of_one_part_learns_from_this_part_alone() -> None:
    train, test = make_questions(TRAIN, plant_box_cell), make_questions(TEST, plant_box_cell)
    rates = judge_parts(train, test)
    assert tuple(rates) == PARTS
    assert rates["relation"]["hit"] >= 0.8
    assert rates["scene"]["interval"][0] <= 0.25
    scenes = [Question((each.captions[0], *each.captions[1:4]), ("scene",) * 3, each.image) for each in test.questions]
    assert set(judge_parts(train, QuestionSet(scenes))) == {"scene"}


@pytest.mark.parametrize("name", JUDGES)
def test_scores_do_not_depend_on_what_else_is_asked_except_on_mates(name: str) -> None:
    train, test = make_questions(range(30)), make_questions(range(100, 110))
    scores = JUDGES[name](train)(test)
    turned = QuestionSet(test.questions[::-1])
    np.testing.assert_allclose(np.sort(JUDGES[name](train)(turned)), np.sort(scores), rtol=1e-9, atol=1e-12)
    one_image = QuestionSet(test.questions[:3])
    np.testing.assert_allclose(JUDGES[name](train)(one_image), scores[: len(one_image.captions)], atol=1e-12)


@pytest.mark.parametrize("name", JUDGES)
def test_hostile_questions_are_scored(name: str) -> None:
    odd = QuestionSet([Question(("", "???", "\0", "x" * 500), ("scene",) * 3, "a.png", (0.0, 0.0, 0.0, 0.0))])
    same = QuestionSet([Question(("a cup",) * 10, ("scene",) * 9, str(number)) for number in range(4)])
    unknown = QuestionSet([Question((f"w{n}", f"v{n}"), ("scene",), str(n)) for n in range(4)])
    many = QuestionSet([Question((f"a thing{n}", f"a stuff{n}"), ("scene",), str(n)) for n in range(10_000)])
    for train in (odd, same, unknown, many):
        scorer = JUDGES[name](train)
        for test in (odd, same, unknown):
            scores = scorer(test)
            assert scores.shape == (len(test.captions),)
            assert np.isfinite(scores).all()
    assert judge(name, unknown, same)["hit"] == pytest.approx(0.1)
    assert judge(name, many, same)["hit"] == pytest.approx(0.1)
