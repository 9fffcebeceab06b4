"""Training by two processes, each with a whole model (DDP) or a share of it (FSDP), is training by one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.virtue_ref.training.test_next_step import damage
from virtue_ref.checkpoints import resolve
from virtue_ref.training.pairs import open_source
from virtue_ref.training.recipe import parse_recipe
from virtue_ref.training.sharded import FSDP_SWITCH
from virtue_ref.training.train import train

STEPS = 20
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from virtue_ref.checkpoints.resolve import read_checkpoint
from scar.errors import TrainError
from virtue_ref.training.pairs import open_source
from virtue_ref.training.recipe import parse_recipe
from virtue_ref.training.train import train

data, run, table, until, interrupted = Path(sys.argv[1]), Path(sys.argv[2]), *map(json.loads, sys.argv[3:])
rank = int(os.environ["RANK"])
source = open_source("demo", sorted(data.glob("SCaR-train/*.parquet")), data, all_negatives=True)

def shares(model):
    '''Frozen weights of the blocks: how many are here, and how many there are.'''
    frozen = [each for each in model.backbone.language_model.layers.parameters() if not each.requires_grad]
    here = sum((each.to_local() if hasattr(each, "to_local") else each).numel() for each in frozen)
    (run / f"share-{rank}.json").write_text(json.dumps([here, sum(each.numel() for each in frozen)]))
    return 0.5

def say(step, steps, line):
    if interrupted and rank == 1 and step == 1:
        os.kill(os.getpid(), signal.SIGINT)

try:
    train(parse_recipe(table, "test", "test"), read_checkpoint("tiny"), [source], run, trackers=(), cpu=True,
          until=until, evaluate=shares, report=say)
except TrainError as error:
    sys.exit(f"process {rank}: {error}")
"""


