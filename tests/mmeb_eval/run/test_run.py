"""A whole run in processes of its own: killed, raced, and shared by several workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.embedder import load_embedder
from mmeb_eval.run.run import run_evaluations
from scar.errors import EvalError

EMBEDDER = """
import time
from pathlib import Path
import numpy as np

class Slow:
    name = "slow@1"
    prompts = ("box",)

    def embed(self, items):
        if not Path("no-log.txt").exists():
            with Path("asked.txt").open("a") as log:
                log.writelines(f"{item.text!r} {item.image and item.image.name} {item.prompt}\\n" for item in items)
        time.sleep(Path("pause.txt").exists() * 0.02)
        seeds = [[len(items), *f"{item.text}{item.prompt}".encode()] for item in items]
        rows = np.stack([np.random.default_rng(seed).standard_normal(8) for seed in seeds])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

def load():
    return Slow()
"""

CHECKED = 4 * (2 + 2 * 8)
"""Most items that a run embeds again: four texts, four images with a box, and their batches of 8."""


@pytest.fixture
def alone(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The result file of an undisturbed run of the slow embedder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "slow_embedder", raising=False)
    (tmp_path / "slow_embedder.py").write_text(EMBEDDER)
    said: list[str] = []
    for made in (440, 0):
        run_evaluations(
            [load_embedder("slow_embedder:load")],
            find_scar_tasks(corpus),
            tmp_path / "alone",
            batch_size=8,
            say=said.append,
        )
        assert said.pop().endswith(f"are 440 different items (100%); {made} were embedded now.")
    asked = (tmp_path / "asked.txt").read_text().splitlines()
    assert len(set(asked)) == 440
    assert len(asked) <= 440 + CHECKED
    (tmp_path / "asked.txt").unlink()
    return (tmp_path / "alone/slow@1/Toy.json").read_bytes()


@pytest.fixture
def started(corpus: Path, tmp_path: Path) -> Any:
    """Starts the command line on the toy corpus in the folder that holds the slow embedder."""

    def start(output: str, *options: str, largest: int | None = None, **environment: str) -> subprocess.Popen[str]:
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest})); " * bool(largest)
        command = [
            "--model",
            "slow_embedder:load",
            "--tasks",
            str(corpus),
            "--output",
            output,
            "--batch-size",
            "8",
            *options,
        ]
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", f"{limit}from mmeb_eval.cli import app; app()", *command],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out + err


def test_a_killed_run_goes_on_and_writes_the_same_bytes(alone: bytes, started: Any, tmp_path: Path) -> None:
    (tmp_path / "pause.txt").touch()
    for kills, batches in enumerate((5, 30)):
        process = started("killed")
        while len(list((tmp_path / "killed/.vectors").rglob("*.safetensors"))) < batches:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        made = (tmp_path / "asked.txt").read_text().splitlines()
        assert len(made) - len(set(made)) <= (8 + CHECKED) * kills
    assert not (tmp_path / "killed/slow@1").exists()
    (tmp_path / "pause.txt").unlink()
    _finish(started("killed"))
    assert (tmp_path / "killed/slow@1/Toy.json").read_bytes() == alone
    made = (tmp_path / "asked.txt").read_text().splitlines()
    assert len(set(made)) == 440
    assert len(made) <= 440 + (8 + CHECKED) * 2


@pytest.mark.parametrize("size", [1, 2, 3])
def test_several_workers_write_the_same_bytes(alone: bytes, started: Any, tmp_path: Path, size: int) -> None:
    workers = [started("shared", RANK=str(rank), WORLD_SIZE=str(size)) for rank in range(size)]
    said = [_finish(worker) for worker in workers]
    assert (tmp_path / "shared/slow@1/Toy.json").read_bytes() == alone
    asked = (tmp_path / "asked.txt").read_text().splitlines()
    assert len(set(asked)) == 440
    assert len(asked) <= 440 + CHECKED * (size - 1)
    assert said[1:] == [""] * (size - 1)


@pytest.mark.slow
def test_workers_that_load_different_models_stop_and_say_what_differs(
    alone: bytes, started: Any, tmp_path: Path
) -> None:
    code = EMBEDDER.replace("class Slow:", "class Slow:\n    def __init__(self): self.w = np.random.random(3)\n")
    (tmp_path / "slow_embedder.py").write_text(code)
    workers = [started("shared", RANK=str(rank), WORLD_SIZE="2") for rank in range(2)]
    told = [worker.communicate(timeout=300)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [2, 2]
    assert any(
        "have loaded different models, which differ in: Slow.w; give random weights a seed" in err for err in told
    )


@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)])
def test_workers_that_torchrun_starts_write_the_same_bytes(
    alone: bytes, corpus: Path, tmp_path: Path, size: int
) -> None:
    pytest.importorskip("torch", reason="torchrun comes with torch")
    (tmp_path / "start.py").write_text("from mmeb_eval.cli import app\napp()\n")
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}", "start.py"]
    command = ["--model", "slow_embedder:load", "--tasks", str(corpus), "--output", "launched", "--batch-size", "8"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    made = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *launcher, *command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "launched/slow@1/Toy.json").read_bytes() == alone
    asked = (tmp_path / "asked.txt").read_text().splitlines()
    assert len(set(asked)) == 440
    assert len(asked) <= 440 + CHECKED * (size - 1)


@pytest.mark.parametrize(("largest", "file"), [(550, r"0-0000000\.parquet"), (3000, r"slow@1/Toy\.json")])
def test_a_run_that_cannot_write_says_where_and_goes_on_later(
    alone: bytes, started: Any, tmp_path: Path, largest: int, file: str
) -> None:
    (tmp_path / "no-log.txt").touch()
    process = started("full", largest=largest)
    _, err = process.communicate(timeout=60)
    (line,) = [line for line in err.splitlines() if line.startswith("mmeb-eval: ")]
    assert process.returncode == 2
    assert re.search(rf"{file}: cannot be written: File too large; what was stored before is kept, make room", line)
    assert list((tmp_path / "full").rglob("*.tmp")) == []
    _finish(started("full"))
    assert (tmp_path / "full/slow@1/Toy.json").read_bytes() == alone


def test_vectors_of_another_version_stop_a_run_until_they_are_to_be_thrown_away(
    alone: bytes, started: Any, tmp_path: Path
) -> None:
    (about,) = (tmp_path / "alone/.vectors").glob("*/about.json")
    about.write_text(about.read_text().replace('"format": 1', '"format": 0'))
    process = started("alone")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "about.json: vectors of another version than 1; rerun with --refresh to make new ones." in err
    assert "440 were embedded now" in _finish(started("alone", "--refresh"))
    assert (tmp_path / "alone/slow@1/Toy.json").read_bytes() == alone


def test_refresh_is_for_one_process(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(EvalError, match=r"--refresh with 2 processes: .*use one"):
        run_evaluations([], find_scar_tasks(corpus), tmp_path / "out", refresh=True)


def test_an_output_folder_that_cannot_be_made_is_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EvalError, match=r"file: cannot be written: \S.*; choose another --output"):
        run_evaluations([], find_scar_tasks(corpus), tmp_path / "file")


FAILING = """
import os
import numpy as np
from slow_embedder import Slow

