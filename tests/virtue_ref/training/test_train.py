"""The loop: exact resume, what learns, and what stops it."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import virtue_ref
from scar.errors import CheckpointError, TrainError
from tests.virtue_ref.training.runs import RECIPE, losses
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model
from virtue_ref.checkpoints.run_folder import find_named
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.training import lora
from virtue_ref.training.pairs import PairSource, open_source
from virtue_ref.training.recipe import TrainingRecipe, parse_recipe
from virtue_ref.training.setup import prepare_training
from virtue_ref.training.step import run_step
from virtue_ref.training.train import train


def recipe(**optimiser: object) -> TrainingRecipe:
    return parse_recipe({**RECIPE, "optimiser": {**RECIPE["optimiser"], **optimiser}}, "test", "test.toml")


@pytest.fixture(scope="module")
def sources(data: Path) -> list[PairSource]:
    return [open_source("demo", sorted(data.glob("SCaR-train/*.parquet")), data, all_negatives=True)]


def run_it(plan: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource], run: Path, **options: Any) -> Path:
    return train(plan, start, sources, run, trackers=(), cpu=True, **options)


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    whole = run_it(recipe(), start, sources, tmp_path / "whole")
    run_it(recipe(), start, sources, tmp_path / "halves", until=2)
    halves = run_it(recipe(), start, sources, tmp_path / "halves")
    assert halves.name == whole.name == "step-000004"
    for file in ("state.safetensors", "model/model.safetensors"):
        assert (halves / file).read_bytes() == (whole / file).read_bytes()
    assert losses(tmp_path / "halves") == losses(tmp_path / "whole")
    assert json.loads((halves / "state.json").read_text()) == json.loads((whole / "state.json").read_text())


def test_only_connector_and_adapters_learn(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    done = run_it(recipe(), start, sources, tmp_path)
    after, before = (build_model(stored).state_dict() for stored in (resolve.read_checkpoint(done / "model"), start))
    assert after.keys() == before.keys()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    targets = ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj")
    wanted = {
        key
        for key in before
        if key.startswith("connector.")
        or ("language_model.layers." in key and key.endswith(tuple(f"{t}.weight" for t in targets)))
    }
    assert changed == wanted


def test_merged_weights_do_what_weights_and_adapters_do(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource]
) -> None:
    plan = parse_recipe({**RECIPE, "adapter": {"rank": 2, "alpha": 16}}, "test", "test.toml")
    done = run_it(plan, start, sources, tmp_path)
    beside = build_model(start)
    lora.add_adapters(beside, plan.adapter, checkpointing=False)
    for name, weight in lora.get_trained_weights(beside).items():
        weight.data.copy_(load_file(done / "state.safetensors")[f"weight.{name}"])
    before = {name: value.clone() for name, value in beside.state_dict().items()}
    questions = [sources[0].read_pair(number).query for number in range(3)]
    adapted = VirtueEmbedder(beside, read_tokenizer(start.files, "tiny"), "adapted").embed(questions)
    merged = virtue_ref.load(done / "model").embed(questions)
    assert np.abs(merged - virtue_ref.load("tiny").embed(questions)).max() > 0.01
    np.testing.assert_allclose(merged, adapted, atol=1e-5)
    dict(lora.iter_merged_weights(beside))
    assert all(torch.equal(value, before[name]) for name, value in beside.state_dict().items())


def test_a_checkpoint_is_a_model_and_tells_its_origin(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource], data: Path
) -> None:
    done = run_it(recipe(steps=2), start, sources, tmp_path, evaluate=lambda _: 0.5)
    facts = json.loads((done / "state.json").read_text())["facts"]
    assert facts["recipe"]["optimiser"]["batch"] == 6
    assert facts["data"]["demo"]["rows"] == len(sources[0])
    assert facts["model"]["revision"] == "seed0"
    assert find_named(tmp_path, "best") == find_named(tmp_path, "last") == done
    embedder = virtue_ref.load(done / "model")
    assert embedder.embed([sources[0].read_pair(0).query]).shape == (1, 64)


def test_best_and_last_are_kept_and_no_other(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    scores = iter([0.1, 0.9, 0.3])
    plan = parse_recipe({**RECIPE, "watch": {"log": 1, "save": 1, "evaluate": 1}}, "test", "test.toml")
    run_it(plan.with_options(steps=3), start, sources, tmp_path, evaluate=lambda _: next(scores))
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-000002", "step-000003"]
    assert (tmp_path / "best").read_text() == "step-000002"


def test_one_pass_ends_with_a_smaller_batch(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    done = run_it(recipe(steps=0, batch=8, part=16), start, sources, tmp_path)
    state = json.loads((done / "state.json").read_text())
    assert len(sources[0]) % 8 != 0
    assert state["mixer"]["used"] == [len(sources[0])]
    assert state["step"] == -(-len(sources[0]) // 8)


def test_dora_learns_too(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    plan = parse_recipe({**RECIPE, "adapter": {"rank": 2, "alpha": 4, "dora": True}}, "test", "test.toml")
    done = run_it(plan.with_options(steps=1), start, sources, tmp_path)
    after, before = (build_model(stored).state_dict() for stored in (resolve.read_checkpoint(done / "model"), start))
    assert after.keys() == before.keys()
    assert not torch.equal(
        after["backbone.language_model.layers.0.self_attn.q_proj.weight"],
        before["backbone.language_model.layers.0.self_attn.q_proj.weight"],
    )


@pytest.mark.slow
def test_half_precision_learns_alike(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    plain = RECIPE | {"adapter": {"rank": 2, "alpha": 4}}
    found = {}
    for dtype in ("float32", "bfloat16"):
        changed = {"steps": 6, "dtype": dtype, "rate": 5e-4, "checkpointing": True}  # rounding grows with it
        plan = parse_recipe({**plain, "optimiser": {**RECIPE["optimiser"], **changed}}, "test", "test.toml")
        done = run_it(plan, start, sources, tmp_path / dtype)
        found[dtype] = losses(tmp_path / dtype)
    assert found["bfloat16"] != found["float32"]
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=0.1)
    kept = load_file(done / "state.safetensors")
    assert {value.dtype for name, value in kept.items() if name.startswith("weight.")} == {torch.float32}
    assert np.isfinite(virtue_ref.load(done / "model", dtype="bfloat16").embed([sources[0].read_pair(0).query])).all()


def test_memory_saving_changes_no_gradient(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    plain = RECIPE | {"adapter": {"rank": 2, "alpha": 4}}
    found = []
    changes: tuple[dict[str, object], ...] = ({"part": 64}, {"part": 3}, {"checkpointing": True}, {"cached": False})
    for number, changed in enumerate(changes):
        plan = parse_recipe({**plain, "optimiser": {**RECIPE["optimiser"], **changed}}, "test", "test.toml")
        run_it(plan, start, sources, tmp_path / str(number))
        found.append(losses(tmp_path / str(number)))
    assert found[1] == pytest.approx(found[0], abs=1e-4)
    assert found[2] == pytest.approx(found[0], abs=1e-4)
    assert found[3] == pytest.approx(found[0], abs=1e-4)


@pytest.mark.slow
def test_parts_in_half_precision_give_the_gradient_of_the_whole(start: Checkpoint, sources: list[PairSource]) -> None:
    """Gradients of parts are added in float32: they are as near to the whole's as rounding of vectors allows."""
    plain = RECIPE | {"adapter": {"rank": 2, "alpha": 4}}
    found: list[dict[str, torch.Tensor]] = []
    for changed in ({"part": 64, "cached": False}, {"part": 64}, {"part": 3}, {"part": 3, "checkpointing": True}):
        table = {**plain, "optimiser": {**RECIPE["optimiser"], "dtype": "bfloat16", **changed}}
        plan = parse_recipe(table, "test", "test.toml")
        ready = prepare_training(plan, start, cpu=True)
        gradients: dict[str, torch.Tensor] = {}

        def note_gradients(ready: Any = ready, gradients: dict[str, torch.Tensor] = gradients) -> None:
            for name, weight in ready.trained.items():
                assert weight.grad.dtype == torch.float32
                gradients[name] = weight.grad.clone()

        ready.optimiser.step = note_gradients
        pairs = [sources[0].read_pair(number) for number in range(6)]
        run_step(ready, pairs, plan.optimiser, 0)
        found.append(gradients)
    whole = torch.cat([gradient.flatten() for gradient in found[0].values()])
    assert whole.norm() > 0
    for gradients in found[1:]:
        parts = torch.cat([gradients[name].flatten() for name in found[0]])
        assert float((parts - whole).norm() / whole.norm()) < 0.02


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_or_gradient_that_is_not_finite_is_one_line_with_step_and_batch(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource], monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    for number, loss in enumerate(
        (
            lambda queries, targets, *_: (queries.sum() + targets.sum()) * factor,
            lambda queries, targets, *_: ((queries.sum() + targets.sum()) * 0).abs().sqrt(),  # its slope is infinite
        )
    ):
        monkeypatch.setattr("virtue_ref.training.step.info_nce", loss)
        with pytest.raises(TrainError, match=r"^step 1: the (loss|gradient's norm) is .*demo, row \d+") as stopped:
            run_it(recipe(), start, sources, tmp_path / str(number))
        assert "\n" not in str(stopped.value)
        assert not (tmp_path / str(number) / "last").exists()


