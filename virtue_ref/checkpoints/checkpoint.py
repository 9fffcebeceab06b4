"""`Checkpoint`, a model as data: build a `Virtue` from one, and make one from a `Virtue`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor

from scar.errors import CheckpointError, ConfigError, first_line
from virtue_ref.config import Config
from virtue_ref.model.virtue import Virtue

PARTS = ("backbone", "segmenter", "connector")
HEAD_KEY = "lm_head.weight"
WEIGHT_SPECIFIC_FILES = frozenset({"README.md", "training.json", "table.json"})
"""Small files about particular weights (origin, scores); a checkpoint with new weights does not copy them."""

MAX_NAMED_KEYS = 5
"""Most keys that an error message names."""


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """LoRA weights for a backbone.

    Attributes:
        settings: arguments of peft's LoraConfig; layers have the names that modules have in this package.
        weights: tensors by key, such as ``language_model.layers.0.self_attn.q_proj.lora_A.weight``.
    """

    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model as data: config, weights by key and small files. It is the same for all layouts of files.

    Attributes:
        config: sizes, image rules and profile.
        backbone: weights ``language_model.*``, ``visual.*`` and, if the head is not tied to the embedding,
            ``lm_head.weight``. The model does not use the head; an export needs it.
        segmenter: SAM 2's weights under SAM 2's own keys; empty without a segmenter.
        connector: weights ``reducer.*`` and ``mlp.*``; empty without a segmenter.
        files: path relative to the checkpoint's folder -> content of tokenizer, configs and other small files.
        revision: first 12 digits of the Hub repository's commit, or of a hash over the weight files; with an adapter,
            "<adapter's>+<base model's>"; "seed<n>" for random weights; "unsaved" for weights from memory.
        adapter: LoRA weights for the backbone that are not merged yet; None if there are none.
    """

    config: Config
    backbone: Mapping[str, Tensor]
    segmenter: Mapping[str, Tensor]
    connector: Mapping[str, Tensor]
    files: Mapping[str, bytes] = field(default_factory=dict)
    revision: str = "unsaved"
    adapter: LoraAdapter | None = None


def build_model(checkpoint: Checkpoint, *, merge: bool = True) -> Virtue:
    """Build the model of a checkpoint on the CPU, in evaluation mode; each weight keeps its number format.

    The model uses the tensors of the checkpoint themselves; those into which an adapter is merged are copied first.

    Args:
        checkpoint: the checkpoint, see `virtue_ref.checkpoints.resolve.read_checkpoint`.
        merge: what happens to an adapter: True merges it into the weights, False adds it as layers of their own, which
            can be trained further.

    Raises:
        CheckpointError: the config builds no model; weights are missing, unexpected or of the wrong shape or type (the
            message names their keys); or the adapter does not fit.
    """
    try:
        with init_empty_weights(include_buffers=False):
            model = Virtue(checkpoint.config)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.config.name}: the config builds no model: {error}") from error
    weights = {f"backbone.{key}": value for key, value in checkpoint.backbone.items() if key != HEAD_KEY}
    if model.segmenter is not None:
        named = model.segmenter.import_weights(checkpoint.segmenter)
        weights |= {f"segmenter.{key}": value for key, value in named.items()}
        weights |= {f"connector.{key}": value for key, value in checkpoint.connector.items()}
    check_keys(model.state_dict(), weights, checkpoint.config.name)
    model.load_state_dict(weights, assign=True)
    if checkpoint.adapter is not None:
        _attach_adapter(model, checkpoint.adapter, checkpoint.config.name, merge)
    return model.eval()


