"""LoRA adapters as the official trainer leaves them: merged or kept, they are what peft makes of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

from mmeb_eval.item import Item
from scar.errors import CheckpointError
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import HEAD_KEY, Checkpoint, build_model, make_checkpoint
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.checkpoints.official import write_official
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
    write_official(stored, tmp_path / "base")
    settings = {key: value for key, value in stored.config.backbone.items() if key != "model_type"}
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(**settings))
    model.model.load_state_dict(dict(stored.backbone))
    lora = LoraConfig(r=4, lora_alpha=32, target_modules=["q_proj", "down_proj"], use_dora=request.param == "dora")
    tuned = get_peft_model(model, lora)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name:
                weight.add_(0.1 * torch.randn_like(weight))
    tuned.save_pretrained(str(tmp_path / "adapter"))
    (tmp_path / "adapter" / CONNECTOR).write_bytes((tmp_path / "base" / CONNECTOR).read_bytes())
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "../base"
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(settings))
    merged: Any = tuned.merge_and_unload()
    config = stored.config.with_options(profile="official")
    return tmp_path / "adapter", dataclasses.replace(stored, config=config, backbone=merged.model.state_dict())


def vectors(checkpoint: Checkpoint, items: list[Item], *, merge: bool = True) -> Any:
    model = VirtueEmbedder(build_model(checkpoint, merge=merge), read_tokenizer(checkpoint.files, "test"), "test")
    return model.embed(items)


def test_a_merged_adapter_is_peft_s_merge(adapted: tuple[Path, Checkpoint], items: list[Item]) -> None:
    folder, expected = adapted
    np.testing.assert_allclose(load(folder).embed(items), vectors(expected, items), rtol=0, atol=2e-6)
    plain = load(folder.parent / "base").embed(items)
    assert np.abs(plain - vectors(expected, items)).max() > 1e-2
    assert "+" in load(folder).name


def test_a_kept_adapter_gives_the_same_vectors(adapted: tuple[Path, Checkpoint], items: list[Item]) -> None:
    folder, expected = adapted
    checkpoint = resolve.read_checkpoint(folder)
    np.testing.assert_allclose(vectors(checkpoint, items, merge=False), vectors(expected, items), rtol=0, atol=5e-6)
    assert any("lora_A" in name for name, _ in build_model(checkpoint, merge=False).named_parameters())
    assert not any("lora_" in name for name, _ in build_model(checkpoint).named_parameters())


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
        (settings(modules_to_save=["embed_tokens"]), "an adapter with biases or whole modules is not supported"),
        (settings(bias="all"), "an adapter with biases or whole modules is not supported"),
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