def test_no_number_stops_and_keeps_the_last_checkpoint(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_it(recipe(), start, sources, tmp_path, until=2)
    before = (done / "state.safetensors").read_bytes()
    monkeypatch.setattr("virtue_ref.training.step.info_nce", lambda queries, *_: queries.sum() * torch.nan)
    with pytest.raises(TrainError, match=r"step 3: the loss is nan, in the batch of 6 that begins with demo, row \d+"):
        run_it(recipe(), start, sources, tmp_path)
    assert (done / "state.safetensors").read_bytes() == before


@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
def test_the_files_of_a_run_get_the_rights_that_the_umask_asks_for(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource], umask: int
) -> None:
    before = os.umask(umask)
    try:
        train(recipe(steps=1), start, sources, tmp_path / "run", cpu=True, evaluate=lambda _: 0.5)
    finally:
        os.umask(before)
    paths = [tmp_path / "run", *(tmp_path / "run").rglob("*")]
    assert {"model.safetensors", "state.safetensors", "state.json", "log.jsonl", ".lock"} <= {p.name for p in paths}
    for path in paths:
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_a_checkpoint_of_another_recipe_is_refused(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource]
) -> None:
    run_it(recipe(), start, sources, tmp_path, until=1)
    with pytest.raises(CheckpointError, match=r"recipe\.optimiser\.rate was 0\.01 and is 0\.02; name a new folder"):
        run_it(recipe(rate=2e-2), start, sources, tmp_path)


