"""Builds balance their books, give the same bytes again, leave nothing half-written and overwrite nothing unasked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from scar import Caption, Recipe, Sample, build, read
from scar.accounting import Tally
from scar.annotations import open_index
from scar.build.pipeline import iter_samples
from scar.errors import AccountingError, InputError, RecipeError
from scar.formats.check import check_folder
from scar.generators.generator import Generator
from scar.recipe import read_recipe
from scar.sample import PARTS, Picture, Region

if TYPE_CHECKING:
    from tests.conftest import World


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_layout_of_a_build(built: Path) -> None:
    assert sorted(contents(built)) == [
        "SCaR-eval/SCaR_eval_Toy.parquet",
        "SCaR-train/SCAR_Toy.parquet",
        "build_report.json",
        *(f"images/toy_train/{number:06}.png" for number in (5, 7, 11)),
        *(f"images/toy_val/{number:06}.png" for number in (5, 7, 11)),
        "provenance/SCAR_Toy.parquet",
        "provenance/SCaR_eval_Toy.parquet",
    ]
    assert check_folder(built).counts == {}


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


def test_same_inputs_give_the_same_bytes_wherever_and_whenever(
    world: World, stand_in: Generator, tmp_path: Path
) -> None:
    world.write()
    recipe = Recipe(sources=(world.source(), world.source(split="train")), seed=1, overlap="keep")
    build(recipe, tmp_path / "one", generator=stand_in)
    backwards = Recipe(sources=recipe.sources[::-1], seed=1, overlap="keep")
    build(backwards, tmp_path / "deep" / "two", generator=stand_in, images_mode="copy")
    assert contents(tmp_path / "one") == contents(tmp_path / "deep" / "two")
    build(recipe, tmp_path / "one", generator=stand_in)
    assert contents(tmp_path / "one") == contents(tmp_path / "deep" / "two")
    other = Recipe(sources=recipe.sources, seed=2, overlap="keep")
    build(other, tmp_path / "three", generator=stand_in)
    assert [sample.gold for sample in read(tmp_path / "one")] != [sample.gold for sample in read(tmp_path / "three")]
    everything = b"".join(contents(tmp_path / "one").values())
    assert str(tmp_path).encode() not in everything


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


def test_books_that_do_not_balance_publish_nothing(
    world: World, stand_in: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scar.build import pipeline

    world.write()
    monkeypatch.setattr(pipeline, "select_regions", lambda picture, *_: picture.regions[:1])
    with pytest.raises(AccountingError, match=r"9 records = 3 samples \+ 0 rejected does not hold"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
    assert contents(tmp_path / "out") == {}


def test_another_build_is_replaced_only_by_force(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    out = tmp_path / "out"
    recipe = Recipe(sources=(world.source(),))
    build(recipe, out, generator=stand_in)
    before = contents(out)

    reseeded = Recipe(sources=recipe.sources, seed=9)
    with pytest.raises(InputError, match=r"SCaR_eval_Toy\.parquet: built from other inputs or settings; --force"):
        build(reseeded, out, generator=stand_in)
    (out / "build_report.json").unlink()
    with pytest.raises(InputError, match=r"(parquet|png): holds something else; --force"):
        build(reseeded, out, generator=stand_in)
    assert contents(out) == {name: data for name, data in before.items() if name != "build_report.json"}

    world.annotations = [entry for entry in world.annotations if entry["image_id"] != 7]
    world.write()
    build(reseeded, out, generator=stand_in, force=True)
    assert {sample.image_id for sample in read(out)} == {5, 11}
    assert "images/toy_val/000007.png" not in contents(out)
    assert check_folder(out).counts == {}


def test_a_foreign_image_is_not_overwritten(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    theirs = tmp_path / "out" / "images" / "toy_val" / "000005.png"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    with pytest.raises(InputError, match=r"000005\.png: holds something else"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
    assert theirs.read_bytes() == b"theirs"


def test_images_that_lie_where_the_build_writes_are_left_alone(
    world: World, stand_in: Generator, tmp_path: Path
) -> None:
    world.write()
    inside = tmp_path / "out" / "images"
    inside.parent.mkdir()
    world.image_folder.rename(inside)
    with pytest.raises(RecipeError, match="lie where the build writes"):
        build(Recipe(sources=(world.source(images=inside),)), tmp_path / "out", generator=stand_in)


def test_images_are_linked_or_copied(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    recipe = Recipe(sources=(world.source(),))
    image = world.image_folder / "000005.png"
    build(recipe, tmp_path / "linked", generator=stand_in)
    assert (tmp_path / "linked" / "images" / "toy_val" / image.name).samefile(image)
    build(recipe, tmp_path / "copied", generator=stand_in, images_mode="copy")
    assert not (tmp_path / "copied" / "images" / "toy_val" / image.name).samefile(image)
    assert contents(tmp_path / "linked") == contents(tmp_path / "copied")


def test_images_in_folders_of_their_own(world: World, stand_in: Generator, tmp_path: Path) -> None:
    (world.image_folder / "deep").mkdir(parents=True)
    for image in world.images:
        (world.image_folder / image["file_name"]).rename(world.image_folder / "deep" / image["file_name"])
        image["file_name"] = f"./deep//{image['file_name']}"
    world.write()
    build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
    assert next(read(tmp_path / "out")).image == "images/toy_val/deep/000005.png"
    assert check_folder(tmp_path / "out").counts == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from random import Random
from scar.build import corpus
from scar.build import image_folder
from scar import Caption, Negative, Recipe, Source, build
from scar.generators.generator import Generator
from scar.sample import PARTS

world, out, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def complete(picture, region, rng):
    if moment == "while telling" and picture.id == 7:
        die()
    return Caption(region.category, rng.choice(("on", "beside")), "table")

def draw(gold, picture, region, rng, tally):
    return tuple(Negative(part, gold.swap(part, f"{part} {place}")) for part in PARTS for place in range(3))

if moment == "while copying":
    image_folder.shutil.copyfile = lambda image, place: (place.write_bytes(image.read_bytes()[:50]), die())
if moment == "before the rows":
    replace = Path.replace
    Path.replace = lambda path, target: die() if path.name == "rows.parquet" else replace(path, target)
if moment == "before the report":
    corpus.write_json = lambda *_: die()
source = Source(name="Toy", split="eval", instances=world / "instances.json", images=world / "images")
generator = Generator("killed", "1", complete, draw)
build(Recipe(sources=(source,)), out, generator=generator, images_mode="copy")
"""


