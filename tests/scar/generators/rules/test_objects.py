"""Objects: things of the picture and of the same kind first, and nothing that cannot do what is said."""

from __future__ import annotations

import pytest

from scar.generators.rules.caption_stats import CaptionStats
from tests.scar.generators.rules.candidate_weights import sum_weights
from tests.scar.generators.tasks import make_gold


def test_a_coloured_object_gets_coloured_candidates() -> None:
    weights = sum_weights("object")
    assert weights["a red dog"] > weights["a red bus"] > 0
    assert weights["a blue car"] > 0
    assert "a dog" not in weights


def test_the_same_kind_comes_before_others() -> None:
    weights = sum_weights("object", make_gold("an apple", "next to", "a cup").phrases)
    assert weights["a banana"] > weights["a suitcase"]


def test_who_acts_can_act() -> None:
    weights = sum_weights("object", make_gold("a person", "holding", "a bat").phrases)
    assert weights["a bear"] > 1e6 * weights["an umbrella"]


def test_what_is_held_can_be_held() -> None:
    weights = sum_weights("object", make_gold("a cup", "held by", "a person").phrases)
    assert weights["an umbrella"] > 5 * weights["a train"]


def test_a_person_gets_the_other_sex() -> None:
    assert "a woman" in sum_weights("object", make_gold("a man", "riding", "a horse").phrases)


def test_long_descriptions_of_the_corpus_are_not_lent() -> None:
    golds = [make_gold(text, "on", "a street").phrases for text in ("a long green bus", "a green bus")]
    weights = sum_weights("object", make_gold("a car", "on", "a street").phrases, CaptionStats.from_captions(golds, ()))
    assert "a green bus" in weights
    assert "a long green bus" not in weights


@pytest.mark.parametrize(
    ("place", "usual", "odd"),
    [
        ("a field", ("a cow", "a sheep"), ("a cup", "a couch")),
        ("a kitchen", ("an oven", "a cup"), ("a cow", "a zebra")),
    ],
)
def test_what_the_table_lends_suits_the_place(place: str, usual: tuple[str, ...], odd: tuple[str, ...]) -> None:
    golds = [make_gold(text, "in", place).phrases for text in ("a gizmo", "a gadget")]
    stats = CaptionStats.from_captions(golds, ())
    weights = sum_weights("object", golds[0], stats)
    assert min(weights[one] for one in usual) > 100 * max(weights[one] for one in odd)
    elsewhere = sum_weights("object", make_gold("a gizmo", "next to", "a gadget").phrases, stats)
    assert min(elsewhere[one] for one in usual) > 100 * max(elsewhere[one] for one in odd), "the usual place counts"
