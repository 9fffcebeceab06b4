"""Tasks run anywhere, in any number of processes: the files have the same bytes."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scar import Recipe, Source, build
from scar.build import plan
from scar.build.engine import open_engine, run_on_ray
from scar.common.images import limit_pixels, max_pixels
from scar.errors import BadRecord, BuildInterrupted, InputError
from tests.scar.build.small_build import IMAGES, make_command
from tests.shared import read_files

if TYPE_CHECKING:
    pass


@pytest.mark.parametrize(("size", "workers"), [(1, 1), (3, 1), (3, 2), (5, 3)])
def test_bytes_depend_neither_on_workers_nor_on_shards(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, workers: int
) -> None:
    monkeypatch.setattr(plan, "SHARD_IMAGES", size)
    build(recipe, tmp_path, workers=workers)
    assert read_files(tmp_path) == whole


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
    assert read_files(tmp_path / "out") == {}


FATAL = """
import multiprocessing, os, signal, sys
from scar.generators.rules.golds import write_golds as whole

def write_golds(tasks, shares=None, known=None):
    frame, callers = sys._getframe(1), set()
    while frame:
        callers.add(frame.f_code.co_name)
        frame = frame.f_back
    is_last = any(task.evidence.picture.id == MOST for task in tasks)
    if is_last and multiprocessing.parent_process() and "WHERE" in callers:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(tasks, shares, known)
"""


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("fit_generator", "a worker ended by signal SIGKILL.*; the same command begins again"),
        ("_write_samples", "a worker ended by signal SIGKILL.*of 5 shards are finished, and the"),
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

    from scar.generators.default import make_rules_generator

    source = recipe.sources[0]
    (tmp_path / f"fatal{where}.py").write_text(FATAL.replace("MOST", str(IMAGES)).replace("WHERE", where))
    monkeypatch.syspath_prepend(tmp_path)
    own = import_module(f"fatal{where}").write_golds
    fatal = dataclasses.replace(make_rules_generator(), write_golds=own)
    with pytest.raises(BuildInterrupted, match=says):
        build(Recipe(sources=(source,), seed=2), tmp_path / "out", generator=fatal, workers=2)
    build(recipe, tmp_path / "out", workers=2)
    assert read_files(tmp_path / "out") == whole


def test_ctrl_c_is_one_line_and_the_build_goes_on_later(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(  # noqa: S603
        make_command(recipe, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 30
        while not list(out.rglob("*.shard")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        stderr = process.communicate()[1]
    assert (process.returncode, stderr) == (130, "scar: stopped.\n")
    assert list(out.rglob("*.shard"))
    subprocess.run(make_command(recipe, out), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    assert read_files(out) == whole


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
    build_command = make_command(recipe, tmp_path / "out")
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
        with limit_pixels(12_345):
            assert list(run_on_ray([max_pixels])) == [12_345]
        assert list(run_on_ray([max_pixels])) == [max_pixels()]
        assert read_files(tmp_path / "out") == whole
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


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_gets_the_shared_arguments_of_its_own_run(workers: int) -> None:
    with ExitStack() as stack:
        engine = open_engine("local", workers, stack)
        for shared in ((2,), (3,), (2,)):
            assert list(engine([partial(pow, number) for number in range(9)], shared)) == [
                number ** shared[0] for number in range(9)
            ]
        assert list(engine([partial(pow, 2, number) for number in range(9)])) == [2**number for number in range(9)]
