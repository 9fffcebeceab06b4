"""Proportional fitting, against many draws."""

from __future__ import annotations

import numpy as np
import pytest

from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.draws import hash_texts, make_clocks
from scar.generators.rules.proportional_fitting import compute_draw_chances, fit_feature_weights
from scar.language.noun_phrase import NounPhrase
from scar.sample import NEGATIVES_PER_PART


def test_the_expected_draws_are_those_of_many_draws() -> None:
    weights, rounds = np.array([1.0, 30.0, 2.0, 7.0, 0.01, 4.0]), 4000
    rows = np.array([0] * 6 + [1] * 3)
    scores = np.log(np.array([*weights, 5.0, 1.0, 1e-6]))
    records, words = hash_texts(map(str, range(rounds))), hash_texts("abcdef")
    clocks = make_clocks(records, words, np.broadcast_to(weights, (rounds, 6)))
    drawn = np.bincount(np.argsort(clocks, axis=1)[:, :3].ravel(), minlength=6)
    chances = compute_draw_chances(scores, np.array([0, 6]), rows, 3)
    assert chances[:6].sum() == pytest.approx(3, abs=1e-6)
    assert chances[:6] == pytest.approx(drawn / rounds, abs=0.1)
    assert chances[6:] == pytest.approx([1, 1, 1])


def test_features_that_no_gold_caption_has_are_drawn_in_want_of_others_only() -> None:
    names = ["scene a", "scene b", "scene c", "scene d", "scene e", "scene never"]
    golds = np.array([0, 1, 2, 3, 4] * 20)
    block = CandidateBlock(
        weights=np.ones((100, 6)),
        words=hash_texts(names),
        feature_names=names,
        features=np.broadcast_to(np.arange(6)[:, None], (100, 6, 1)),
        gold_features=golds[:, None],
        refusals={"not_one_element": golds[:, None] == np.arange(6)},
        make=lambda row, column: NounPhrase(names[column], names[column]),
    )
    weights = fit_feature_weights(block, NEGATIVES_PER_PART, is_complete=True)
    least = min(weight for name, weight in weights.items() if name != "scene never")
    assert weights["scene never"] < 0.01 * least
