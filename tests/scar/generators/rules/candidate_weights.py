"""Weights of candidates, for tests."""

from __future__ import annotations

from scar.generators.generator import GoldTask
from scar.generators.rules.candidates import propose_candidates
from scar.generators.rules.records import CaptionPhrases, CaptionStats
from scar.sample import Box, Part, Picture, Region
from tests.scar.generators.tasks import make_gold, make_task

CAR, DOG = Region(1, Box(20, 200, 120, 300), "car"), Region(2, Box(500, 200, 600, 300), "dog")
TASK = make_task(Picture(1, "a.jpg", 640, 480, (CAR, DOG), (), (), "street"))
GOLD = make_gold("a red car", "to the left of", "a street", "a dog", "on").phrases


def sum_weights(
    part: Part, gold: CaptionPhrases = GOLD, stats: CaptionStats | None = None, task: GoldTask = TASK
) -> dict[str, float]:
    """The weight of each candidate for a part over all sets, by its text."""
    weights: dict[str, float] = {}
    for candidate_set, factor in propose_candidates(part, gold, task, stats or CaptionStats()):
        for candidate in candidate_set.candidates:
            text = candidate.value.text
            weights[text] = weights.get(text, 0.0) + factor * candidate.weight
    return weights