def test_a_killed_build_leaves_nothing_half_written(world: World, tmp_path: Path) -> None:
    world.write()
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))

    def run(out: Path, moment: str) -> int:
        command = [sys.executable, str(script), str(world.folder), str(out), moment]
        return subprocess.run(command, check=False).returncode  # noqa: S603

    assert run(tmp_path / "whole", "never") == 0
    whole = contents(tmp_path / "whole")
    for moment in ("while telling", "while copying", "before the rows", "before the report"):
        out = tmp_path / moment.replace(" ", "_")
        assert run(out, moment) == -signal.SIGKILL
        visible = {
            name: data for name, data in contents(out).items() if not any(part[0] == "." for part in Path(name).parts)
        }
        assert visible.items() <= whole.items()
        assert run(out, "never") == 0
        assert contents(out) == whole


def test_a_recipe_names_its_sources(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    recipe = world.folder / "recipe.toml"
    table = """
        seed = 4
        [[source]]
        name = "Toy"
        split = "eval"
        instances = "instances.json"
        captions = "captions.json"
        images = "images"
        licence = "CC BY 4.0"
        max_per_image = 2
    """
    recipe.write_text(table)
    loaded = read_recipe(recipe)
    assert loaded == Recipe(sources=(world.source(licence="CC BY 4.0", max_per_image=2),), seed=4)
    assert build(recipe, tmp_path / "out", generator=stand_in)["Toy/eval"]["samples"] == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source = 3", "source = 3: Expected `array`, got `int`"),
        ("seed = 1", "no key source; the keys are source, seed, skip_bad"),
        ("source = []", "Expected `array` of length >= 1"),
        ("[[source]]\nname = 'Toy'", r"source 1 \(Toy\): no key split, images"),
        (
            "[[source]]\nsplits = 'x.p'",
            r"source 1 \(no name\): unknown key 'splits': did you mean split\? the keys are name",
        ),
        ("[[source]\n", "not TOML"),
        ("GOOD\nsplit = 'val'", "not TOML"),
        ("GOOD\nmax_per_image = 0", r"source 1 \(Toy\): max_per_image = 0: Expected `int` >= 1"),
        ("GOOD\nmin_area_share = 2", r"Expected `float` <= 1"),
        ("GOOD\ncaptions = 3", r"captions = 3: expected a path, got 3"),
        ("GOODGOOD", "two sources are Toy/eval; give each its own name and split"),
        ("[[source]]\nname = '../x'\nsplit = 'eval'\ninstances = 'i'\nimages = 'i'", "matching regex"),
        (
            "[[source]]\nname = 'x'\nsplit = 'val'\ninstances = 'i'\nimages = 'i'",
            "split = 'val' is none of 'train', 'eval'",
        ),
    ],
)
def test_a_recipe_that_does_not_validate(tmp_path: Path, text: str, message: str) -> None:
    good = "[[source]]\nname = 'Toy'\nsplit = 'eval'\ninstances = 'i.json'\nimages = 'images'\n"
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text.replace("GOOD", good))
    with pytest.raises(RecipeError, match=rf"recipe\.toml.*{message}"):
        read_recipe(recipe)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent\.toml: no such file; give a recipe"):
        read_recipe(tmp_path / "absent.toml")