@pytest.mark.parametrize("largest", [100_000, 1_000_000])
def test_a_file_that_cannot_be_written_leaves_the_old_checkpoint(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource], largest: int
) -> None:
    """The kernel refuses to write more into a file, the model's or the optimiser's, as it does on a full disk."""
    done = run_it(recipe(), start, sources, tmp_path, until=2)
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(step: int, _: int, line: str) -> None:
        if step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))

    try:
        with pytest.raises(
            TrainError, match=r"step-000004 cannot be written: .*too large.*; the checkpoints before it"
        ):
            run_it(recipe(), start, sources, tmp_path, report=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path: path.read_bytes() for path in tmp_path.glob("*step*/**/*") if path.is_file()} == before
    assert run_it(recipe(), start, sources, tmp_path).name == "step-000004"


def test_an_interrupt_saves_and_goes_on_later(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    def interrupt(step: int, _: int, line: str) -> None:
        if step == 1 and line:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainError, match="stopped after step 1 of 4 by a signal; the same command"):
        run_it(recipe(), start, sources, tmp_path, report=interrupt)
    assert (tmp_path / "last").read_text() == "step-000001"
    assert run_it(recipe(), start, sources, tmp_path).name == "step-000004"
    assert len(losses(tmp_path)) == 4


def test_less_data_than_a_batch_is_refused(tmp_path: Path, start: Checkpoint, sources: list[PairSource]) -> None:
    with pytest.raises(TrainError, match=r"demo: \d+ usable rows are fewer than the 900 of a sub-batch"):
        run_it(recipe(batch=900), start, sources, tmp_path)


def test_one_process_has_nothing_to_spread(
    tmp_path: Path, start: Checkpoint, sources: list[PairSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_it(recipe(), start, sources, tmp_path / "plain", until=1)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    again = run_it(recipe(), start, sources, tmp_path / "asked", until=1)
    assert (again / "state.safetensors").read_bytes() == (done / "state.safetensors").read_bytes()
