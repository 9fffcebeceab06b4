"""Weights of candidates, for tests."""

from __future__ import annotations

import numpy as np

from scar.generators.generator import GoldTask
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.negatives import make_blocks
from scar.generators.rules.records import CaptionPhrases
from scar.sample import Box, Part, Picture, Region
from tests.scar.generators.tasks import make_gold, make_task

CAR, DOG = Region(1, Box(20, 200, 120, 300), "car"), Region(2, Box(500, 200, 600, 300), "dog")
TASK = make_task(Picture(1, "a.jpg", 640, 480, (CAR, DOG), (), (), "street"))
GOLD = make_gold("a red car", "to the left of", "a street", "a dog", "on").phrases


def sum_weights(
    part: Part, gold: CaptionPhrases = GOLD, stats: CaptionStats | None = None, task: GoldTask = TASK
) -> dict[str, float]:
    """The weight of each candidate for a part, by its text, whether a veto refuses it or not."""
    block = make_blocks([(task, gold)], stats or CaptionStats())[part]
    weights: dict[str, float] = {}
    for column in np.flatnonzero(block.weights[0]).tolist():
        text = block.make(0, column).text
        weights[text] = weights.get(text, 0.0) + float(block.weights[0, column])
    return weights
