"""Samples are independent of each other, and every record is counted under its reason."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from scar import Caption, Recipe, Sample, build, read
from scar.accounting import Tally
from scar.annotations.opening import open_index
from scar.build.pipeline import iter_samples
from scar.generators.generator import Generator
from scar.sample import PARTS, Picture, Region

if TYPE_CHECKING:
    from tests.conftest import World


def test_samples_in_full(built: Path) -> None:
    everything = list(read(built))
    assert [sample.id for sample in everything[:4]] == ["Toy/eval/50", "Toy/eval/51", "Toy/eval/52", "Toy/eval/70"]
    assert len(everything) == 18
    sample = everything[1]
    assert (sample.source, sample.split, sample.image_id) == ("Toy", "eval", 5)
    assert sample.image == "images/toy_val/000005.png"
    assert sample.region.category == "fork"
    assert sample.region.box.xywh == (50.25, 10, 40.5, 30)
    assert sample.gold.object == "the fork"
    assert [negative.part for negative in sample.negatives] == [part for part in PARTS for _ in range(3)]
    assert len(set(sample.captions)) == 10
    assert everything[9].image == "images/toy_train/000005.png"


def test_a_sample_depends_on_no_other(world: World, stand_in: Generator) -> None:
    world.write()
    source = world.source()

    def built_from(pictures: list[Picture]) -> dict[str, Sample]:
        return {
            sample.id: sample
            for sample in iter_samples(pictures, source, Recipe(sources=(source,), seed=1), stand_in, Tally())
        }

    pictures = [ref.read_picture(Tally()) for ref in open_index(source, Tally())]
    everything = built_from(pictures)
    assert everything == built_from(pictures[::-1])
    assert everything == {key: sample for picture in pictures for key, sample in built_from([picture]).items()}


def test_books_balance_and_name_every_reason(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.annotations[0]["iscrowd"] = 1
    world.annotations[1]["bbox"] = [1, 1, 3, 3]
    world.write()

    def complete(picture: Picture, region: Region, rng: Random) -> Caption | None:
        return None if region.id == 50 else stand_in.write_gold(picture, region, rng)

    def draw(*arguments: Any) -> Any:
        return None if arguments[2].id == 51 else stand_in.write_negatives(*arguments)

    generator = replace(stand_in, write_gold=complete, write_negatives=draw)
    recipe = Recipe(sources=(world.source(max_per_image=2),))
    report = build(recipe, tmp_path / "out", generator=generator)["Toy/eval"]
    assert report["rejected"].pop("over_limit") == 2  # one of each image of three
    reasons = Counter(report["rejected"])
    assert reasons.pop("crowd") == reasons.pop("small") == 1
    assert set(reasons) <= {"no_caption", "few_negatives"}
    assert report["records"] == 9 == report["samples"] + 4 + reasons.total()
    assert report["vetoes"] == {"stand-in": report["samples"]}
    written = json.loads((tmp_path / "out" / "build_report.json").read_text())
    assert written["sources"]["Toy/eval"]["samples"] == report["samples"] == len(list(read(tmp_path / "out")))
    assert written["sources"]["Toy/eval"]["inputs"]["instances"]["file"] == "instances.json"


def test_a_mask_that_is_none_is_counted_when_its_region_is_chosen(
    world: World, stand_in: Generator, tmp_path: Path
) -> None:
    world.annotations[0]["segmentation"] = [[1, 1, 9, 9]]
    world.annotations[3]["segmentation"] = {"size": [90, 120], "counts": [10800]}
    world.write()
    recipe = Recipe(sources=(world.source(),), skip_bad=True)
    report = build(recipe, tmp_path / "out", generator=stand_in)["Toy/eval"]
    assert (report["samples"], report["rejected"]) == (7, {"empty_mask": 2})
