"""What `virtue train` does: plan, train, evaluate, track."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scar.demo.corpus import build_demo
from virtue_ref.cli import app


def written(folder: Path, corpus: str = "") -> Path:
    path = folder / "mine.toml"
    path.write_text(
        f'about = "a test"\nmodel = "tiny"\n[optimiser]\nsteps = 2\nbatch = 4\nwarm_up = 1\ndtype = "float32"\n'
        f'checkpointing = false\n[watch]\ncorpus = "{corpus}"\n'
        '[[sources]]\nname = "demo"\nfiles = "SCaR-train/*.parquet"\n'
    )
    return path


def test_a_dry_run_needs_neither_weights_nor_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("virtue_ref.training.inputs.find_checkpoint_folder", lambda _: tmp_path)  # no network
    done = CliRunner().invoke(app, ["train", "virtue-2b", "--dry-run", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2,000 of 1,024 pairs" in done.output
    lines = [line for line in done.output.splitlines() if line.startswith("not here")]
    assert len(lines) == 2, "the backbone, and 20 sets in one line"
    assert "20 of 20 sources (ImageNet_1K, N24News, HatefulMemes, ...): no parquet files" in lines[1]
    assert "not measured" in done.output


def test_the_command_trains_measures_and_evaluates(tmp_path: Path) -> None:
    build_demo(tmp_path, images=3, seed=0)
    words = ["train", str(written(tmp_path, ".")), "--data", str(tmp_path), "--cpu"]
    done = CliRunner().invoke(app, [*words, "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "s measured on 2" in done.output
    assert not (tmp_path / "run").exists()
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "best").read_text() == "step-000002"
    assert list((tmp_path / "run").glob("training/events*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "share"),
    [
        (["torch.distributed.run", "--standalone", "--nproc-per-node=2"], "a whole model"),
        (
            [
                *["accelerate.commands.launch", "--num_processes=2", "--num_machines=1", "--main_process_port=29519"],
                *["--mixed_precision=no", "--dynamo_backend=no", "--use_fsdp", "--fsdp_version=2"],
            ],
            "a share of the language model's blocks",
        ),
    ],
    ids=["ddp", "fsdp"],
)
def test_the_command_runs_in_several_processes(tmp_path: Path, launcher: list[str], share: str) -> None:
    build_demo(tmp_path, images=3, seed=0)
    program = tmp_path / "virtue.py"
    program.write_text("from virtue_ref.cli import app; app()")
    launch = [sys.executable, "-m", *launcher, program]
    words = ["train", written(tmp_path, "."), "--data", tmp_path, "--out", tmp_path / "run", "--cpu"]
    done = subprocess.run(  # noqa: S603
        [str(word) for word in [*launch, *words]],
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("s measured on 2") == 1
    assert f"2, each with {share}" in done.stdout
    assert (tmp_path / "run" / "best").read_text() == "step-000002"


def test_the_command_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(app, ["train", str(written(tmp_path)), "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "demo: no parquet files" in done.output
    done = CliRunner().invoke(app, ["train", str(written(tmp_path)), "--track", "carbon"])
    assert done.exit_code == 2
    assert "--track carbon: it is one of trackio, wandb" in done.output
    monkeypatch.setattr("virtue_ref.training.run_recipe.find_spec", lambda _: None)
    done = CliRunner().invoke(app, ["train", str(written(tmp_path)), "--track", "wandb"])
    assert done.exit_code == 2
    assert "--track wandb: not installed; `pip install wandb`" in done.output


STAND_IN = """
import json
class Config(dict):
    def update(self, *values, allow_val_change=False): super().update(*values)
config = Config()
class Run:
    def log(self, values, step=None):
        with open({file!r}, "a") as file:
            file.write(json.dumps(dict(values, step=step)) + chr(10))
    def finish(self): pass
def init(**settings): return Run()
"""
"""What accelerate calls of trackio and of wandb."""


def test_trackers_get_the_numbers_of_the_log(tmp_path: Path) -> None:
    build_demo(tmp_path, images=3, seed=0)
    for name in ("trackio", "wandb"):
        (tmp_path / "modules" / f"{name}-1.0.dist-info").mkdir(parents=True)
        (tmp_path / "modules" / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
        (tmp_path / "modules" / f"{name}.py").write_text(STAND_IN.format(file=str(tmp_path / f"{name}.jsonl")))
    recipe = written(tmp_path)
    recipe.write_text(recipe.read_text().replace("[watch]", "[watch]\nlog = 1"))
    words = ["train", recipe, "--data", tmp_path, "--out", tmp_path / "run", "--cpu"]
    words += ["--track", "trackio", "--track", "wandb"]
    root = Path(__file__).parents[3]
    done = subprocess.run(  # noqa: S603 - accelerate looks for trackers when it is imported
        [sys.executable, "-c", "from virtue_ref.cli import app; app()", *map(str, words)],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'modules'}{os.pathsep}{root}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2]
    for name in ("trackio", "wandb"):
        assert [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()] == log
