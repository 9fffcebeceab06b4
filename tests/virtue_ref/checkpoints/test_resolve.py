"""From a name to a checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from scar.errors import CheckpointError
from tests.virtue_ref.checkpoints.layouts import put
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.info import describe_model
from virtue_ref.embedder import load


def test_a_hub_repository_is_a_folder_once_fetched(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = official.parent / "models--Sony--VIRTUE" / "snapshots" / "0123456789abcdef"
    shutil.copytree(official, snapshot)
    monkeypatch.setattr("virtue_ref.checkpoints.resolve.snapshot_download", lambda name, **_: str(snapshot))
    assert load("Sony/VIRTUE-2B-SCaR").name == "VIRTUE-2B-SCaR-official@0123456789ab"


@pytest.mark.parametrize("name", ["tiny", "demo", "folder"])
@pytest.mark.parametrize("option", ["revision", "segmenter"])
def test_options_without_effect_are_refused(
    stored: Checkpoint, tmp_path: Path, name: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(stored, tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=rf"{name}: .*'there'.*leave it out") as caught:
        load(name, **{option: "there"})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_two_checkpoints_in_one_folder_are_refused(official: Path, stored: Checkpoint, tmp_path: Path) -> None:
    put("adapter_config.json", '{"base_model_name_or_path": "elsewhere"}')(official)
    with pytest.raises(CheckpointError, match=r"official: has adapter_config\.json and a whole model"):
        load(official)
    write_checkpoint(stored, tmp_path / "own")
    shutil.copy(official / "sam2_reducer_and_vlm_layer.pth", tmp_path / "own")
    with pytest.raises(CheckpointError, match=r"own: has virtue\.json and sam2_reducer_and_vlm_layer\.pth"):
        load(tmp_path / "own")


def test_what_is_no_checkpoints_folder_is_told(official: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is a file; give the folder that holds it"):
        load(official / "model.safetensors")
    (tmp_path / "models--me--small" / "snapshots").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="has the revisions of a repository; give one of"):
        load(tmp_path / "models--me--small")
    (tmp_path / "adapter").mkdir()
    put("adapter_config.json", '{"base_model_name_or_path": "."}')(tmp_path / "adapter")
    with pytest.raises(CheckpointError, match=r"base_model_name_or_path .\.. is the adapter itself"):
        load(tmp_path / "adapter")


def test_a_tokenizer_of_another_model_is_refused(official: Path) -> None:
    tokenizer = (official / "tokenizer.json").read_text()
    put("tokenizer.json", tokenizer.replace("<|image_pad|>", "<|picture|>"))(official)
    with pytest.raises(CheckpointError, match=r"the image token at \d+, the tokenizer <\|image_pad\|> at None"):
        load(official)


def test_whole_numbers_are_no_weights(official: Path) -> None:
    weights = load_file(official / "model.safetensors")
    key = sorted(weights)[0]
    save_file(weights | {key: weights[key].char()}, official / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"keys 1 of another type: .* int8 instead of float32|Keys 1 of another"):
        load(official)


def test_keys_of_both_generations_are_refused(official: Path) -> None:
    weights = load_file(official / "model.safetensors")
    key = "model.embed_tokens.weight"
    new = {"model.language_model.embed_tokens.weight": weights[key] + 1}
    save_file(weights | new, official / "model.safetensors")
    with pytest.raises(CheckpointError, match="is there twice, under its old and its new name"):
        resolve.read_checkpoint(official)


def test_a_tied_head_that_differs_is_refused(official: Path) -> None:
    weights = load_file(official / "model.safetensors")
    save_file(weights | {"lm_head.weight": weights["model.embed_tokens.weight"] + 1}, official / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"config\.json ties lm_head\.weight to the embedding, and the weights"):
        resolve.read_checkpoint(official)


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_info_takes_no_segmenter_for_a_model_that_has_one(name: str) -> None:
    with pytest.raises(CheckpointError, match=rf"{name}: has its segmenter; 'sam.pt' would have no effect"):
        describe_model(name, "sam.pt")
