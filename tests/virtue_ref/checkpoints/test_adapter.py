"""LoRA adapters as the official trainer leaves them: merged or kept, they are what peft makes of them."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
from typer.testing import CliRunner

from mmeb_eval.item import Item
from scar.errors import CheckpointError
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import HEAD_KEY, Checkpoint, build_model, make_checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.official import write_official
from virtue_ref.cli import app
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.model.tokens import read_tokenizer

# peft asks transformers for a property by its old name when it wraps a whole model.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

CONNECTOR = "sam2_reducer_and_vlm_layer.pth"


@pytest.fixture
def items(picture: Callable[..., Path]) -> list[Item]:
    return [Item("a cat"), Item("which one?", picture(90, 70))]


@pytest.fixture(params=["lora", "dora"])
def adapted(request: pytest.FixtureRequest, stored: Checkpoint, tmp_path: Path) -> tuple[Path, Checkpoint]:
    """A base, an adapter's folder beside it as peft saves it, and the checkpoint that peft's own merge gives."""
    settings = {"r": 4, "lora_alpha": 32, "target_modules": ["q_proj", "down_proj"]}
    return write_adapter(stored, tmp_path, use_dora=request.param == "dora", **settings)


def write_adapter(stored: Checkpoint, folder: Path, **settings: Any) -> tuple[Path, Checkpoint]:
    official = stored.config.with_options(profile="official")
    write_official(dataclasses.replace(stored, config=official), folder / "base")
    config = {key: value for key, value in stored.config.backbone.items() if key != "model_type"}
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(**config))
    model.model.load_state_dict(dict(stored.backbone))
    model.model.to(stored.backbone["language_model.norm.weight"].dtype)
    with warnings.catch_warnings(action="ignore"):  # peft's, of tied embeddings and of biases
        tuned = get_peft_model(model, LoraConfig(**settings))
        with torch.no_grad():
            for weight in tuned.parameters():
                if weight.requires_grad:
                    weight.add_(0.1 * torch.randn_like(weight))
        tuned.save_pretrained(str(folder / "adapter"))
        merged: Any = tuned.merge_and_unload()
    (folder / "adapter" / CONNECTOR).write_bytes((folder / "base" / CONNECTOR).read_bytes())
    changed = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    changed["base_model_name_or_path"] = "../base"
    (folder / "adapter" / "adapter_config.json").write_text(json.dumps(changed))
    return folder / "adapter", dataclasses.replace(stored, config=official, backbone=merged.model.state_dict())


def vectors(checkpoint: Checkpoint, items: list[Item], *, merge: bool = True) -> Any:
    model = VirtueEmbedder(build_model(checkpoint, merge=merge), read_tokenizer(checkpoint.files, "test"), "test")
    return model.embed(items)


def test_a_merged_adapter_is_peft_s_merge(adapted: tuple[Path, Checkpoint], items: list[Item]) -> None:
    folder, expected = adapted
    np.testing.assert_allclose(load(folder).embed(items), vectors(expected, items), rtol=0, atol=2e-6)
    plain = load(folder.parent / "base").embed(items)
    assert np.abs(plain - vectors(expected, items)).max() > 1e-2
    assert "+" in load(folder).name


Q_PROJ = "model.language_model.layers.0.self_attn.q_proj"
CONFIGS: dict[str, dict[str, Any]] = {
    "full paths": {"target_modules": [Q_PROJ, "model.visual.blocks.0.attn.qkv"]},
    "regex": {"target_modules": r".*language_model\.layers\.\d+\.mlp\.(up|down)_proj"},
    "regex of full paths": {"target_modules": r"model\.language_model\.layers\.[01]\.self_attn\.(q|v)_proj"},
    "regex without vision": {"target_modules": r"^(?!.*visual).*(?:q_proj|o_proj|gate_proj).*"},
    "all linear": {"target_modules": "all-linear"},
    "excluded": {"target_modules": ["q_proj", "v_proj"], "exclude_modules": r".*\.layers\.0\..*"},
    "one layer": {"target_modules": ["q_proj"], "layers_to_transform": [1]},
    "a layer of a pattern": {"target_modules": ["q_proj"], "layers_to_transform": 0, "layers_pattern": "layers"},
    "patterns": {
        "target_modules": ["q_proj", "v_proj", "down_proj"],
        "rank_pattern": {"q_proj": 2, r"^model\.language_model\.layers\.1\.mlp\.down_proj": 6},
        "alpha_pattern": {"layers.0.self_attn.v_proj": 64, "down_proj": 1},
    },
    "rslora": {"target_modules": ["q_proj"], "use_rslora": True, "r": 6},
    "dora": {"target_modules": [Q_PROJ], "use_dora": True, "use_rslora": True, "rank_pattern": {"q_proj": 3}},
    "whole modules": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "merger"]},
    "all biases": {"target_modules": ["q_proj", "k_proj"], "bias": "all"},
    "biases of layers": {"target_modules": ["q_proj", "k_proj"], "bias": "lora_only"},
    "bias of an adapter": {"target_modules": ["q_proj"], "lora_bias": True},
    "embedding": {"target_modules": ["embed_tokens", "q_proj"]},
    "names that match nothing": {"target_modules": ["q_proj", "qkv_proj", "out_proj"]},
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, "float32") for name in CONFIGS), ("patterns", "bfloat16"), ("dora", "bfloat16")],
)
def test_a_merge_of_any_pattern_is_peft_s_merge(stored: Checkpoint, tmp_path: Path, name: str, dtype: str) -> None:
    if dtype == "bfloat16":
        half = {key: value.bfloat16() for key, value in stored.backbone.items()}
        stored = dataclasses.replace(stored, backbone=half)
    folder, expected = write_adapter(stored, tmp_path, **CONFIGS[name])
    backbone: Any = build_model(resolve.read_checkpoint(folder)).backbone
    found = backbone.state_dict()
    assert found.keys() == expected.backbone.keys()
    for key, value in expected.backbone.items():
        torch.testing.assert_close(found[key], value, rtol=0, atol=1e-6)
    changed = [key for key, value in stored.backbone.items() if not torch.equal(value, found[key])]
    assert changed


def test_a_regex_of_old_names_is_understood(stored: Checkpoint, tmp_path: Path) -> None:
    """As transformers before 4.52 named modules when the adapter was trained."""
    folder, expected = write_adapter(stored, tmp_path, **CONFIGS["regex of full paths"])
    with_old_keys(folder)
    settings(target_modules=r"model\.layers\.[01]\.self_attn\.(q|v)_proj")(folder)
    backbone: Any = build_model(resolve.read_checkpoint(folder)).backbone
    for key, value in backbone.state_dict().items():
        torch.testing.assert_close(value, expected.backbone[key], rtol=0, atol=1e-6)


def test_a_kept_adapter_gives_the_same_vectors(adapted: tuple[Path, Checkpoint], items: list[Item]) -> None:
    folder, expected = adapted
    checkpoint = resolve.read_checkpoint(folder)
    np.testing.assert_allclose(vectors(checkpoint, items, merge=False), vectors(expected, items), rtol=0, atol=5e-6)
    assert any("lora_A" in name for name, _ in build_model(checkpoint, merge=False).named_parameters())
    assert not any("lora_" in name for name, _ in build_model(checkpoint).named_parameters())


def test_merging_leaves_the_checkpoint_as_it_is(adapted: tuple[Path, Checkpoint]) -> None:
    """A plan measures steps on one model of a checkpoint, and the run trains another one."""
    checkpoint = resolve.read_checkpoint(adapted[0])
    before = {key: value.clone() for key, value in checkpoint.backbone.items()}
    first = {key: value.clone() for key, value in build_model(checkpoint).state_dict().items()}
    assert all(torch.equal(value, before[key]) for key, value in checkpoint.backbone.items())
    assert any(not torch.equal(first[f"backbone.{key}"], value) for key, value in before.items())
    assert all(torch.equal(value, first[key]) for key, value in build_model(checkpoint).state_dict().items())


def with_old_keys(folder: Path) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    old = {key.replace("model.language_model.", "model."): value for key, value in weights.items()}
    save_file(old, folder / "adapter_model.safetensors")


def as_torch_file(folder: Path) -> None:
    torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()


def on_a_plain_qwen2_vl(folder: Path) -> None:
    """The segmenter is then the adapter's business: config.json beside it says which."""
    base = folder.parent / "base"
    config = json.loads((base / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("sam2.pt", "sam2.yaml"):
        (base / name).rename(folder / name)
    (base / CONNECTOR).unlink()
    config.pop("virtue_sam")
    (base / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("adapted", ["dora"], indirect=True)
@pytest.mark.parametrize("change", [with_old_keys, as_torch_file, on_a_plain_qwen2_vl])
def test_adapters_in_every_variant(
    adapted: tuple[Path, Checkpoint], items: list[Item], change: Callable[[Path], None]
) -> None:
    folder, expected = adapted
    change(folder)
    np.testing.assert_allclose(load(folder).embed(items), vectors(expected, items), rtol=0, atol=2e-6)


@pytest.mark.parametrize("adapted", ["dora"], indirect=True)
def test_a_merged_model_is_saved_like_any_other(
    adapted: tuple[Path, Checkpoint], items: list[Item], tmp_path: Path
) -> None:
    folder, expected = adapted
    checkpoint = resolve.read_checkpoint(folder)
    with pytest.raises(CheckpointError, match="merge the adapter first"):
        write_checkpoint(checkpoint, tmp_path / "kept")
    write_checkpoint(make_checkpoint(build_model(checkpoint), origin=checkpoint), tmp_path / "merged")
    np.testing.assert_allclose(load(tmp_path / "merged").embed(items), vectors(expected, items), rtol=0, atol=2e-6)
    assert HEAD_KEY not in resolve.read_checkpoint(tmp_path / "merged").backbone


@pytest.mark.parametrize("adapted", ["lora"], indirect=True)
@pytest.mark.parametrize("to", ["ours", "official"])
def test_convert_merges_an_adapter(
    adapted: tuple[Path, Checkpoint], items: list[Item], tmp_path: Path, to: str
) -> None:
    done = CliRunner().invoke(app, ["convert", str(adapted[0]), str(tmp_path / "merged"), "--to", to])
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(load(tmp_path / "merged").embed(items), vectors(adapted[1], items), rtol=0, atol=2e-6)


def rename_a_key(folder: Path) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    first = sorted(weights)[0]
    weights[first.replace("layers.0", "layers.9")] = weights.pop(first)
    save_file(weights, folder / "adapter_model.safetensors")


def settings(**changes: Any) -> Callable[[Path], Any]:
    def apply(folder: Path) -> None:
        stored = json.loads((folder / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps(stored | changes))

    return apply


@pytest.mark.parametrize("adapted", ["lora"], indirect=True)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename_a_key, r"the adapter does not fit the backbone\. Keys 1 missing: .*; keys 1 unexpected: .*layers\.9"),
        (settings(target_modules=["nowhere"]), "the adapter does not fit the backbone: .*nowhere"),
        (settings(modules_to_save=["embed_tokens"]), r"Keys 1 missing: language_model\.embed_tokens\.weight\."),
        (settings(modules_to_save=["nowhere"]), r"Keys 1 missing: nowhere\."),
        (settings(bias="all"), r"Keys \d+ missing: language_model\.layers\.0\.self_attn\.k_proj\.bias"),
        (settings(target_modules=["q_proj", "down_proj", "v_proj"]), r"Keys 4 missing: .*v_proj\.lora_A\.weight"),
        (settings(target_modules=["q_proj"]), r"Keys 4 unexpected: .*down_proj\.lora_A\.weight"),
        (settings(target_modules="(q_proj"), "does not fit the backbone: .*"),
        (settings(layers_to_transform=[0]), r"Keys 4 unexpected: language_model\.layers\.1\."),
        (settings(use_dora=True), r"Keys 4 missing: .*lora_magnitude_vector"),
        (settings(rank_pattern={"q_proj": 2}), "the adapter does not fit the backbone"),
        (settings(peft_type="LOHA"), "peft_type 'LOHA'; only LORA is read"),
        (settings(init_lora_weights="pissa"), "init_lora_weights 'pissa' changed the base model's weights; merge"),
        (settings(trainable_token_indices=[1, 2]), r"trainable_token_indices = \[1, 2\] is not supported; merge"),
        (settings(layer_replication=[[0, 2]]), "layer_replication = .* is not supported"),
        (settings(some_future_option=True), "some_future_option = True is not supported; merge the adapter with peft"),
        (settings(base_model_name_or_path=None), "no base_model_name_or_path, so the base model is unknown"),
        (settings(r=2), "the adapter does not fit the backbone"),
    ],
)
def test_adapters_that_do_not_fit(
    adapted: tuple[Path, Checkpoint], change: Callable[[Path], Any], message: str
) -> None:
    change(adapted[0])
    with pytest.raises(CheckpointError, match=message):
        load(adapted[0])


@pytest.mark.parametrize("adapted", ["lora"], indirect=True)
def test_a_strangers_adapter_imports_nothing(adapted: tuple[Path, Checkpoint], items: list[Item]) -> None:
    settings(megatron_config={"a": 1}, megatron_core="antigravity", auto_mapping={"parent_library": "antigravity"})(
        adapted[0]
    )
    np.testing.assert_allclose(load(adapted[0]).embed(items), vectors(adapted[1], items), rtol=0, atol=2e-6)
