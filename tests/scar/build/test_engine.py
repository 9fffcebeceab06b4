"""Shards are built anywhere, in any number, and however often it is stopped: the files have the same bytes."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from scar import Recipe, Source, build
from scar.annotations.pictures import PictureRef
from scar.build import corpus, plan
from scar.build.shard import Job, ShardResult
from scar.build.shard_store import ShardStore
from scar.demo.world import draw_world
from scar.errors import BadRecord, BuildInterrupted, InputError
from scar.formats.writer import SampleWriter

IMAGES = 14


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A drawn world as a source of each split."""
    sources = []
    for split in ("eval", "train"):
        folder = tmp_path_factory.mktemp("world") / split
        draw_world(folder, IMAGES, 0, split)
        sources.append(
            Source(
                name="Drawn",
                split=split,
                instances=folder / "instances.json",
                captions=folder / "captions.json",
                images=folder / "images",
            )
        )
    return Recipe(sources=tuple(sources), seed=2)


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of it in one shard a source."""
    out = tmp_path_factory.mktemp("whole")
    build(recipe, out)
    return contents(out)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SHARD_IMAGES", 3)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("size", "workers"), [(1, 1), (3, 1), (3, 2), (5, 3)])
def test_bytes_depend_neither_on_workers_nor_on_shards(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, workers: int
) -> None:
    monkeypatch.setattr(plan, "SHARD_IMAGES", size)
    build(recipe, tmp_path, workers=workers)
    assert contents(tmp_path) == whole


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
    assert contents(tmp_path) == whole


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
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_both_splits_may_come_of_the_same_files(recipe: Recipe, tmp_path: Path, small_shards: None) -> None:
    held = recipe.sources[0]
    both = Recipe(sources=(held, msgspec.structs.replace(held, split="train")), seed=2, overlap="keep")
    build(both, tmp_path / "two", workers=2)
    build(both, tmp_path / "one")
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_what_is_complete_is_not_built_again_unless_it_was_changed_or_force_says_so(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, build_shard = [], corpus.build_shard

    def note(refs: Sequence[PictureRef], job: Job) -> bytes:
        built.append(job)
        return build_shard(refs, job)

    monkeypatch.setattr(corpus, "build_shard", note)
    first = build(recipe, tmp_path)
    assert len(built) == 2
    assert build(recipe, tmp_path) == first
    assert len(built) == 2
    build(recipe, tmp_path, force=True)
    assert len(built) == 4
    next((tmp_path / "images" / "drawn_val").iterdir()).unlink()
    build(recipe, tmp_path)
    assert len(built) == 5
    (tmp_path / "provenance" / "SCAR_Drawn.parquet").write_bytes(b"changed")
    with pytest.raises(InputError, match=r"SCAR_Drawn\.parquet: holds something else; --force replaces it"):
        build(recipe, tmp_path)
    build(recipe, tmp_path, force=True)
    assert contents(tmp_path) == whole


def test_a_bad_record_is_named_from_a_worker_too(recipe: Recipe, tmp_path: Path, small_shards: None) -> None:
    (source, _) = recipe.sources
    images = tmp_path / "images"
    shutil.copytree(source.images, images)
    last = sorted(images.iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-30])
    changed = {name: getattr(source, name) for name in ("name", "split", "instances", "captions")}
    bad = Recipe(sources=(Source(images=images, **changed),))
    with pytest.raises(BadRecord, match=rf"{last.name} does not decode.*'image_broken'") as caught:
        build(bad, tmp_path / "out", workers=2)
    assert caught.value.reason == "image_broken"
    assert contents(tmp_path / "out") == {}


FATAL = """
import multiprocessing, os, signal, sys
from scar.generators.rules.true_caption import write_gold as whole

def complete(picture, region, rng):
    if picture.id == MOST and multiprocessing.parent_process() and sys._getframe(1).f_code.co_name == "WHERE":
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(picture, region, rng)
"""


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("fit_generator", "a worker ended by signal SIGKILL.*; the same command begins again"),
        ("_write_captions", "a worker ended by signal SIGKILL.*of 5 shards are finished, and the"),
    ],
)
def test_a_killed_worker_is_noticed(
    where: str,
    says: str,
    recipe: Recipe,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_shards: None,
) -> None:
    from importlib import import_module

    from scar.generators.generator import make_rules_generator

    source = recipe.sources[0]
    (tmp_path / f"fatal{where}.py").write_text(FATAL.replace("MOST", str(IMAGES)).replace("WHERE", where))
    monkeypatch.syspath_prepend(tmp_path)
    fatal = dataclasses.replace(make_rules_generator(), write_gold=import_module(f"fatal{where}").complete)
    with pytest.raises(BuildInterrupted, match=says):
        build(Recipe(sources=(source,), seed=2), tmp_path / "out", generator=fatal, workers=2)
    build(recipe, tmp_path / "out", workers=2)
    assert contents(tmp_path / "out") == whole


SCRIPT = """
import time
from scar.build import plan
from scar.cli import app
from scar.build.shard_store import ShardStore

