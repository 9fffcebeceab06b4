"""Samples are independent of each other, and every record is counted under its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scar import Recipe, Sample, Source, build, read
from scar.accounting import Tally
from scar.annotations.opening import open_index
from scar.build import pipeline
from scar.build.pipeline import fit_generator, iter_samples
from scar.common.pixels import probe_image
from scar.errors import BadRecord, InputError
from scar.generators.default import make_rules_generator
from scar.generators.generator import (
    Generator,
    Gold,
    GoldOfTask,
    GoldTask,
    NineNegatives,
    Rejected,
)
from scar.sample import PARTS, Caption, Picture
from tests.conftest import REASON_OF

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
    assert sample.reason == "direction"
    assert [negative.part for negative in sample.negatives] == [part for part in PARTS for _ in range(3)]
    assert len(set(sample.captions)) == 10
    assert everything[9].image == "images/toy_train/000005.png"


def read_all(source: Source) -> list[Picture]:
    return [ref.read_picture(Tally()) for ref in open_index(source, Tally())]


def make_samples(pictures: Sequence[Picture], source: Source, generator: Generator) -> dict[str, Sample]:
    """The samples of pictures that are one batch, by id."""
    recipe = Recipe(sources=(source,), seed=1)
    return {sample.id: sample for sample in iter_samples(pictures, source, recipe, generator, Tally())}


def test_a_sample_depends_on_no_other(world: World, stand_in: Generator) -> None:
    world.write()
    make = partial(make_samples, source=world.source(), generator=stand_in)
    pictures = read_all(world.source())
    everything = make(pictures)
    assert everything == make(pictures[::-1])
    assert everything == {key: sample for picture in pictures for key, sample in make([picture]).items()}


@pytest.fixture(scope="module")
def drawn(recipe: Recipe) -> tuple[Source, list[Picture], Generator, dict[str, Sample]]:
    """A drawn source, its pictures, the rules fitted to it, and its samples."""
    source = recipe.sources[0]
    refs = list(open_index(source, Tally()))
    generator = fit_generator(make_rules_generator(), refs, source, Recipe(sources=(source,), seed=1), True)
    pictures = read_all(source)
    return source, pictures, generator, make_samples(pictures, source, generator)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_no_sample_of_the_rules_depends_on_its_batch(
    drawn: tuple[Source, list[Picture], Generator, dict[str, Sample]], rng: Random
) -> None:
    source, pictures, generator, everything = drawn
    some = rng.sample(pictures, rng.randint(0, len(pictures)))
    ids = {picture.id for picture in some}
    expected = {key: sample for key, sample in everything.items() if sample.image_id in ids}
    assert make_samples(some, source, generator) == expected


def test_unreadable_texts_count_the_same_in_any_batches(world: World, stand_in: Generator) -> None:
    for caption in world.captions:
        caption["caption"] = "Собака и чашка на столе."
    world.write()
    source, generator = world.source(), replace(stand_in, reads_texts=True)
    recipe, whole, parts = Recipe(sources=(source,)), Tally(), Tally()
    pictures = read_all(source)
    list(iter_samples(pictures, source, recipe, generator, whole))
    for picture in pictures:
        list(iter_samples([picture], source, recipe, generator, parts))
    assert whole == parts
    assert whole.ignored == {"not_english": 3}


def test_texts_that_say_no_relation_are_counted(world: World, stand_in: Generator) -> None:
    world.captions[0]["caption"] = "A cup on a table."
    for caption in world.captions[1:]:
        caption["caption"] = "A lovely morning."
    for number, annotation in enumerate(world.annotations):
        annotation["phrases"] = ["the cup on the left", "a cup on a table"] if number else ["what a cup"]
    world.write()
    source, tally = world.source(), Tally()
    list(iter_samples(read_all(source), source, Recipe(sources=(source,)), replace(stand_in, reads_texts=True), tally))
    assert tally.ignored == {
        "caption_no_relation": len(world.captions) - 1,
        "phrase_no_relation": len(world.annotations),
    }


def refuse(
    tasks: Sequence[GoldTask], whole: Generator, refused: Sequence[int], reason: str = "no_caption"
) -> list[Gold | Rejected]:
    """The golds of a generator, without those of some regions."""
    golds = whole.write_golds(tasks)
    return [Rejected(reason) if task.region.id in refused else gold for task, gold in zip(tasks, golds, strict=True)]


def test_books_balance_and_name_every_reason(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.annotations[0]["iscrowd"] = 1
    world.annotations[1]["bbox"] = [1, 1, 3, 3]
    world.write()

    def write_negatives(golds: Sequence[GoldOfTask], veto_counts: Counter[str]) -> list[NineNegatives | Rejected]:
        found = stand_in.write_negatives(golds, veto_counts)
        return [
            Rejected("few_negatives") if task.region.id == 51 else each
            for (task, _), each in zip(golds, found, strict=True)
        ]

    generator = replace(
        stand_in, write_golds=partial(refuse, whole=stand_in, refused=[50]), write_negatives=write_negatives
    )
    recipe = Recipe(sources=(world.source(max_per_image=3),))
    report = build(recipe, tmp_path / "out", generator=generator)["Toy/eval"]
    assert report["rejected"] == {"crowd": 1, "small": 1, "no_caption": 1, "few_negatives": 1}
    assert (report["records"], report["samples"]) == (9, 5)
    assert report["vetoes"] == {"stand-in": 6}
    samples = list(read(tmp_path / "out"))
    assert report["golds"] == {
        reason: {
            "chosen": sum(sample.reason == reason for sample in samples) + (reason == REASON_OF["fork"]),
            "samples": sum(sample.reason == reason for sample in samples),
        }
        for reason in ("direction", "human", "position")
    }
    written = json.loads((tmp_path / "out" / "build_report.json").read_text())
    assert written["sources"]["Toy/eval"]["samples"] == report["samples"] == len(samples)
    assert written["sources"]["Toy/eval"]["inputs"]["instances"]["file"] == "instances.json"


@pytest.mark.parametrize("most", [1, 2, 3])
def test_regions_that_have_a_caption_are_chosen_first(
    world: World, stand_in: Generator, tmp_path: Path, most: int
) -> None:
    world.write()
    refused = [50, 51, 70, 111, 112]
    generator = replace(stand_in, write_golds=partial(refuse, whole=stand_in, refused=refused))
    recipe = Recipe(sources=(world.source(max_per_image=most),))
    report = build(recipe, tmp_path / "out", generator=generator)["Toy/eval"]
    told = {5: 1, 7: 2, 11: 1}  # regions with a caption by image, of three each
    assert report["samples"] == sum(min(most, count) for count in told.values())
    untold = sum(max(0, most - count) for count in told.values())
    assert report["rejected"] == +Counter(over_limit=9 - 3 * most, no_caption=untold)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        (lambda tasks: [Rejected("no_caption")], "gave 1 results for 9 regions; give one for each, in their order"),
        (lambda tasks: [None] * len(tasks), "gave None for region 50; give a Rejected, or a Gold with one of"),
        (
            lambda tasks: [Gold(Caption("a cup", "on", "a table"), "vision")] * len(tasks),  # type: ignore[arg-type]
            "gave .*reason='vision'.* for region 50; .* human, mask, annotated, direction, model, ordinal, position",
        ),
    ],
)
def test_golds_of_another_shape_are_refused(
    world: World, stand_in: Generator, tmp_path: Path, results: Any, says: str
) -> None:
    world.write()
    with pytest.raises(InputError, match=f"generator stand-in: write_golds {says}"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=replace(stand_in, write_golds=results))
    assert not list(tmp_path.glob("out/*/*.parquet"))


def test_negatives_for_another_number_of_golds_are_refused(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    generator = replace(stand_in, write_negatives=lambda golds, veto_counts: [Rejected("few_negatives")])
    with pytest.raises(InputError, match="generator stand-in: write_negatives gave 1 results for 9 golds"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=generator)


def test_only_images_with_a_region_to_describe_are_opened(
    world: World, stand_in: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for annotation in world.annotations[:3]:
        annotation["iscrowd"] = 1  # all of image 11
    world.write()
    (world.image_folder / "000011.png").unlink()
    opened: list[str] = []

    def read_size(path: Path, where: str) -> tuple[int, int]:
        opened.append(path.name)
        return probe_image(path, where)

    monkeypatch.setattr(pipeline, "probe_image", read_size)
    report = build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)["Toy/eval"]
    assert opened == ["000005.png", "000007.png"]
    assert (report["samples"], report["rejected"]) == (6, {"crowd": 3})


def test_a_missing_image_counts_its_regions_once(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.annotations[0]["iscrowd"] = 1
    world.write()
    (world.image_folder / "000011.png").unlink()
    recipe = Recipe(sources=(world.source(max_per_image=1),), skip_bad=True)
    report = build(recipe, tmp_path / "out", generator=stand_in)["Toy/eval"]
    assert (report["samples"], report["rejected"]) == (2, {"crowd": 1, "image_missing": 2, "over_limit": 4})
    with pytest.raises(BadRecord, match="'image_missing'"):
        build(Recipe(sources=(world.source(),)), tmp_path / "strict", generator=stand_in)


def test_a_mask_that_is_none_leaves_the_box_and_is_counted(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.annotations[0]["segmentation"] = [[1, 1, 9, 9]]
    world.annotations[3]["segmentation"] = {"size": [90, 120], "counts": [10800]}
    world.write()
    recipe = Recipe(sources=(world.source(),), skip_bad=True)
    report = build(recipe, tmp_path / "out", generator=stand_in)["Toy/eval"]
    assert (report["samples"], report["rejected"], report["repaired"]) == (9, {}, {"empty_mask": 2})
