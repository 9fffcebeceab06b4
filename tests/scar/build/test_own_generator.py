"""A generator of a user's own: two functions suffice, and it may carry what it likes from golds to negatives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from scar import Caption, Negative, Recipe, build, read
from scar.formats.check import check_folder
from scar.generators.generator import Generator, Gold, GoldOfTask, GoldTask, NineNegatives, Rejected
from scar.sample import PARTS
from tests.conftest import World


class Counted(Gold, frozen=True):
    """A gold with a field of its own."""

    things: int


def write_golds(tasks: Sequence[GoldTask]) -> list[Gold | Rejected]:
    golds: list[Gold | Rejected] = []
    for task in tasks:
        assert task.image.is_file()
        things = len(task.evidence.picture.regions)
        caption = Caption(f"a {task.region.category}", "beside", f"{things - 1} others")
        golds.append(Counted(caption, "direction", things) if things > 1 else Rejected("alone"))
    return golds


def write_negatives(
    golds: Sequence[GoldOfTask], veto_counts: Counter[str], first: int = 0
) -> list[NineNegatives | Rejected]:
    found: list[NineNegatives | Rejected] = []
    for task, gold in golds:
        assert isinstance(gold, Counted)
        assert task.region.mask is not None
        swaps = [(part, f"{part} {first + gold.things + number}") for part in PARTS for number in range(3)]
        found.append(tuple(Negative(part, gold.caption.swap(part, text)) for part, text in swaps))
    return found


def fit(generator: Generator, golds: Sequence[GoldOfTask], seed: str, is_complete: bool) -> Generator:
    assert is_complete
    return replace(generator, write_negatives=partial(write_negatives, first=1000 * len(golds)))


OWN = Generator("own", "1", write_golds, write_negatives)


@pytest.mark.parametrize("workers", [1, 2])
def test_two_functions_suffice(world: World, tmp_path: Path, workers: int) -> None:
    world.annotations = world.annotations[:7]  # one thing in the last image
    world.write()
    report = build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=OWN, workers=workers)["Toy/eval"]
    assert (report["records"], report["samples"], report["rejected"]) == (7, 6, {"alone": 1})
    assert report["golds"] == {"direction": {"chosen": 6, "samples": 6}}
    assert check_folder(tmp_path / "out").counts == {}
    sample = next(iter(read(tmp_path / "out")))
    assert (sample.gold.text, sample.reason) == ("a cup beside 2 others", "direction")
    assert sample.negatives[0].caption.scene == "scene 3"


def test_one_that_adapts_is_fitted_to_each_source(world: World, tmp_path: Path) -> None:
    world.write()
    sources = (world.source(), world.source(name="One", max_per_image=1))
    build(Recipe(sources=sources), tmp_path / "out", generator=replace(OWN, fit=fit))
    scenes = {sample.source: sample.negatives[0].caption.scene for sample in read(tmp_path / "out")}
    assert scenes == {"Toy": "scene 9003", "One": "scene 3003"}