def merge_adapter(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint with its adapter merged into its weights and the same revision; without an adapter, itself.

    Raises:
        CheckpointError: the adapter does not fit.
    """
    if checkpoint.adapter is None:
        return checkpoint
    merged = make_checkpoint(build_model(checkpoint), checkpoint)
    return dataclasses.replace(merged, revision=checkpoint.revision)


def make_checkpoint(model: Virtue, origin: Checkpoint) -> Checkpoint:
    """Make a checkpoint from a model in memory.

    Args:
        model: the model, on any device, without adapters.
        origin: the checkpoint that the model was built from. The new one takes over its head, its small files except
            `WEIGHT_SPECIFIC_FILES`, and weights of SAM 2 that the model does not use.

    Returns:
        The checkpoint, on the CPU, without an adapter and with the revision "unsaved".
    """
    return make_checkpoint_from_weights(
        model, {key: value.detach().cpu() for key, value in model.state_dict().items()}, origin
    )


def make_checkpoint_from_weights(
    model: Virtue, weights: Mapping[str, Tensor], origin: Checkpoint, dtype: str = ""
) -> Checkpoint:
    """Make a checkpoint from a model's config and given weights, which may differ from those in memory.

    Args:
        model: gives the config and the names of buffers; its weights are not read.
        weights: the weights, under the keys of the ``state_dict`` of a model without adapters.
        origin: see `make_checkpoint`.
        dtype: number format to convert weights to, such as "float16"; "" keeps each weight's own. Buffers and whole
            numbers always keep theirs, see `Virtue.move_to`.

    Returns:
        See `make_checkpoint`; tensors stay on their devices.

    Raises:
        CheckpointError: a key does not begin with the name of a part.
    """
    buffers = dict(model.named_buffers())
    wanted = getattr(torch, dtype) if dtype else None
    cast = {
        key: value.to(None if key in buffers or not value.is_floating_point() else wanted).contiguous()
        for key, value in weights.items()
    }
    backbone, segmenter, connector = split_by_part(cast, model.config.name)
    if HEAD_KEY in origin.backbone:
        backbone[HEAD_KEY] = origin.backbone[HEAD_KEY]
    stored = origin.segmenter
    if model.segmenter is not None:
        stored = model.segmenter.export_weights(segmenter, origin.segmenter)
    files = {name: content for name, content in origin.files.items() if name not in WEIGHT_SPECIFIC_FILES}
    return Checkpoint(model.config, backbone, stored, connector, files)


def check_keys(wanted: Mapping[str, Tensor], given: Mapping[str, Any], name: str) -> None:
    """Check that weights fit a model.

    Args:
        wanted: the model's ``state_dict``.
        given: the weights by the same keys.
        name: name of the model, with which the error message begins.

    Raises:
        CheckpointError: weights are missing, unexpected, not tensors, of the wrong shape, or integers where the model
            has floats (quantised weights) or the reverse; the message names some keys of each kind.
    """
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    reshaped, retyped = [], []
    for key in sorted(wanted.keys() & given.keys()):
        shape = tuple(given[key].shape) if isinstance(given[key], Tensor) else type(given[key]).__name__
        if shape != tuple(wanted[key].shape):
            reshaped.append(f"{key} {shape} instead of {tuple(wanted[key].shape)}")
        elif given[key].is_floating_point() != wanted[key].is_floating_point():
            retyped.append(f"{key} {given[key].dtype} instead of {wanted[key].dtype}".replace("torch.", ""))
    kinds = (
        ("missing", missing),
        ("unexpected", unexpected),
        ("of another shape", reshaped),
        ("of another type", retyped),
    )
    found = [f"{len(keys)} {kind}: {_join_some_keys(keys)}" for kind, keys in kinds if keys]
    if found:
        raise CheckpointError(f"{name}: the weights do not fit the config. Keys {'; keys '.join(found)}.")


def split_by_part(weights: Mapping[str, Tensor], where: str) -> tuple[dict[str, Tensor], ...]:
    """Split weights by the part that their keys begin with; ``connector.mlp.0.bias`` becomes ``mlp.0.bias``.

    Returns:
        The weights of backbone, segmenter and connector, in this order; a part without weights is empty.

    Raises:
        CheckpointError: a key does not begin with the name of a part; the message begins with `where`.
    """
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
    for key, value in weights.items():
        part, _, name = key.partition(".")
        if part not in parts:
            raise CheckpointError(f"{where}: unexpected key {key}; ours begin with {', '.join(PARTS)}.")
        parts[part][name] = value
    return tuple(parts.values())


def _attach_adapter(model: Virtue, adapter: LoraAdapter, name: str, merge: bool) -> None:
    from peft import LoraConfig, set_peft_model_state_dict
    from peft.tuners.lora import LoraLayer, LoraModel

    try:
        tuner = LoraModel(model.backbone, LoraConfig(**adapter.settings), "default")
        for key, weight in tuner.named_parameters():
            if "lora_" in key:
                weight.data = weight.data.float()  # in bfloat16, the adapter's weights would be rounded before merging
        outcome: Any = set_peft_model_state_dict(model.backbone, dict(adapter.weights))
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{name}: the adapter does not fit the backbone: {first_line(error)}") from error
    missing = sorted(key for key in outcome.missing_keys if "lora_" in key)
    if missing or outcome.unexpected_keys:
        kinds = (("missing", missing), ("unexpected", sorted(outcome.unexpected_keys)))
        found = [f"{len(keys)} {kind}: {_join_some_keys(keys)}" for kind, keys in kinds if keys]
        raise CheckpointError(f"{name}: the adapter does not fit the backbone. Keys {'; keys '.join(found)}.")
    if merge:
        for layer in tuner.modules():
            if isinstance(layer, LoraLayer):
                for weight in layer.get_base_layer().parameters():
                    weight.data = weight.data.clone()  # peft adds to it in place, and it is the checkpoint's own
        tuner.merge_and_unload()


def _join_some_keys(keys: list[str]) -> str:
    return ", ".join(keys[:MAX_NAMED_KEYS]) + (", ..." if len(keys) > MAX_NAMED_KEYS else "")
