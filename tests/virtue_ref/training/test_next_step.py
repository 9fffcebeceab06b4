"""Damage that shows only when a picture is decoded stops the run, or the row is skipped and the batch stays full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import load_file, save

from scar.common.pixels import probe_image
from scar.errors import TrainError
from tests.virtue_ref.training.runs import RECIPE, losses
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.training.pairs import PairSource, open_source
from virtue_ref.training.recipe import TrainingRecipe, parse_recipe
from virtue_ref.training.setup import make_mixer
from virtue_ref.training.train import train


def recipe(**changes: Any) -> TrainingRecipe:
    return parse_recipe({**RECIPE, **changes}, "test", "test.toml")


def opened(corpus: Path, missing: str) -> list[PairSource]:
    files = sorted(corpus.glob("SCaR-train/*.parquet"))
    return [open_source("demo", files, corpus, missing=missing, all_negatives=True)]


def damage(picture: Path) -> bytes:
    """Damage the middle of a PNG, which is noticed only when it is decoded; return what it was."""
    before = picture.read_bytes()
    Image.open(picture).convert("RGB").save(picture, "PNG")
    whole = picture.read_bytes()
    middle = len(whole) // 2
    picture.write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
    probe_image(picture, "here")
    with pytest.raises((OSError, SyntaxError)):
        Image.open(picture).load()
    return before


def weights(run: Path) -> bytes:
    state = load_file(run / (run / "last").read_text() / "state.safetensors")
    return save({name: value for name, value in state.items() if not name.startswith("rows.")})


def go(plan: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource], run: Path, **options: Any) -> Path:
    return train(plan, start, sources, run, trackers=(), cpu=True, **options)


def first_picture(sources: Sequence[PairSource], plan: TrainingRecipe, step: int) -> Path:
    """The picture of the first row that a step draws."""
    mixer = make_mixer(plan, sources)
    for _ in range(step):
        picks = mixer.next_batch()
    image = sources[0].read_row(picks[0][1]).query.image
    assert isinstance(image, Path)
    return image


def test_skipped_rows_are_as_if_they_had_never_been_usable(corpus: Path, start: Checkpoint, tmp_path: Path) -> None:
    plan = recipe(missing="skip")
    picture = first_picture(opened(corpus, "stop"), plan, 2)
    damage(picture)
    lines: list[str] = []
    sources = opened(corpus, "skip")
    assert not sources[0].rejected, "the damage is not seen yet"
    go(plan, start, sources, tmp_path / "found", report=lambda _step, _steps, line: lines.append(line))
    skipped = json.loads((tmp_path / "found" / "step-000004" / "state.json").read_text())["skipped"]["demo"]
    assert all(sources[0].read_row(row).query.image == picture for row in skipped)
    said = [line for line in lines if line.endswith("; skipped")]
    assert len(said) == len(skipped) > 0
    for row, line in zip(skipped, said, strict=True):
        assert line.startswith(f"demo, row {row}: {picture}: ")
        assert "decoded" in line
    picture.unlink()
    known = opened(corpus, "skip")
    assert known[0].rejected["missing_image"] >= len(skipped)
    go(plan, start, known, tmp_path / "known")
    assert losses(tmp_path / "found") == losses(tmp_path / "known")
    assert weights(tmp_path / "found") == weights(tmp_path / "known")


def test_a_stopped_run_goes_on_once_the_picture_is_mended(corpus: Path, start: Checkpoint, tmp_path: Path) -> None:
    plan = recipe()
    whole = opened(corpus, "stop")
    go(plan, start, whole, tmp_path / "whole")
    picture = first_picture(whole, plan, 4)
    before = damage(picture)
    with pytest.raises(TrainError, match=r"step \d: demo, row \d+: .*decoded.*the same command continues") as stop:
        go(plan, start, whole, tmp_path / "mended")
    assert "\n" not in str(stop.value)
    picture.write_bytes(before)
    go(plan, start, whole, tmp_path / "mended")
    assert weights(tmp_path / "mended") == weights(tmp_path / "whole")
    assert losses(tmp_path / "mended") == losses(tmp_path / "whole")


def test_too_few_rows_left_stop_the_run(corpus: Path, start: Checkpoint, tmp_path: Path) -> None:
    for picture in corpus.glob("images/demo_train/*"):
        damage(picture)
    with pytest.raises(TrainError, match=r"only \d usable rows are left of demo, fewer than the 6 of a sub-batch"):
        go(recipe(missing="skip"), start, opened(corpus, "skip"), tmp_path / "run")
