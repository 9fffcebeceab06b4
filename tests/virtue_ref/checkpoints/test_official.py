"""The official layout: every variant gives the same vectors, and a wrong folder says what is wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration

from mmeb_eval.item import Item
from scar.errors import CheckpointError
from tests.virtue_ref.checkpoints.layouts import drop, put, rewrite, same
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model, make_checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.official import write_official
from virtue_ref.config import Config
from virtue_ref.embedder import load
from virtue_ref.model.tokens import read_tokenizer


def old_to_new(key: str) -> str:
    return f"model.{key}" if key.startswith("visual.") else key.replace("model.", "model.language_model.", 1)


def as_torch_file(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def as_tied_torch_file(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    torch.save(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def as_torch_shards(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    shards = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for name, keys in shards.items():
        torch.save({key: weights[key] for key in keys}, folder / name)
    index = {"weight_map": {key: name for name, keys in shards.items() for key in keys}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def as_shards(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    save_torch_state_dict(weights, folder, max_shard_size=100_000)
    assert len(list(folder.glob("model-*.safetensors"))) > 1


def with_new_keys(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({old_to_new(key): value for key, value in weights.items()}, folder / "model.safetensors")


def with_legacy_pickle(folder: Path) -> None:
    weights = torch.load(folder / "sam2.pt", weights_only=True)  # noqa: TID251 - the test writes it again at once
    torch.save(weights, folder / "sam2.pt", _use_new_zipfile_serialization=False)


def without_tokenizer_json(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "vocab.json").write_text(json.dumps(tokenizer["model"]["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer.json").unlink()


def with_flat_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    text = config.pop("text_config")
    (folder / "config.json").write_text(json.dumps(config | text))


VARIANTS = [
    as_torch_file,
    as_tied_torch_file,
    as_torch_shards,
    as_shards,
    with_new_keys,
    with_legacy_pickle,
    without_tokenizer_json,
    with_flat_config,
]


def test_the_official_layout_gives_the_same_vectors(official: Path, items: list[Item], expected: Any) -> None:
    model = load(official)
    assert model.name.startswith("official-official@")
    np.testing.assert_array_equal(model.embed(items), expected)


@pytest.mark.parametrize("change", VARIANTS)
def test_every_variant_gives_the_same_vectors(
    official: Path, items: list[Item], expected: Any, change: Callable[[Path], None]
) -> None:
    change(official)
    np.testing.assert_array_equal(load(official).embed(items), expected)


def test_stock_transformers_reads_an_export(official: Path, stored: Checkpoint) -> None:
    loaded: Any = Qwen2VLForConditionalGeneration.from_pretrained(official, output_loading_info=True)
    model, report = loaded
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    same(dict(model.model.state_dict()), stored.backbone)
    text = "What is it, a cat?<|image_pad|>\n 12 boats — 美しい"
    ours = read_tokenizer(stored.files, "tiny").encode(text).ids
    assert AutoTokenizer.from_pretrained(official)(text)["input_ids"] == ours


def test_an_untied_head_is_kept_though_the_model_has_no_use_for_it(
    stored: Checkpoint, items: list[Item], expected: Any, tmp_path: Path
) -> None:
    head = torch.randn(272, 64)
    config = json.loads(stored.files["config.json"]) | {"tie_word_embeddings": False}
    files = {**stored.files, "config.json": json.dumps(config).encode()}
    profile = stored.config.with_options(profile="official")
    untied = dataclasses.replace(
        stored, config=profile, backbone={**stored.backbone, "lm_head.weight": head}, files=files
    )
    write_official(untied, tmp_path / "official")
    write_checkpoint(resolve.read_checkpoint(tmp_path / "official"), tmp_path / "ours")
    write_official(resolve.read_checkpoint(tmp_path / "ours"), tmp_path / "back")
    assert torch.equal(load_file(tmp_path / "back" / "model.safetensors")["lm_head.weight"], head)
    np.testing.assert_array_equal(load(tmp_path / "back").embed(items), expected)
    trained = make_checkpoint(
        build_model(resolve.read_checkpoint(tmp_path / "ours")), origin=resolve.read_checkpoint(tmp_path / "ours")
    )
    assert torch.equal(trained.backbone["lm_head.weight"], head)


def test_other_sizes_are_read_from_the_files(items: list[Item], tmp_path: Path) -> None:
    config = Config.read("tiny")
    text = config.backbone["text_config"] | {"hidden_size": 48, "num_attention_heads": 3, "num_key_value_heads": 1}
    vision = config.backbone["vision_config"] | {"hidden_size": 48, "depth": 1}
    ids = {"image_token_id": 300, "video_token_id": 301}
    backbone = {**config.backbone, **ids, "text_config": text | {"vocab_size": 310}, "vision_config": vision}
    assert config.segmenter is not None
    segmenter = dataclasses.replace(
        config.segmenter, model={**config.segmenter.model, "image_size": 512}, points_per_side=4
    )
    other = resolve.make_random_checkpoint(dataclasses.replace(config, backbone=backbone, segmenter=segmenter))
    write_official(other, tmp_path / "other")
    model = load(tmp_path / "other")
    assert model.embed(items).shape == (3, 48)
    prepared = model.collator.prepare_item(items[1], 0)
    assert prepared.point_prompt is not None
    assert len(prepared.point_prompt.xy) == 16
    assert prepared.prefix_length == 64


def test_a_segmenter_of_another_place(official: Path, items: list[Item], expected: Any, tmp_path: Path) -> None:
    (official / "sam2.pt").rename(tmp_path / "elsewhere.pt")
    with pytest.raises(CheckpointError, match=r"SAM 2's weights './sam2\.pt' are missing: give segmenter=FILE"):
        load(official)
    np.testing.assert_array_equal(load(official, segmenter=tmp_path / "elsewhere.pt").embed(items), expected)
    with pytest.raises(CheckpointError, match=r"nowhere\.pt' are missing"):
        load(official, segmenter=tmp_path / "nowhere.pt")


@pytest.mark.parametrize("by", ["name in config.json", "hub id"])
def test_the_hub_serves_a_segmenter_of_a_known_name(
    official: Path, items: list[Item], expected: Any, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    (official / "sam2.pt").rename(official / "fetched")
    config = json.loads((official / "config.json").read_text())
    config["virtue_sam"]["checkpoint"] = "./sam2_checkpoints/sam2.1_hiera_base_plus.pt"
    (official / "config.json").write_text(json.dumps(config))
    asked = []

    def download(repository: str, name: str) -> str:
        asked.append((repository, name))
        return str(official / "fetched")

    monkeypatch.setattr("virtue_ref.checkpoints.official.hf_hub_download", download)
    model = load(official, segmenter="facebook/sam2.1-hiera-base-plus" if by == "hub id" else None)
    assert asked == [("facebook/sam2.1-hiera-base-plus", "sam2.1_hiera_base_plus.pt")]
    np.testing.assert_array_equal(model.embed(items), expected)


def test_a_trainers_folder_says_nothing_of_its_segmenter(official: Path) -> None:
    config = json.loads((official / "config.json").read_text())
    del config["virtue_sam"]
    (official / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"the weights do not fit the config\. Keys \d+ missing: "):
        load(official, segmenter=official / "sam2.pt")  # the released segmenter is looked for, which this is not


FOREIGN = [
    (drop("config.json"), r"config\.json: no such file; is .* a checkpoint"),
    (put("config.json", "{"), r"config\.json: not JSON"),
    (put("config.json", "[]"), r"config\.json: holds a list, not a table"),
    (drop("model.safetensors"), r"neither model\.safetensors nor pytorch_model\.bin"),
    (put("model.safetensors", "no"), r"model\.safetensors: damaged or no file of tensors"),
    (drop("sam2_reducer_and_vlm_layer.pth"), r"sam2_reducer_and_vlm_layer\.pth: no such file"),
    (lambda folder: torch.save({"a": 1}, folder / "sam2_reducer_and_vlm_layer.pth"), r"holds \['a'\], not \['sam2_red"),
    (lambda folder: torch.save([1], folder / "sam2.pt"), r"sam2\.pt: holds a list, not tensors by name"),
    (lambda folder: torch.save({"model": {"a": 1}}, folder / "sam2.pt"), r"unexpected: segmenter\.sam\.a"),
    (drop("tokenizer.json"), r"no tokenizer; 'merges\.txt' is missing"),
    (put("tokenizer.json", "{}"), "the tokenizer cannot be read"),
    (put("sam2.yaml", "a: ["), r"sam2\.yaml: not a YAML config"),
    (put("sam2.yaml", "a: 1"), r"sam2\.yaml: no table `model`"),
    (drop("sam2.yaml"), r"virtue_sam\.config_path './sam2\.yaml' is neither below"),
    (rewrite("config.json", lambda c: c["virtue_sam"].update(config_path="../../sam2.yaml")), "is neither below"),
    (rewrite("config.json", lambda c: c["virtue_sam"].pop("points_per_side")), "virtue_sam lacks 'points_per_side'"),
    (rewrite("config.json", lambda c: c.update(model_type="llama")), "unknown backbone 'llama': it is one of qwen2_vl"),
    (
        put("model.safetensors.index.json", '{"weight_map": {"a": "../x.safetensors"}}'),
        r"shard '\.\./x\.safetensors' is not a file beside it",
    ),
    (put("model.safetensors.index.json", '{"weight_map": {"a": "x.safetensors"}}'), r"x\.safetensors: no such file"),
    (put("model.safetensors.index.json", "{}"), "no weight_map in it"),
]


@pytest.mark.parametrize(("change", "message"), FOREIGN)
def test_a_wrong_or_partial_folder_says_what_is_wrong(
    official: Path, change: Callable[[Path], Any], message: str
) -> None:
    change(official)
    with pytest.raises(CheckpointError, match=message):
        load(official)


def test_a_plain_qwen2_vl_is_no_virtue(official: Path) -> None:
    rewrite("config.json", lambda config: config.pop("virtue_sam"))(official)
    drop("sam2_reducer_and_vlm_layer.pth")(official)
    with pytest.raises(
        CheckpointError, match=r"no virtue_sam in config\.json and no sam2_reducer.*; this is no VIRTUE"
    ):
        load(official)


def test_an_export_stays_in_its_folder(stored: Checkpoint, tmp_path: Path) -> None:
    config = json.loads(stored.files["config.json"])
    config["virtue_sam"] = {"config_path": "/etc/sam2.yaml", "checkpoint": "../sam2.pt"}
    with pytest.raises(CheckpointError, match="leads out of the folder"):
        write_official(
            dataclasses.replace(stored, files={**stored.files, "config.json": json.dumps(config).encode()}),
            tmp_path / "out",
        )
    assert not list(tmp_path.iterdir())