def put(store, number, content, put=ShardStore.write_shard):
    put(store, number, content)
    time.sleep(0.05)  # so that a signal finds the build at work

ShardStore.write_shard = put
plan.SHARD_IMAGES = 2
if __name__ == "__main__":
    app()
"""


def command(recipe: Recipe, out: Path, *options: str) -> list[str]:
    """The build of the recipe as a command, in small shards and two processes."""
    script, table = out.parent / "scar_small.py", out.parent / "recipe.toml"
    script.write_text(textwrap.dedent(SCRIPT))
    lines = [f"seed = {recipe.seed}"]
    for source in recipe.sources:
        lines += ["[[source]]", f'name = "{source.name}"', f'split = "{source.split}"', f'images = "{source.images}"']
        lines += [f'{role} = "{path}"' for role, path in source.inputs.items()]
    table.write_text("\n".join(lines))
    return [sys.executable, str(script), "build", str(table), "--out", str(out), "--workers", "2", *options]


def test_a_build_that_is_killed_again_and_again_ends_with_the_same_bytes(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out, rng, kills = tmp_path / "out", Random(5), 0
    for _ in range(4):
        with subprocess.Popen(command(recipe, out), stdout=subprocess.DEVNULL) as process:  # noqa: S603
            time.sleep(0.6 + 0.9 * rng.random())
            process.kill()
        kills += process.returncode == -signal.SIGKILL
        published = {
            name: data for name, data in contents(out).items() if not any(p[0] == "." for p in Path(name).parts)
        }
        published.pop("build_report.json", None)  # tells of one source before the other is there
        assert published.items() <= whole.items()
    assert kills
    subprocess.run(command(recipe, out), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    assert contents(out) == whole


def test_ctrl_c_is_one_line_and_the_build_goes_on_later(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(  # noqa: S603
        command(recipe, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 30
        while not list(out.rglob("*.shard")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        stderr = process.communicate()[1]
    assert (process.returncode, stderr) == (130, "scar: stopped.\n")
    assert list(out.rglob("*.shard"))
    subprocess.run(command(recipe, out), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    assert contents(out) == whole


PRELOAD_SLOW = """
from scar.build import corpus
open_engine = corpus.open_engine
corpus.open_engine = lambda name, workers, stack, preload: open_engine(name, workers, stack, ["slow"])
"""

SLOW = """
import pathlib, time

pathlib.Path(__file__).with_name("mark").touch()
time.sleep(1)
"""


def test_ctrl_c_while_workers_are_yet_to_start_is_one_line_too(recipe: Recipe, tmp_path: Path) -> None:
    build_command = command(recipe, tmp_path / "out")
    (tmp_path / "slow.py").write_text(SLOW)
    script = tmp_path / "scar_small.py"
    script.write_text(script.read_text().replace("SHARD_IMAGES = 2", f"SHARD_IMAGES = 2{PRELOAD_SLOW}"))
    with subprocess.Popen(  # noqa: S603
        build_command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=tmp_path,
    ) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "mark").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        stderr = process.communicate()[1]
    assert (process.returncode, stderr) == (130, "scar: stopped.\n")


def test_a_result_survives_its_bytes(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, build_shard = list[bytes](), corpus.build_shard

    def note(refs: Sequence[PictureRef], job: Job) -> bytes:
        seen.append(build_shard(refs, job))
        return seen[0]

    monkeypatch.setattr(corpus, "build_shard", note)
    report = build(Recipe(sources=recipe.sources[1:]), tmp_path)["Drawn/train"]
    (content,) = seen
    result = ShardResult.from_bytes(content)
    assert result.to_bytes() == content
    assert result.tally.samples == result.rows.num_rows == result.notes.num_rows == report["samples"]
    assert dict(result.tally.vetoes) == report["vetoes"]
    assert len(result.images) == report["images"]


def test_without_ray_its_engine_says_what_to_install(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"--engine ray: Ray is not installed; `pip install 'scar-virtue\[ray\]'`"):
        build(recipe, tmp_path, engine="ray")


def test_a_ray_cluster_of_two_nodes_gives_the_same_bytes(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    ray: Any = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        assert len(ray.nodes()) == 2
        build(recipe, tmp_path / "out", engine="ray")
        assert contents(tmp_path / "out") == whole
        images = recipe.sources[0].images
        changed = {name: getattr(recipe.sources[0], name) for name in ("name", "split", "instances", "captions")}
        (tmp_path / "empty").mkdir()
        bad = Recipe(sources=(Source(images=tmp_path / "empty", **changed),))
        with pytest.raises(BadRecord, match=r"does not exist.*'image_missing'"):
            build(bad, tmp_path / "bad", engine="ray")
        assert images.is_dir()
    finally:
        ray.shutdown()
        cluster.shutdown()