class Failing(Slow):
    name = "failing"
    prompts = ("box",)

    def embed(self, items):
        if os.environ["RANK"] == os.environ["FAILS"] and any("thing" in item.text for item in items):
            raise RuntimeError("no buses")
        return super().embed(items)

def load():
    return Failing()
"""


@pytest.mark.parametrize("fails", ["0", "1"])
def test_a_task_that_fails_in_one_worker_is_listed_and_the_others_are_scored(
    fails: str, alone: bytes, corpus: Path, started: Any, tmp_path: Path, make_row: Any, write_corpus: Any
) -> None:
    rows = [make_row(number, [f"other {number} {place}" for place in range(10)]) for number in range(40)]
    write_corpus(corpus / "SCaR-eval" / "SCaR_eval_Zoo.parquet", rows)
    (corpus / "images" / "Zoo_val").symlink_to(corpus / "images" / "Toy_val")
    (tmp_path / "failing_embedder.py").write_text(FAILING)
    options = ["--model", "failing_embedder:load", "--keep-going"]
    workers = [started("shared", *options, RANK=str(rank), WORLD_SIZE="2", FAILS=fails) for rank in range(2)]
    told = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [2, 0], told
    (line,) = [line for line in told[0].splitlines() if line.startswith("failed: ")]
    assert ("worker 1: " in line) == (fails == "1")
    assert "SCaR_eval_Toy.parquet, row " in line
    assert "failing: embed raised RuntimeError: no buses" in line
    assert told[0].splitlines()[-1] == "mmeb-eval: 1 of 4 evaluations failed; see above."
    found = {str(path.relative_to(tmp_path / "shared")) for path in (tmp_path / "shared").glob("*/*.json")}
    assert found == {"failing/Zoo.json", "slow@1/Toy.json", "slow@1/Zoo.json"}
    assert (tmp_path / "shared/slow@1/Toy.json").read_bytes() == alone
    assert not list((tmp_path / "shared/.vectors").glob(".worker-*"))
