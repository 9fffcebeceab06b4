"""What `virtue train` does: plan, train, evaluate, track."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from scar.demo.corpus import build_demo
from tests.virtue_ref.training.test_run_lock import held_elsewhere
from virtue_ref.cli import app
from virtue_ref.training.inputs import open_sources, read_start
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.run_recipe import make_scorer
from virtue_ref.training.train import train


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


def test_a_plan_of_parts_whose_package_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("virtue_ref.training.inputs.find_checkpoint_folder", lambda _: tmp_path)  # no network
    done = CliRunner().invoke(app, ["train", "virtue-qwen3-2b", "--dry-run", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2,000 of 1,024 pairs" in done.output
    (weights,) = [line for line in done.output.splitlines() if line.startswith("weights")]
    assert (
        "of which" in weights
        if find_spec("timm")
        else "not counted: the segmenter's config needs a package, pip install timm" in weights
    )


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


def in_default_dtype(folder: Path, *, cached: bool, checkpointing: bool, dora: bool) -> Path:
    """The recipe without a number format, scored and saved after each step."""
    path = written(folder, ".")
    text = path.read_text().replace('dtype = "float32"\n', f"cached = {str(cached).lower()}\n")
    text = text.replace("batch = 4", "batch = 2")
    text = text.replace("checkpointing = false", f"checkpointing = {str(checkpointing).lower()}")
    text = text.replace("[watch]\n", f"[adapter]\ndora = {str(dora).lower()}\n[watch]\nsave = 1\nlog = 1\n")
    path.write_text(text)
    assert TrainingRecipe.read(path).optimiser.dtype == "bfloat16"
    return path


@pytest.mark.parametrize(
    ("cached", "checkpointing", "dora"),
    [(True, True, True), pytest.param(False, False, False, marks=pytest.mark.slow)],
    ids=["saving", "plain"],
)
def test_the_command_trains_in_the_default_dtype_and_resumes(
    tmp_path: Path, *, cached: bool, checkpointing: bool, dora: bool
) -> None:
    build_demo(tmp_path, images=2, seed=0)
    recipe = in_default_dtype(tmp_path, cached=cached, checkpointing=checkpointing, dora=dora)
    words = ["train", str(recipe), "--data", str(tmp_path), "--cpu", "--out"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "whole"), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "s measured on 2" in done.output
    assert not (tmp_path / "whole").exists()
    done = CliRunner().invoke(app, [*words, str(tmp_path / "whole")])
    assert done.exit_code == 0, done.output

    read = TrainingRecipe.read(recipe)
    start = read_start(read)
    scorer = make_scorer(read, start, tmp_path)
    sources = open_sources(read, tmp_path)
    train(read, start, sources, tmp_path / "halves", evaluate=scorer, until=1, trackers=(), cpu=True)
    done = CliRunner().invoke(app, [*words, str(tmp_path / "halves")])
    assert done.exit_code == 0, done.output
    assert "halves, continued after step 1" in done.output
    whole, halves = (tmp_path / name / "step-000002" / "state.safetensors" for name in ("whole", "halves"))
    assert whole.read_bytes() == halves.read_bytes()
    state = load_file(whole)
    kinds = {key: value.dtype for key, value in state.items() if key.startswith(("weight.", "optimiser.exp"))}
    assert set(kinds.values()) == {torch.float32}, "trained weights and moments are not rounded"
    assert all(value.isfinite().all() for value in state.values())


def test_a_run_elsewhere_and_a_second_process_are_refused_before_a_step(tmp_path: Path) -> None:
    build_demo(tmp_path, images=3, seed=0)
    words = ["train", str(written(tmp_path)), "--data", str(tmp_path), "--cpu", "--out", str(tmp_path / "run")]
    with held_elsewhere(tmp_path / "run"):
        done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "another process trains here" in done.stderr
    read = TrainingRecipe.read(tmp_path / "mine.toml")
    train(read, read_start(read), open_sources(read, tmp_path), tmp_path / "run", until=1, trackers=(), cpu=True)
    for more in ([], ["--dry-run"]):
        done = CliRunner().invoke(app, [*words, "--batch", "5", *more])
        assert (done.exit_code, done.stdout) == (2, "")
        assert "recipe.optimiser.batch was 4 and is 5" in done.stderr


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
    for more in ([], ["--dry-run"]):
        done = CliRunner().invoke(app, ["train", str(written(tmp_path, "nowhere")), "--data", str(tmp_path), *more])
        assert f"watch.corpus: {tmp_path / 'nowhere'}: no such folder" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["nope"],
            "no recipe 'nope': built in are demo, virtue-2b, virtue-2b-scar, virtue-7b, virtue-7b-scar, "
            "virtue-qwen3-2b; else",
        ),
        (
            ["virtue-3b-scar"],
            "no recipe 'virtue-3b-scar': built in are demo, virtue-2b, virtue-2b-scar, virtue-7b, virtue-7b-scar, "
            "virtue-qwen3-2b; did",
        ),
        (["demo", "--steps", "0"], "--steps: the demo model takes --out, --seed and --dry-run alone."),
        (["demo", "--data", "x"], "--data: the demo model takes"),
        (["demo", "--batch", "4"], "--batch: the demo model takes"),
        (["demo", "--part", "4"], "--part: the demo model takes"),
        (["demo", "--model", "tiny"], "--model: the demo model takes"),
        (["demo", "--missing", "skip"], "--missing: the demo model takes"),
        (["demo", "--track", "wandb"], "--track: the demo model takes"),
        (["demo", "--seed", "-1", "--dry-run"], "demo: seed = -1; it must be at least 0."),
        (["--steps", "0"], "--steps: no recipe is named; --list shows them."),
        (["--dry-run"], "--dry-run: no recipe is named"),
        (["--list", "--seed", "0"], "--seed: --list takes nothing else."),
        (["virtue-2b", "--list"], "virtue-2b: --list takes nothing else."),
        (["virtue-2b", "--missing", ""], "virtue-2b: missing = ''; it must be stop or skip."),
        (["virtue-2b", "--model", ""], "virtue-2b: model = ''; it must be the name of a config or checkpoint."),
        (["virtue-2b", "--seed", "-3"], "virtue-2b: optimiser.seed = -3; it must be at least 0."),
    ],
)
def test_an_option_that_is_not_taken_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["train", *words])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"virtue: {message}")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_the_demo_model_does_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", "demo", "--dry-run", "--out", str(tmp_path / "demo")])
    assert done.exit_code == 0
    assert "4,000 drawn pictures" in done.stdout
    assert list(tmp_path.iterdir()) == []


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
