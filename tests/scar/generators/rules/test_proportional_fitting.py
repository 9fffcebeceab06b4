"""Proportional fitting, against many samples."""

from collections import Counter
from random import Random

import numpy as np
import pytest

from scar.generators.rules.proportional_fitting import compute_draw_chances, fit_feature_weights
from scar.generators.rules.records import Candidate
from scar.generators.rules.sampling import WeightedItems, sample_without_replacement
from scar.language.noun_phrase import NounPhrase
from scar.sample import NEGATIVES_PER_PART


def test_the_expected_draws_are_those_of_many_draws() -> None:
    weights, rounds, rng = [1.0, 30.0, 2.0, 7.0, 0.01, 4.0], 4000, Random(1)
    rows = np.array([0] * 6 + [1] * 3)
    scores = np.log(np.array([*weights, 5.0, 1.0, 1e-6]))
    items = WeightedItems(range(6), weights)
    seen = Counter[int]()
    for _ in range(rounds):
        sample = sample_without_replacement([(items, 1.0)], rng)
        seen.update(next(sample) for _ in range(3))
    chances = compute_draw_chances(scores, np.array([0, 6]), rows, 3)
    assert chances[:6].sum() == pytest.approx(3, abs=1e-6)
    assert chances[:6] == pytest.approx([seen[item] / rounds for item in range(6)], abs=0.1)
    assert chances[6:] == pytest.approx([1, 1, 1])


def test_marks_that_no_gold_caption_has_are_drawn_in_want_of_others_only() -> None:
    cases = []
    for gold in ("scene a", "scene b", "scene c", "scene d", "scene e") * 20:
        others = {"scene a", "scene b", "scene c", "scene d", "scene e", "scene never"} - {gold}
        cases.append(([gold], [Candidate(NounPhrase(feature, feature), (feature,), 1.0) for feature in sorted(others)]))
    weights = fit_feature_weights(cases, NEGATIVES_PER_PART, is_complete=True)
    assert weights["scene never"] < 0.01 * min(
        weight for feature, weight in weights.items() if feature != "scene never"
    )
