"""Weights in and out: every layout gives the same vectors, tensors keep their bits, strangers' files run nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import save_torch_state_dict
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration

from mmeb_eval.item import Item
from scar.errors import CheckpointError
from scar.sample import Box
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model, make_checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.official import write_official
from virtue_ref.checkpoints.tensors import read_tensors
from virtue_ref.config import Config
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.tokens import read_tokenizer

Weights = Mapping[str, Tensor]


@pytest.fixture(scope="module")
def exported(stored: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "official"
    write_official(stored, folder)
    return folder


@pytest.fixture
def official(exported: Path, tmp_path: Path) -> Path:
    """A folder in the official layout, written by us, to be changed."""
    return shutil.copytree(exported, tmp_path / "official")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    image = tmp_path_factory.mktemp("images") / "image.png"
    Image.new("RGB", (90, 70), (200, 30, 90)).save(image)
    return [Item("a cat"), Item("which one?", image), Item("which one?", image, Box(10, 10, 60, 50))]


@pytest.fixture(scope="module")
def expected(stored: Checkpoint, items: list[Item]) -> Any:
    config = stored.config.with_options(profile="official")
    model = build_model(dataclasses.replace(stored, config=config))
    return VirtueEmbedder(model, read_tokenizer(stored.files, "tiny"), "expected").embed(items)


def same(ours: Weights, theirs: Weights) -> None:
    assert sorted(ours) == sorted(theirs)
    for key, value in ours.items():
        assert value.dtype == theirs[key].dtype
        assert torch.equal(value, theirs[key]), key


def same_checkpoints(one: Checkpoint, two: Checkpoint) -> None:
    same(one.backbone, two.backbone)
    same(one.segmenter, two.segmenter)
    same(one.connector, two.connector)
    assert one.files == two.files


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


def test_an_untied_head_is_kept_though_the_model_has_no_use_for_it(
    stored: Checkpoint, items: list[Item], expected: Any, tmp_path: Path
) -> None:
    head = torch.randn(272, 64)
    config = json.loads(stored.files["config.json"]) | {"tie_word_embeddings": False}
    files = {**stored.files, "config.json": json.dumps(config).encode()}
    untied = dataclasses.replace(stored, backbone={**stored.backbone, "lm_head.weight": head}, files=files)
    write_official(untied, tmp_path / "official")
    write_checkpoint(resolve.read_checkpoint(tmp_path / "official"), tmp_path / "ours")
    write_official(resolve.read_checkpoint(tmp_path / "ours"), tmp_path / "back")
    assert torch.equal(load_file(tmp_path / "back" / "model.safetensors")["lm_head.weight"], head)
    np.testing.assert_array_equal(load(tmp_path / "back").embed(items), expected)
    trained = make_checkpoint(
        build_model(resolve.read_checkpoint(tmp_path / "ours")), origin=resolve.read_checkpoint(tmp_path / "ours")
    )
    assert torch.equal(trained.backbone["lm_head.weight"], head)


def test_a_saved_random_model_is_the_model(stored: Checkpoint, items: list[Item], tmp_path: Path) -> None:
    write_checkpoint(stored, tmp_path / "ours")
    np.testing.assert_array_equal(load(tmp_path / "ours").embed(items), load("tiny", seed=1).embed(items))
    assert load(tmp_path / "ours").model.config.profile.name == "clean"


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


def test_a_hub_repository_is_a_folder_once_fetched(official: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = official.parent / "models--Sony--VIRTUE" / "snapshots" / "0123456789abcdef"
    shutil.copytree(official, snapshot)
    monkeypatch.setattr("virtue_ref.checkpoints.resolve.snapshot_download", lambda name, **_: str(snapshot))
    assert load("Sony/VIRTUE-2B-SCaR").name == "VIRTUE-2B-SCaR-official@0123456789ab"


def test_a_trainers_folder_says_nothing_of_its_segmenter(official: Path) -> None:
    config = json.loads((official / "config.json").read_text())
    del config["virtue_sam"]
    (official / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"the weights do not fit the config\. Keys \d+ missing: "):
        load(official, segmenter=official / "sam2.pt")  # the released segmenter is looked for, which this is not


class Danger:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo should never run",)


@pytest.mark.parametrize("name", ["sam2.pt", "sam2_reducer_and_vlm_layer.pth", "pytorch_model.bin"])
def test_a_pickle_that_wants_more_is_refused_by_name(
    official: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if name == "pytorch_model.bin":
        (official / "model.safetensors").unlink()
    torch.save({"model": Danger()}, official / name)
    with pytest.raises(CheckpointError, match=rf"{name}: refused, this pickle wants posix\.system"):
        load(official)
    assert "should never run" not in capfd.readouterr().out
    (official / name).write_bytes(pickle.dumps(Danger()))
    with pytest.raises(CheckpointError, match=f"{name}: "):
        load(official)
    assert "should never run" not in capfd.readouterr().out


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def test_keys_that_do_not_fit_are_named(official: Path) -> None:
    def change(weights: dict[str, Tensor]) -> None:
        weights["model.layers.7.surprise"] = weights.pop("model.norm.weight")
        weights["visual.merger.ln_q.weight"] = torch.zeros(3)

    change_weights(official, change)
    message = (
        r"Keys 1 missing: backbone\.language_model\.norm\.weight; "
        r"keys 1 unexpected: backbone\.language_model\.layers\.7\.surprise; "
        r"keys 1 of another shape: backbone\.visual\.merger\.ln_q\.weight \(3,\) instead of \(32,\)"
    )
    with pytest.raises(CheckpointError, match=message):
        load(official)


def rewrite(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        table = json.loads((folder / name).read_text())
        change(table)
        (folder / name).write_text(json.dumps(table))

    return apply


def drop(*names: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return apply


def put(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content)


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
    (rewrite("config.json", lambda c: c.update(model_type="llama")), "backbone 'llama': VIRTUE stands on qwen2_vl"),
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


def test_an_export_stays_in_its_folder(stored: Checkpoint, tmp_path: Path) -> None:
    config = json.loads(stored.files["config.json"])
    config["virtue_sam"] = {"config_path": "/etc/sam2.yaml", "checkpoint": "../sam2.pt"}
    with pytest.raises(CheckpointError, match="leads out of the folder"):
        write_official(
            dataclasses.replace(stored, files={**stored.files, "config.json": json.dumps(config).encode()}),
            tmp_path / "out",
        )
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nothing\.pt: no such file"):
        read_tensors(tmp_path / "nothing.pt")
