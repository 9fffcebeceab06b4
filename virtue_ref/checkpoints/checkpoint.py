"""`Checkpoint`, the record between files and models: build a model from one, and make one from a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor

from scar.errors import CheckpointError, ConfigError
from virtue_ref.checkpoints.tensors import first_line
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
        settings: arguments of peft's LoraConfig.
        weights: tensors by peft's key, without the prefix ``base_model.model.`` and with our names of modules.
    """

    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model as data: config, weights by key and small files.

    Attributes:
        config: sizes, image rules and profile.
        backbone: weights ``language_model.*``, ``visual.*`` and, if the head is not tied to the embedding,
            ``lm_head.weight``. The model does not use the head; an export needs it.
        segmenter: SAM 2's weights under SAM 2's own keys; empty without a segmenter.
        connector: weights ``reducer.*`` and ``mlp.*``; empty without a segmenter.
        files: relative path -> content of tokenizer, configs and other small files.
        revision: commit of the Hub repository, else the start of a hash over all weight files.
        adapter: LoRA weights that are not merged yet; None if there are none.
    """

    config: Config
    backbone: Mapping[str, Tensor]
    segmenter: Mapping[str, Tensor]
    connector: Mapping[str, Tensor]
    files: Mapping[str, bytes] = field(default_factory=dict)
    revision: str = "unsaved"
    adapter: LoraAdapter | None = None


def build_model(checkpoint: Checkpoint, *, merge: bool = True) -> Virtue:
    """Build the model of a checkpoint on the CPU, with weights in the number formats that they are stored in.

    Args:
        checkpoint: the checkpoint, see `virtue_ref.checkpoints.resolve.read_checkpoint`.
        merge: whether to merge an adapter into the weights; if not, it stays separate and can be trained further.

    Raises:
        CheckpointError: the config builds no model, or weights are missing, unexpected or of another shape; the message
            names their keys. Or an adapter does not fit.
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
    """The same checkpoint with its adapter merged into the weights; one without an adapter is returned unchanged.

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
        model: the model, on any device.
        origin: the checkpoint that the model was built from; its small files and its head are taken over.

    Returns:
        The checkpoint, without an adapter and with the revision "unsaved".
    """
    return make_checkpoint_from_weights(
        model, {key: value.detach().cpu() for key, value in model.state_dict().items()}, origin
    )


def make_checkpoint_from_weights(
    model: Virtue, weights: Mapping[str, Tensor], origin: Checkpoint, dtype: str = ""
) -> Checkpoint:
    """Make a checkpoint from a model's config and the given weights, which may differ from those in memory.

    Args:
        model: gives the config and the names of buffers.
        weights: tensors under the keys of the ``state_dict`` of a model without adapters.
        origin: see `make_checkpoint`.
        dtype: number format to convert weights to, such as "float16"; "" keeps each weight's own. Buffers always keep
            theirs, see `Virtue.move_to`.

    Returns:
        See `make_checkpoint`.

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
        given: the weights by key.
        name: name of the model, for the error message.

    Raises:
        CheckpointError: weights are missing, unexpected, not tensors, of another shape, or whole numbers in place of
            fractions (as in quantised weights); the message names their keys.
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
    """Split weights into those of backbone, segmenter and connector; each key loses the name of its part.

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
    from peft.tuners.lora import LoraModel

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
        tuner.merge_and_unload()


def _join_some_keys(keys: list[str]) -> str:
    return ", ".join(keys[:MAX_NAMED_KEYS]) + (", ..." if len(keys) > MAX_NAMED_KEYS else "")
