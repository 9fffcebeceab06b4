"""False elements are as frequent as true ones, whatever the vetoes refuse."""

from __future__ import annotations

import pickle
from collections import Counter
from random import Random

import numpy as np
import pytest

from scar.generators.rules.candidates import Candidate
from scar.generators.rules.negatives import fit_negative_writer, write_negatives
from scar.generators.rules.proportional_fitting import FittingProblem, compute_draw_chances, fit_feature_weights
from scar.generators.rules.sampling import WeightedItems, sample_without_replacement
from scar.generators.rules.true_caption import write_gold
from scar.generators.rules.weights import SamplingWeights, fit_weights
from scar.sample import NEGATIVES_PER_PART, Box, Caption, Picture, Region

PLACES = {
    "kitchen": 5,
    "bathroom": 5,
    "beach": 6,
    "forest": 6,
    "airport": 4,
    "baseball field": 4,
    "zoo": 3,
    "ski slope": 3,
}
CATEGORIES = {"person": 6, "dog": 5, "clock": 5, "umbrella": 4, "bicycle": 4, "pizza": 3, "banana": 2, "zebra": 1}


def world(count: int) -> list[tuple[Caption, Picture, Region]]:
    """True captions of pictures in which some places and things are frequent and others rare."""
    rng = Random(7)
    told: list[tuple[Caption, Picture, Region]] = []
    while len(told) < count:
        place = rng.choices(list(PLACES), list(PLACES.values()))[0]
        names = rng.choices(list(CATEGORIES), list(CATEGORIES.values()), k=4)
        corners = [(rng.randrange(80 + 130 * n), rng.randrange(300)) for n in range(4)]
        regions = tuple(
            Region(n, Box(x, y, x + 90, y + 90), name)
            for n, (name, (x, y)) in enumerate(zip(names, corners, strict=True))
        )
        picture = Picture(len(told), "a.jpg", 640, 480, regions, (), (), place)
        gold = write_gold(picture, regions[0], rng)
        if gold is not None:
            told.append((gold, picture, regions[0]))
    return told


def apart(some: Counter[str], others: Counter[str]) -> float:
    """Total variation distance: the share that would have to be other elements to be as frequent."""
    return (
        sum(abs(some[value] / some.total() - others[value] / others.total()) for value in some.keys() | others.keys())
        / 2
    )


def test_false_elements_are_as_frequent_as_true_ones() -> None:
    told = world(400)
    suited = fit_negative_writer(told, Random(0), True)
    golds: dict[str, Counter[str]] = {part: Counter() for part in ("scene", "object")}
    falses: dict[str, Counter[str]] = {part: Counter() for part in ("scene", "object")}
    by_tables = Counter[str]()
    for number, (gold, picture, region) in enumerate(told):
        negatives = suited(gold, picture, region, Random(number), Counter())
        plain = write_negatives(gold, picture, region, Random(number), Counter())
        assert negatives is not None
        assert plain is not None
        by_tables.update(each.caption.scene for each in plain if each.part == "scene")
        for part, found in falses.items():
            golds[part][getattr(gold, part)] += 1
            found.update(getattr(each.caption, part) for each in negatives if each.part == part)
    for part, most in (("scene", 0.15), ("object", 0.05)):  # prepositions with few places leave scenes less free
        assert apart(falses[part], golds[part]) <= most
    assert apart(by_tables, golds["scene"]) > 0.5
    never = {part: sum(found[value] for value in found.keys() - golds[part]) for part, found in falses.items()}
    assert never["scene"] <= 0.15 * falses["scene"].total(), "some prepositions have few places"
    assert sum(by_tables[value] for value in by_tables.keys() - golds["scene"]) > 0.5 * by_tables.total()


def test_the_expected_draws_are_those_of_many_draws() -> None:
    weights, rounds, rng = [1.0, 30.0, 2.0, 7.0, 0.01, 4.0], 4000, Random(1)
    rows = np.array([0] * 6 + [1] * 3)
    scores = np.log(np.array([*weights, 5.0, 1.0, 1e-6]))
    lots = WeightedItems(range(6), weights)
    seen = Counter[int]()
    for _ in range(rounds):
        lot = sample_without_replacement([(lots, 1.0)], rng)
        seen.update(next(lot) for _ in range(3))
    chances = compute_draw_chances(scores, np.array([0, 6]), rows, 3)
    assert chances[:6].sum() == pytest.approx(3, abs=1e-6)
    assert chances[:6] == pytest.approx([seen[place] / rounds for place in range(6)], abs=0.1)
    assert chances[6:] == pytest.approx([1, 1, 1])


def test_marks_that_no_gold_caption_has_are_drawn_in_want_of_others_only() -> None:
    candidates = FittingProblem()
    for gold in ("scene a", "scene b", "scene c", "scene d", "scene e") * 20:
        others = {"scene a", "scene b", "scene c", "scene d", "scene e", "scene never"} - {gold}
        candidates.add_caption([gold], [Candidate(mark, (mark,), 1.0) for mark in sorted(others)])
    weights = fit_feature_weights(candidates, NEGATIVES_PER_PART, is_complete=True)
    assert weights["scene never"] < 0.01 * min(weight for mark, weight in weights.items() if mark != "scene never")


def test_no_captions_make_the_pools_of_the_tables() -> None:
    assert fit_weights([], Random(0), is_complete=True).feature_weights == {}


def test_pools_survive_the_way_to_another_process() -> None:
    told = world(40)
    pools = fit_weights(told, Random(0), is_complete=False)
    gold, picture, region = told[0]
    before = write_negatives(gold, picture, region, Random(3), Counter(), pools)
    again: SamplingWeights = pickle.loads(pickle.dumps(pools))  # noqa: S301, TID251 - our own
    assert (again.stats.nouns, again.stats.scenes_by_noun, again.feature_weights) == (
        pools.stats.nouns,
        pools.stats.scenes_by_noun,
        pools.feature_weights,
    )
    assert write_negatives(gold, picture, region, Random(3), Counter(), again) == before
    assert fit_weights(told, Random(0), is_complete=False).feature_weights == pools.feature_weights
