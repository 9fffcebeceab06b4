"""A build gives the same bytes again, leaves nothing half-written, and goes on after an interruption."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from scar import Recipe, build, read
from scar.build.shard_store import ShardStore
from scar.errors import AccountingError, BuildInterrupted
from scar.formats.check import check_folder
from scar.formats.writer import SampleWriter
from scar.generators.generator import Generator
from tests.scar.build.small_build import make_command
from tests.shared import read_files

if TYPE_CHECKING:
    from tests.conftest import World


def test_layout_of_a_build(built: Path) -> None:
    assert sorted(read_files(built)) == [
        "SCaR-eval/SCaR_eval_Toy.parquet",
        "SCaR-train/SCAR_Toy.parquet",
        "build_report.json",
        *(f"images/toy_train/{number:06}.png" for number in (5, 7, 11)),
        *(f"images/toy_val/{number:06}.png" for number in (5, 7, 11)),
        "provenance/SCAR_Toy.parquet",
        "provenance/SCaR_eval_Toy.parquet",
    ]
    assert check_folder(built).counts == {}


def test_same_inputs_give_the_same_bytes_wherever_and_whenever(
    world: World, stand_in: Generator, tmp_path: Path
) -> None:
    world.write()
    recipe = Recipe(sources=(world.source(), world.source(split="train")), seed=1, overlap="keep")
    build(recipe, tmp_path / "one", generator=stand_in)
    backwards = Recipe(sources=recipe.sources[::-1], seed=1, overlap="keep")
    build(backwards, tmp_path / "deep" / "two", generator=stand_in, images_mode="copy")
    assert read_files(tmp_path / "one") == read_files(tmp_path / "deep" / "two")
    build(recipe, tmp_path / "one", generator=stand_in)
    assert read_files(tmp_path / "one") == read_files(tmp_path / "deep" / "two")
    other = Recipe(sources=recipe.sources, seed=2, overlap="keep")
    build(other, tmp_path / "three", generator=stand_in)
    assert [sample.gold for sample in read(tmp_path / "one")] != [sample.gold for sample in read(tmp_path / "three")]
    everything = b"".join(read_files(tmp_path / "one").values())
    assert str(tmp_path).encode() not in everything


def test_books_that_do_not_balance_publish_nothing(
    world: World, stand_in: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scar.build import pipeline

    world.write()
    monkeypatch.setattr(pipeline, "list_eligible_regions", lambda picture, *_: picture.regions[:1])
    with pytest.raises(AccountingError, match=r"9 records = 3 samples \+ 0 rejected does not hold"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
    assert read_files(tmp_path / "out") == {}


def test_finished_shards_are_not_built_again(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    put, built = ShardStore.write_shard, []

    def fill_up(store: ShardStore, number: int, content: bytes) -> None:
        if number == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(store, number, content)

    monkeypatch.setattr(ShardStore, "write_shard", fill_up)
    with pytest.raises(BuildInterrupted, match=r"Drawn/eval: the disk is full where .*; 3 of 5 shards are finished"):
        build(recipe, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and ".building" not in str(path)] == []

    def note(store: ShardStore, number: int, content: bytes) -> None:
        built.append(number)
        put(store, number, content)

    monkeypatch.setattr(ShardStore, "write_shard", note)
    shard = tmp_path / ".building-Drawn-eval" / "000001.shard"
    shard.write_bytes(shard.read_bytes()[:-20])  # as a machine that lost its power may leave it
    build(recipe, tmp_path)
    assert built == [1, 3, 4, 0, 1, 2, 3, 4]  # of the eval split, then of the other one
    assert read_files(tmp_path) == whole


def test_shards_of_another_recipe_are_not_taken_over(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(SampleWriter, "add_tables", broken)
        with pytest.raises(ZeroDivisionError, match="a bug"):
            build(recipe, tmp_path / "one")
    assert (tmp_path / "one" / ".building-Drawn-eval" / "000000.shard").is_file()
    other = Recipe(sources=recipe.sources, seed=3)
    build(other, tmp_path / "one")
    build(other, tmp_path / "two")
    assert read_files(tmp_path / "one") == read_files(tmp_path / "two")


def test_both_splits_may_come_of_the_same_files(recipe: Recipe, tmp_path: Path, small_shards: None) -> None:
    held = recipe.sources[0]
    both = Recipe(sources=(held, msgspec.structs.replace(held, split="train")), seed=2, overlap="keep")
    build(both, tmp_path / "two", workers=2)
    build(both, tmp_path / "one")
    assert read_files(tmp_path / "two") == read_files(tmp_path / "one")


KILLED = """
import os, signal, sys
from pathlib import Path
from random import Random
from scar.build import corpus
from scar.build import image_folder
from scar import Caption, Negative, Recipe, Source, build
from scar.generators.generator import Generator, Gold
from scar.sample import PARTS

