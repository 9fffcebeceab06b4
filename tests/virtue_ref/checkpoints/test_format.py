"""Our own layout: tensors keep their bits, and a folder is written whole or not at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from mmeb_eval.item import Item
from scar.errors import CheckpointError
from tests.virtue_ref.checkpoints.layouts import rewrite, same_checkpoints
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.official import write_official
from virtue_ref.embedder import load


def test_official_to_ours_and_back_keeps_every_bit(official: Path, items: list[Item], tmp_path: Path) -> None:
    first = resolve.read_checkpoint(official)
    write_checkpoint(first, tmp_path / "ours")
    second = resolve.read_checkpoint(tmp_path / "ours")
    write_official(second, tmp_path / "back")
    same_checkpoints(first, dataclasses.replace(second, files=first.files))
    same_checkpoints(first, resolve.read_checkpoint(tmp_path / "back"))
    assert (tmp_path / "back" / "model.safetensors").read_bytes() == (official / "model.safetensors").read_bytes()
    assert (tmp_path / "back" / "config.json").read_bytes() == (official / "config.json").read_bytes()
    np.testing.assert_array_equal(load(tmp_path / "ours").embed(items), load(official).embed(items))


def test_the_reference_checkpoint_survives_the_way(reference: Path, tmp_path: Path) -> None:
    first = resolve.read_checkpoint(reference / "virtue-tiny")
    write_checkpoint(first, tmp_path / "ours")
    write_official(resolve.read_checkpoint(tmp_path / "ours"), tmp_path / "back")
    same_checkpoints(first, resolve.read_checkpoint(tmp_path / "back"))
    for file in sorted((reference / "virtue-tiny").glob("*.json")):
        assert (tmp_path / "back" / file.name).read_bytes() == file.read_bytes()
    for name in ("model.safetensors", "tiny_sam2.yaml"):
        assert (tmp_path / "back" / name).read_bytes() == (reference / "virtue-tiny" / name).read_bytes()


def test_types_are_kept_as_stored(stored: Checkpoint, tmp_path: Path) -> None:
    half = {key: value.bfloat16() for key, value in stored.backbone.items()}
    write_checkpoint(dataclasses.replace(stored, backbone=half), tmp_path / "ours")
    same_checkpoints(resolve.read_checkpoint(tmp_path / "ours"), dataclasses.replace(stored, backbone=half))
    assert load(tmp_path / "ours", dtype="float32").model.dtype == torch.float32


def test_a_saved_random_model_is_the_model(stored: Checkpoint, items: list[Item], tmp_path: Path) -> None:
    write_checkpoint(stored, tmp_path / "ours")
    np.testing.assert_array_equal(load(tmp_path / "ours").embed(items), load("tiny", seed=1).embed(items))
    assert load(tmp_path / "ours").model.config.profile.name == "clean"


def test_our_layout_checks_its_settings(stored: Checkpoint, tmp_path: Path) -> None:
    write_checkpoint(stored, tmp_path / "ours")
    rewrite("virtue.json", lambda settings: settings.pop("image"))(tmp_path / "ours")
    with pytest.raises(CheckpointError, match=r"virtue\.json: not our settings \('image'\)"):
        load(tmp_path / "ours")
    rewrite("virtue.json", lambda settings: settings.update(format=9))(tmp_path / "ours")
    with pytest.raises(CheckpointError, match="format 9; this version reads 1"):
        load(tmp_path / "ours")


def test_nothing_is_overwritten_and_nothing_half_written(stored: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for save in (write_checkpoint, write_official):
        with pytest.raises(CheckpointError, match="taken exists; name a new folder"):
            save(stored, tmp_path / "taken")
    broken = dataclasses.replace(stored, connector={"reducer.weight": None})  # type: ignore[dict-item]
    with pytest.raises(AttributeError, match="NoneType"):
        write_checkpoint(broken, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]
