"""The weights of features, against the definition: draws have each feature as often as golds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.draws import Floats, Ints, hash_texts
from scar.generators.rules.feature_fit import fit_feature_weights
from scar.generators.rules.feature_weights import FeatureWeights
from scar.language.noun_phrase import NounPhrase

NAMES = ["scene a", "scene b", "scene c", "scene d", "scene e", "scene never"]
CELLS = ["x 0", "x 1"]


def make_block(golds: Ints, cells: Ints, weights: Floats | None = None) -> CandidateBlock:
    """Six scenes, of which each gold may get any other one."""
    shape = len(golds), len(NAMES)
    return CandidateBlock(
        weights=np.ones(shape) if weights is None else weights,
        words=hash_texts(NAMES),
        feature_names=NAMES,
        features=np.broadcast_to(np.arange(len(NAMES))[:, None], (*shape, 1)),
        gold_features=golds[:, None],
        contexts=(CELLS, cells[:, None]),
        refusals={"not_one_element": golds[:, None] == np.arange(len(NAMES))},
        make=lambda row, column: NounPhrase(NAMES[column], NAMES[column]),
    )


def draw_shares(block: CandidateBlock, weights: FeatureWeights) -> Floats:
    """(T, M) chance of each candidate to be drawn first."""
    found = np.where(block.refused, 0, block.weigh(weights))
    shares: Floats = found / found.sum(axis=1, keepdims=True)
    return shares


def test_scenes_are_false_as_often_as_they_are_gold_in_each_cell() -> None:
    rng = np.random.default_rng(1)
    cells = np.arange(3000) % 2
    golds = np.where(cells == 0, rng.choice(5, 3000, p=[0.4, 0.3, 0.1, 0.1, 0.1]), rng.choice(5, 3000, p=[0.2] * 5))
    block = make_block(golds, cells)
    shares = draw_shares(block, fit_feature_weights(block, is_complete=True))
    before = draw_shares(block, FeatureWeights())
    for cell in (0, 1):
        wanted = np.bincount(golds[cells == cell], minlength=6) / (cells == cell).sum()
        assert shares[cells == cell].mean(axis=0) == pytest.approx(wanted, abs=0.05)
    assert before[cells == 0].mean(axis=0)[0] == pytest.approx(0.12, abs=0.02)
    assert shares[:, 5].mean() < 0.05, "no gold has it"


def test_what_the_fit_never_saw_is_a_last_resort() -> None:
    golds = np.arange(100) % 5
    block = make_block(golds, golds * 0)
    for is_complete in (True, False):
        weights = fit_feature_weights(block, is_complete=is_complete)
        assert weights.default < min(value for name, value in weights.alone.items() if name != "scene never") - 1
        assert weights.alone["scene never"] < min(weights.alone[name] for name in NAMES[:5]) - 0.5


def test_golds_without_three_candidates_do_not_count() -> None:
    golds = np.array([0, 0, 0, 1])
    weights = np.ones((4, 6))
    weights[:3, 2:] = 0
    found = fit_feature_weights(make_block(golds, golds * 0, weights), is_complete=True)
    only = fit_feature_weights(make_block(golds[3:], golds[3:] * 0), is_complete=True)
    assert found.alone == pytest.approx(only.alone)
    assert fit_feature_weights(make_block(golds[:0], golds[:0]), is_complete=True).alone == {}
    assert fit_feature_weights(make_block(golds[:3], golds[:3] * 0, weights[:3]), is_complete=True).alone == {}


def test_more_candidates_than_the_fit_looks_at_change_little() -> None:
    rng = np.random.default_rng(2)
    golds = rng.choice(5, 600, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    few = make_block(golds, golds * 0)
    many = CandidateBlock(
        weights=np.tile(few.weights / 40, (1, 40)),
        words=hash_texts(f"{name} {copy}" for copy in range(40) for name in NAMES),
        feature_names=NAMES,
        features=np.tile(few.features, (1, 40, 1)),
        gold_features=few.gold_features,
        contexts=few.contexts,
        refusals={"not_one_element": np.tile(few.refused, (1, 40))},
        make=few.make,
    )
    shares = [draw_shares(block, fit_feature_weights(block, is_complete=True)).mean(axis=0) for block in (few, many)]
    assert shares[1].reshape(40, 6).sum(axis=0) == pytest.approx(shares[0], abs=0.08)


def test_three_of_four_draws_are_hard() -> None:
    golds = np.random.default_rng(3).choice(5, 2000)
    hard = (golds[:, None] + 1) % 5 == np.arange(6)
    block = dataclasses.replace(make_block(golds, golds * 0), hard=hard)
    before = draw_shares(block, FeatureWeights())
    shares = draw_shares(block, fit_feature_weights(block, is_complete=True))
    assert (before * hard).sum(axis=1).mean() == pytest.approx(0.2)
    assert (shares * hard).sum(axis=1).mean() == pytest.approx(0.75, abs=0.1)
