"""False elements are as frequent as true ones, whatever the vetoes refuse."""

from __future__ import annotations

import dataclasses
import pickle
from collections import Counter
from random import Random

from scar.generators.generator import GoldTask, Rejected
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.negatives import write_negatives
from scar.generators.rules.records import RulesGold
from scar.generators.rules.weights import fit_weights
from scar.sample import Box, Picture, Region
from tests.scar.generators.tasks import make_task, write_gold

SCENES = {
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


def world(count: int) -> list[tuple[GoldTask, RulesGold]]:
    """True captions of pictures in which some scenes and things are frequent and others rare."""
    rng = Random(7)
    captions: list[tuple[GoldTask, RulesGold]] = []
    while len(captions) < count:
        scene = rng.choices(list(SCENES), list(SCENES.values()))[0]
        names = rng.choices(list(CATEGORIES), list(CATEGORIES.values()), k=4)
        corners = [(rng.randrange(80 + 130 * n), rng.randrange(300)) for n in range(4)]
        regions = tuple(
            Region(
                n, Box(x, y, x + 80, y + 80), name
            )  # rather small and apart: most have a position, which leaves the scene free
            for n, (name, (x, y)) in enumerate(zip(names, corners, strict=True))
        )
        number = len(captions)  # pictures of one name would share the clocks of their draws
        picture = Picture(number, f"{number}.jpg", 640, 480, regions, (), (), scene)
        task = make_task(picture, key=number)
        gold = write_gold(task, "position") or write_gold(task)
        if gold is not None:
            captions.append((task, gold))
    return captions


def measure_distance(some: Counter[str], others: Counter[str]) -> float:
    """Total variation distance of two distributions."""
    return (
        sum(abs(some[value] / some.total() - others[value] / others.total()) for value in some.keys() | others.keys())
        / 2
    )


def test_false_elements_are_nearly_as_frequent_as_true_ones() -> None:
    captions = world(400)
    fitted = write_negatives(captions, Counter(), fit_weights(captions, is_complete=True))
    unfitted = write_negatives(captions, Counter())
    golds: dict[str, Counter[str]] = {part: Counter() for part in ("scene", "object")}
    falses: dict[str, Counter[str]] = {part: Counter() for part in ("scene", "object")}
    by_tables: dict[str, Counter[str]] = {part: Counter() for part in ("scene", "object")}
    for (_, gold), by_fit, by_table in zip(captions, fitted, unfitted, strict=True):
        if isinstance(by_fit, Rejected) or isinstance(by_table, Rejected):
            continue
        for part, found in falses.items():
            golds[part][getattr(gold.caption, part)] += 1
            found.update(getattr(each.caption, part) for each in by_fit if each.part == part)
            by_tables[part].update(getattr(each.caption, part) for each in by_table if each.part == part)
    assert golds["scene"].total() > 0.9 * len(captions)
    for part, most in (("scene", 0.16), ("object", 0.05)):  # prepositions with few scenes leave scenes less free
        assert measure_distance(falses[part], golds[part]) <= most
        assert measure_distance(falses[part], golds[part]) < measure_distance(by_tables[part], golds[part]) / 2
    never = {part: sum(found[value] for value in found.keys() - golds[part]) for part, found in falses.items()}
    assert never["scene"] <= 0.15 * falses["scene"].total(), "some prepositions have few scenes"
    assert (
        sum(by_tables["scene"][value] for value in by_tables["scene"].keys() - golds["scene"])
        > 0.4 * by_tables["scene"].total()
    )


def test_no_captions_make_the_pools_of_the_tables() -> None:
    assert fit_weights([], is_complete=True).weights == {}


def test_pools_survive_the_way_to_another_process() -> None:
    captions = world(40)
    weights = fit_weights(captions, is_complete=False)
    before = write_negatives(captions, Counter(), weights)
    again: CaptionStats = pickle.loads(pickle.dumps(weights))  # noqa: S301, TID251 - our own
    assert dataclasses.asdict(again) == dataclasses.asdict(weights)
    assert write_negatives(captions, Counter(), again) == before
    refitted = fit_weights(captions, is_complete=False).weights
    assert {part: each.alone for part, each in refitted.items()} == {
        part: each.alone for part, each in weights.weights.items()
    }
