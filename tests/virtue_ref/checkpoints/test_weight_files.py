"""Weights are read in one way or not at all: whatever is added to a folder or lost from it, nothing is guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import load_file, save_file

from scar.errors import CheckpointError
from virtue_ref.checkpoints.tensors import read_small_files
from virtue_ref.checkpoints.weight_files import read_weights

WEIGHTS = {f"layer.{number}": torch.full((10,), float(number)) for number in range(6)}
SHARDS = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    save_torch_state_dict(WEIGHTS, tmp_path, max_shard_size=80)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == SHARDS
    return tmp_path


def read_index(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "model.safetensors.index.json").read_text()))


def write_index(folder: Path, weight_map: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def point_at(name: object) -> Callable[[Path], None]:
    return lambda folder: write_index(folder, read_index(folder)["weight_map"] | {"layer.0": name})


def add_single_file(folder: Path) -> None:
    save_file(WEIGHTS, folder / "model.safetensors")


def drop_shard(folder: Path) -> None:
    (folder / SHARDS[1]).unlink()


def drop_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").unlink()


def swap_index_for_single_file(folder: Path) -> None:
    drop_index(folder)
    add_single_file(folder)


def add_shard_of_another(folder: Path) -> None:
    save_file(WEIGHTS, folder / "model-00004-of-00004.safetensors")


def repeat_tensor(folder: Path) -> None:
    save_file(load_file(folder / SHARDS[1]) | {"layer.0": torch.zeros(10)}, folder / SHARDS[1])


def forget_key(folder: Path) -> None:
    write_index(folder, {key: name for key, name in read_index(folder)["weight_map"].items() if key != "layer.0"})


def lose_tensor(folder: Path) -> None:
    save_file({"layer.0": torch.zeros(10)}, folder / SHARDS[0])


WRONG = [
    (add_single_file, "has both model.safetensors and model.safetensors.index.json; take out"),
    (swap_index_for_single_file, "has both model.safetensors and model-00001-of-00003.safetensors; take out"),
    (drop_shard, "model-00002-of-00003.safetensors: no such file, though model.safetensors.index.json names it"),
    (drop_index, "model-00001-of-00003.safetensors: is a shard without model.safetensors.index.json"),
    (add_shard_of_another, "model-00004-of-00004.safetensors: model.safetensors.index.json names no such shard"),
    (repeat_tensor, "model-00002-of-00003.safetensors: layer.0 is also in another shard (1 such keys)"),
    (forget_key, "model-00001-of-00003.safetensors: has, against the index, layer.0 (1 such keys)"),
    (lose_tensor, "model-00001-of-00003.safetensors: lacks layer.1 (1 such keys)"),
    (point_at("../model.safetensors"), "shard '../model.safetensors' is not a file beside it"),
    (point_at(".."), "shard '..' is not a file beside it"),
    (point_at("/etc/passwd"), "shard '/etc/passwd' is not a file beside it"),
    (point_at("a\\\\b.safetensors"), "is not a file beside it"),
    (point_at(None), "shard None is not a file beside it"),
    (point_at("sub/model.safetensors"), "is not a file beside it"),
    (lambda folder: write_index(folder, {}), "model.safetensors.index.json: no weight_map in it"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_two_readings_and_missing_parts_are_told(shards: Path, change: Callable[[Path], None], message: str) -> None:
    change(shards)
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        read_weights(shards)
    assert "\n" not in str(caught.value)


def same_weights(folder: Path) -> list[str]:
    weights, files = read_weights(folder)
    assert weights.keys() == WEIGHTS.keys()
    assert all(torch.equal(weights[key], WEIGHTS[key]) for key in WEIGHTS)
    return [file.name for file in files]


def test_shards_are_the_model(shards: Path) -> None:
    assert same_weights(shards) == SHARDS


def test_an_index_of_one_file_is_that_file(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    write_index(tmp_path, dict.fromkeys(WEIGHTS, "model.safetensors"))
    assert same_weights(tmp_path) == ["model.safetensors"]


def test_safetensors_come_before_torch_files_however_these_are_stored(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    other = {key: value + 1 for key, value in WEIGHTS.items()}
    torch.save(other, tmp_path / "pytorch_model-00001-of-00001.bin")
    index = {"weight_map": dict.fromkeys(other, "pytorch_model-00001-of-00001.bin")}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    assert same_weights(tmp_path) == ["model.safetensors"]
    (tmp_path / "model.safetensors").unlink()
    weights, _ = read_weights(tmp_path)
    assert torch.equal(weights["layer.0"], torch.ones(10))


def test_a_snapshot_of_the_hubs_cache_is_read_through_its_links(shards: Path, tmp_path_factory: Any) -> None:
    snapshot = tmp_path_factory.mktemp("cache") / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    for path in shards.iterdir():
        (snapshot / path.name).symlink_to(path)
    assert same_weights(snapshot) == SHARDS
    (shards / SHARDS[0]).unlink()
    with pytest.raises(CheckpointError, match="no such file, though"):
        read_weights(snapshot)
    single = snapshot.parent / "4567"
    single.mkdir()
    (single / "model.safetensors").symlink_to(shards / "nowhere")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is a link to nothing; download"):
        read_weights(single)


def test_hidden_files_are_no_files_of_the_model(tmp_path: Path) -> None:
    for name in ("config.json", "._config.json", ".pushed.json", "model.safetensors.index.json"):
        (tmp_path / name).write_text("{}")
    assert read_small_files(tmp_path).keys() == {"config.json"}