world, out, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def write_golds(tasks):
    if moment == "while telling" and any(task.evidence.picture.id == 7 for task in tasks):
        die()
    choose = lambda task: Random(task.key).choice(("on", "beside"))
    return [Gold(Caption(task.region.category, choose(task), "table"), "mask") for task in tasks]

def write_negatives(golds, veto_counts):
    return [
        tuple(Negative(part, gold.caption.swap(part, f"{part} {place}")) for part in PARTS for place in range(3))
        for _, gold in golds
    ]

if moment == "while copying":
    image_folder.shutil.copyfile = lambda image, place: (place.write_bytes(image.read_bytes()[:50]), die())
if moment == "before the rows":
    replace = Path.replace
    Path.replace = lambda path, target: die() if path.name == "rows.parquet" else replace(path, target)
if moment == "before the report":
    corpus.write_json = lambda *_: die()
source = Source(name="Toy", split="eval", instances=world / "instances.json", images=world / "images")
generator = Generator("killed", "1", write_golds, write_negatives)
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
    whole = read_files(tmp_path / "whole")
    for moment in ("while telling", "while copying", "before the rows", "before the report"):
        out = tmp_path / moment.replace(" ", "_")
        assert run(out, moment) == -signal.SIGKILL
        visible = {
            name: data for name, data in read_files(out).items() if not any(part[0] == "." for part in Path(name).parts)
        }
        assert visible.items() <= whole.items()
        assert run(out, "never") == 0
        assert read_files(out) == whole


def test_a_build_that_is_killed_again_and_again_ends_with_the_same_bytes(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out, rng, kills = tmp_path / "out", Random(5), 0
    for _ in range(4):
        with subprocess.Popen(make_command(recipe, out), stdout=subprocess.DEVNULL) as process:  # noqa: S603
            time.sleep(0.6 + 0.9 * rng.random())
            process.kill()
        kills += process.returncode == -signal.SIGKILL
        published = {
            name: data for name, data in read_files(out).items() if not any(p[0] == "." for p in Path(name).parts)
        }
        published.pop("build_report.json", None)  # tells of one source before the other is there
        assert published.items() <= whole.items()
    assert kills
    subprocess.run(make_command(recipe, out), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    assert read_files(out) == whole


CHECKING = """
import sys
from scar.build.shard import build_shard as build

def find_loaded():
    return {"pandas", "scipy"} & sys.modules.keys()

def build_shard(refs, *shared):
    content = build(refs, *shared)
    if find_loaded():
        raise RuntimeError(find_loaded())
    return content

if __name__ == "__main__":
    import checking
    from scar.build import corpus, plan
    from scar.cli import app
    corpus.build_shard = checking.build_shard
    plan.SHARD_IMAGES = 3
    app(standalone_mode=False)
    sys.exit(str(find_loaded()) if find_loaded() else None)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_imports_neither_pandas_nor_scipy(recipe: Recipe, workers: int, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    command = make_command(recipe, tmp_path / "out", "--workers", str(workers))
    command[1] = str(tmp_path / "checking.py")
    Path(command[1]).write_text(CHECKING)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
