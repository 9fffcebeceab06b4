"""Sets of one class, of one image, of very many classes or of unknown words: no crash, and a reason for each region."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from scar.generators.generator import GoldOfTask, Rejected
from scar.generators.rules.golds import write_golds
from scar.generators.rules.negatives import write_negatives
from scar.generators.rules.records import RulesGold
from scar.generators.rules.weights import fit_weights
from scar.sample import Box, Picture, Region
from tests.scar.generators.tasks import make_task

CLASSES = 10_000


def make_pictures(names: list[str], count: int) -> list[Picture]:
    """Pictures of four things side by side, whose categories come from the names by turns."""
    pictures = []
    for number in range(count):
        regions = tuple(
            Region(4 * number + k, Box(150 * k + 10, 100, 150 * k + 100, 200), names[(4 * number + k) % len(names)])
            for k in range(4)
        )
        pictures.append(Picture(number, f"{number}.jpg", 640, 480, regions))
    return pictures


def build(pictures: list[Picture]) -> tuple[int, Counter[str]]:
    """Number of samples, and the regions that are rejected by reason."""
    tasks = [make_task(picture, region, region.id) for picture in pictures for region in picture.regions]
    written = list(zip(tasks, write_golds(tasks), strict=True))
    golds = [(task, gold) for task, gold in written if isinstance(gold, RulesGold)]
    stats = fit_weights(golds[:200], is_complete=False)
    all_golds: list[GoldOfTask] = list(golds)
    results = [*(gold for _, gold in written), *write_negatives(all_golds, Counter(), stats)]
    rejected = Counter(result.reason for result in results if isinstance(result, Rejected))
    return sum(isinstance(result, tuple) for result in results), rejected


@pytest.mark.parametrize(
    "names", [["dog"], ["xyzzy"], ["xyzzy", "frobnitz", "quux"], ["123", "", "???"]], ids=lambda names: "/".join(names)
)
@pytest.mark.parametrize("count", [1, 5])
def test_few_or_unknown_words(names: list[str], count: int) -> None:
    samples, rejected = build(make_pictures(names, count))
    assert samples + rejected.total() >= 4 * count
    assert set(rejected) <= {"no_caption", "few_negatives", "position_share"}


@pytest.mark.slow
def test_ten_thousand_classes_take_time_in_proportion() -> None:
    names = [f"thing {number}" for number in range(CLASSES)]
    build(make_pictures(names[:100], 25))
    times = []
    for count in (100, 400):
        start = time.process_time()
        samples, rejected = build(make_pictures(names, count))
        times.append(time.process_time() - start)
        assert samples + rejected.total() >= 4 * count
    assert times[1] < 8 * times[0]