def recipe(adapter: dict[str, Any] | None = None, **optimiser: object) -> dict[str, Any]:
    """Batches of 7 pairs, an odd number; the second process then has more parts than the first."""
    base = {"steps": STEPS, "batch": 7, "part": 4, "rate": 1e-4, "warm_up": 2, "dtype": "float32"}
    return {
        "about": "a test",
        "model": "tiny",
        "optimiser": base | {"checkpointing": False} | optimiser,
        "adapter": {"rank": 2, "alpha": 4} | (adapter or {}),
        "watch": {"log": 1, "save": 10},
        "sources": [{"name": "demo", "files": "SCaR-train/*.parquet", "all_negatives": True}],
    }


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that one process makes."""
    run = tmp_path_factory.mktemp("alone")
    go(data, run, "one", recipe())
    return run


def go(data: Path, run: Path, how: str, table: dict[str, Any], until: int | None = None) -> None:
    """Train by one process, this one, or by two."""
    if how == "one":
        source = open_source("demo", sorted(data.glob("SCaR-train/*.parquet")), data, all_negatives=True)
        plan = parse_recipe(table, "test", "test")
        train(plan, resolve.read_checkpoint("tiny"), [source], run, trackers=(), cpu=True, until=until)
    else:
        done = launched(data, run, how, table, until)
        assert done.returncode == 0, done.stderr


def launched(
    data: Path,
    run: Path,
    how: str,
    table: dict[str, Any],
    until: int | None = None,
    *,
    processes: int = 2,
    interrupted: bool = False,
) -> subprocess.CompletedProcess[str]:
    program = run.parent / "run.py"
    program.write_text(PROGRAM)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words = [program, data, run, *map(json.dumps, (table, until, interrupted))]
    environment = {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", FSDP_SWITCH: str(how == "fsdp").lower()}
    return subprocess.run(  # noqa: S603
        [str(word) for word in [*launch, *words]], env=os.environ | environment, capture_output=True, text=True
    )


def losses(run: Path) -> list[float]:
    return logged(run, "loss")


def logged(run: Path, what: str) -> list[float]:
    return [json.loads(line)[what] for line in (run / "log.jsonl").read_text().splitlines()]


def same(run: Path, other: Path, within: float) -> None:
    """Model, trained weights and moments have the same names, types and, more or less, values."""
    for file in ("model/model.safetensors", "state.safetensors"):
        here, there = (load_file(each / (each / "last").read_text() / file) for each in (run, other))
        torch.testing.assert_close(here, there, atol=within, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "legs",
    [[("ddp", STEPS)], [("fsdp", STEPS)], [("one", 10), ("fsdp", STEPS)], [("fsdp", 10), ("one", STEPS)]],
    ids=lambda legs: "-".join(how for how, _ in legs),
)
def test_processes_are_one(tmp_path: Path, data: Path, alone: Path, legs: Sequence[tuple[str, int]]) -> None:
    """Also where a run is begun by one number of processes and goes on by another."""
    for how, until in legs:
        go(data, tmp_path / "run", how, recipe(), until)
    assert len(losses(tmp_path / "run")) == STEPS
    assert losses(tmp_path / "run") == pytest.approx(losses(alone), abs=1e-4)
    # Clipping and Adam both hide a gradient that is a multiple of what it should be; its norm does not.
    assert logged(tmp_path / "run", "gradient_norm") == pytest.approx(logged(alone, "gradient_norm"), rel=1e-4)
    same(tmp_path / "run", alone, 1e-5)
    if legs[-1][0] == "fsdp":
        for rank in (0, 1):
            here, whole = json.loads((tmp_path / "run" / f"share-{rank}.json").read_text())
            assert here == pytest.approx(whole / 2, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_share_does_what_the_whole_does(tmp_path: Path, data: Path, dtype: str) -> None:
    """With all that recipes ask of a block: DoRA, dropout, activations computed twice, half precision."""
    table = recipe({"dora": True, "dropout": 0.1}, steps=3, dtype=dtype, checkpointing=True)
    for how in ("ddp", "fsdp"):
        go(data, tmp_path / how, how, table)
    assert losses(tmp_path / "fsdp") == pytest.approx(losses(tmp_path / "ddp"), abs=1e-4)
    same(tmp_path / "fsdp", tmp_path / "ddp", 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["skip", "stop"])
def test_a_picture_that_breaks_is_met_by_all(tmp_path: Path, data: Path, missing: str) -> None:
    """One process finds the damage; all skip the row, or all stop."""
    corpus = shutil.copytree(data, tmp_path / "corpus")
    damage(sorted(corpus.glob("images/demo_train/*"))[0])
    table = recipe(steps=3) | {"missing": missing}
    if missing == "stop":
        done = launched(corpus, tmp_path / "two", "ddp", table)
        assert done.returncode != 0
        assert ": step 1: demo, row " in done.stderr
        return
    for how in ("one", "ddp"):
        go(corpus, tmp_path / how, how, table)
    assert losses(tmp_path / "ddp") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)
    one, two = (json.loads((tmp_path / how / "step-000003" / "state.json").read_text()) for how in ("one", "ddp"))
    assert one["skipped"]["demo"]
    assert sorted(one["skipped"]["demo"]) == sorted(two["skipped"]["demo"])
    assert one["mixer"] == two["mixer"]


@pytest.mark.slow
def test_shares_may_differ_in_size(tmp_path: Path, data: Path) -> None:
    """Three processes divide few weights evenly."""
    table = recipe(steps=3)
    go(data, tmp_path / "one", "one", table)
    done = launched(data, tmp_path / "three", "fsdp", table, processes=3)
    assert done.returncode == 0, done.stderr
    assert losses(tmp_path / "three") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)
    same(tmp_path / "three", tmp_path / "one", 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "interrupted", "message"),
    [
        (1e30, False, "step 2: the loss is nan, in the batch of 7"),
        (1e-4, True, "stopped after step 1 of 20 by a signal"),
    ],
)
def test_both_stop(tmp_path: Path, data: Path, rate: float, interrupted: bool, message: str) -> None:
    """What one sees or is asked, all do; the launcher may end the second before it says so."""
    done = launched(data, tmp_path / "run", "fsdp", recipe(rate=rate), interrupted=interrupted)
    assert done.returncode != 0
    assert message in done.stderr
    assert len(losses(tmp_path / "run")) == 1
    assert (tmp_path / "run" / "last").exists() == interrupted
