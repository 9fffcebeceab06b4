"""Weights in and out. Every file is read as tensors only; a pickle that wants more is refused by name.

`Checkpoint` is the record between files and model. Our own layout is here: one safetensors file, or shards of it, with
all weights, `virtue.json` with the settings, and the small files of whatever it was made from. `official`
has the layout of the published models. No tensor changes a bit between them.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from huggingface_hub import save_torch_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from scar.common.files import create_folder, hash_files
from scar.errors import CheckpointError, ConfigError
from virtue_ref.config import Config, ImageRules, SegmenterConfig, get_profile
from virtue_ref.model.virtue import Virtue

FORMAT_VERSION = 1
SETTINGS_FILE = "virtue.json"
PARTS = ("backbone", "segmenter", "connector")
HEAD_KEY = "lm_head.weight"
SMALL_FILES = ("*.json", "*.txt", "*.jinja", "*.yaml", "*.yml", "*.md")
WEIGHT_SPECIFIC_FILES = frozenset({"README.md", "training.json", "table.json"})
"""Small files that say how certain weights were made and what they score; other weights do not take them over."""
SHARD_SIZE = "5GB"
MAX_NAMED_KEYS = 5
"""Keys that an error message names before it only counts."""


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """Low-rank changes to a backbone.

    Attributes:
        settings: what peft's LoraConfig takes.
        weights: keys as peft saves them, without its prefix and with our names of the backbone's modules.
    """

    settings: Mapping[str, Any]
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model outside of torch modules.

    Attributes:
        config: sizes, rules and profile.
        backbone: ``language_model.*``, ``visual.*`` and, where the head is not tied, ``lm_head.weight``. The model has
            no use for the head; it is kept for export.
        segmenter: SAM 2's weights under its own names.
        connector: ``reducer.*`` and ``mlp.*``.
        files: tokenizer, configs and other small files by relative path.
        revision: commit of the Hub repository, else the start of a hash over all weight files.
        adapter: LoRA weights that are not merged yet.
    """

    config: Config
    backbone: Mapping[str, Tensor]
    segmenter: Mapping[str, Tensor]
    connector: Mapping[str, Tensor]
    files: Mapping[str, bytes] = field(default_factory=dict)
    revision: str = "unsaved"
    adapter: LoraAdapter | None = None


def build_model(checkpoint: Checkpoint, *, merge: bool = True) -> Virtue:
    """The model with the checkpoint's weights, on the CPU, in the types they were stored in.

    Args:
        checkpoint: as read.
        merge: whether an adapter becomes part of the weights; else it stays beside them, to be trained on.

    Raises:
        CheckpointError: keys are missing, unexpected or of another shape; the message names them.
    """
    try:
        with init_empty_weights(include_buffers=False):
            model = Virtue(checkpoint.config)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.config.name}: the config builds no model: {error}") from error
    weights = {f"backbone.{key}": value for key, value in checkpoint.backbone.items() if key != HEAD_KEY}
    if model.segmenter is not None:
        named = model.segmenter.rename_weights(checkpoint.segmenter)
        weights |= {f"segmenter.{key}": value for key, value in named.items()}
        weights |= {f"connector.{key}": value for key, value in checkpoint.connector.items()}
    check_keys(model.state_dict(), weights, checkpoint.config.name)
    model.load_state_dict(weights, assign=True)
    if checkpoint.adapter is not None:
        _attach_adapter(model, checkpoint.adapter, checkpoint.config.name, merge)
    return model.eval()


def make_checkpoint(model: Virtue, origin: Checkpoint) -> Checkpoint:
    """The checkpoint of a model in memory, on whatever device.

    Args:
        model: whose weights are taken as they are.
        origin: what it was built from: its small files and its head go with the new weights.
    """
    return make_checkpoint_from_weights(
        model, {key: value.detach().cpu() for key, value in model.state_dict().items()}, origin
    )


def make_checkpoint_from_weights(
    model: Virtue, weights: Mapping[str, Tensor], origin: Checkpoint, dtype: str = ""
) -> Checkpoint:
    """Likewise, of weights that are not, or not as they are, in the model.

    Args:
        model: whose settings are taken.
        weights: as in the state of a model without adapters.
        origin: see `make_checkpoint`.
        dtype: of the weights, such as "float16"; empty keeps each one's own. Buffers keep theirs, see `Virtue.place`.
    """
    buffers = dict(model.named_buffers())
    kind = getattr(torch, dtype) if dtype else None
    cast = {
        key: value.to(None if key in buffers or not value.is_floating_point() else kind).contiguous()
        for key, value in weights.items()
    }
    backbone, segmenter, connector = _split_by_part(cast, model.config.name)
    if HEAD_KEY in origin.backbone:
        backbone[HEAD_KEY] = origin.backbone[HEAD_KEY]
    # transformers' SAM 2 has other names and only the weights that run; it is never trained here, so `like` has them.
    ours = model.config.segmenter is not None and model.config.segmenter.package == "sam2"
    kept = {key.removeprefix("sam."): value for key, value in segmenter.items()} if ours else origin.segmenter
    files = {name: content for name, content in origin.files.items() if name not in WEIGHT_SPECIFIC_FILES}
    return Checkpoint(model.config, backbone, kept, connector, files)


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Save in our own layout; the folder appears complete or not at all.

    Raises:
        CheckpointError: the folder exists, or an adapter is not merged yet.
    """
    with create_checkpoint_folder(folder, checkpoint) as out:
        config = checkpoint.config
        settings = {
            "format": FORMAT_VERSION,
            "name": config.name,
            "profile": config.profile.name,
            "image": dataclasses.asdict(config.image),
            "max_length": config.max_length,
            "segmenter": None if config.segmenter is None else dataclasses.asdict(config.segmenter),
            "made_from": checkpoint.revision,
        }
        (out / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n")
        if "config.json" not in checkpoint.files:
            (out / "config.json").write_text(json.dumps(config.backbone, indent=2) + "\n")
        groups = zip(PARTS, (checkpoint.backbone, checkpoint.segmenter, checkpoint.connector), strict=True)
        weights = {f"{part}.{key}": value.contiguous() for part, group in groups for key, value in group.items()}
        save_torch_state_dict(weights, out, max_shard_size=SHARD_SIZE)


def read_own_layout(folder: Path) -> Checkpoint:
    """The checkpoint of a folder in our layout.

    Raises:
        CheckpointError: a file is missing, of another version, or holds keys that are none of ours.
    """
    settings, backbone = read_json(folder / SETTINGS_FILE), read_json(folder / "config.json")
    if settings.get("format") != FORMAT_VERSION:
        raise CheckpointError(
            f"{folder / SETTINGS_FILE}: format {settings.get('format')!r}; this version reads {FORMAT_VERSION}."
        )
    try:
        image = settings["image"] | {key: tuple(settings["image"][key]) for key in ("mean", "std")}
        segmenter = settings["segmenter"]
        config = Config(
            name=settings["name"],
            profile=get_profile(settings["profile"]),
            backbone={key: value for key, value in backbone.items() if key != "virtue_sam"},
            segmenter=None if segmenter is None else SegmenterConfig(**segmenter),
            image=ImageRules(**image),
            max_length=settings["max_length"],
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / SETTINGS_FILE}: not our settings ({error}).") from error
    weights, used = read_weights(folder)
    files = {name: content for name, content in read_small_files(folder).items() if name != SETTINGS_FILE}
    backbone_weights, segmenter_weights, connector_weights = _split_by_part(weights, str(folder))
    revision = find_revision(folder, used)
    return Checkpoint(config, backbone_weights, segmenter_weights, connector_weights, files, revision)


def read_weights(
    folder: Path, stem: str = "model", torch_stem: str = "pytorch_model"
) -> tuple[dict[str, Any], list[Path]]:
    """All tensors of a folder's model files, whole or in shards, safetensors before torch's; and the files they are in.

    Raises:
        CheckpointError: there are none, a shard is missing, or a file is refused.
    """
    for index in (f"{stem}.safetensors.index.json", f"{torch_stem}.bin.index.json"):
        if (folder / index).is_file():
            shards = read_json(folder / index).get("weight_map")
            if not isinstance(shards, dict):
                raise CheckpointError(f"{folder / index}: no weight_map in it.")
            names = sorted({str(name) for name in shards.values()})
            strange = [name for name in names if Path(name).name != name]
            if strange:
                raise CheckpointError(f"{folder / index}: shard {strange[0]!r} is not a file beside it.")
            files = [folder / name for name in names]
            break
    else:
        names = [f"{stem}.safetensors", f"{torch_stem}.bin"]
        files = [folder / name for name in names if (folder / name).is_file()][:1]
        if not files:
            raise CheckpointError(f"{folder}: neither {' nor '.join(names)}, whole or in shards.")
    weights: dict[str, Any] = {}
    for file in files:
        weights |= read_tensors(file)
    return weights, files


def read_tensors(file: Path) -> dict[str, Any]:
    """Tensors of one file, in nested dictionaries as stored.

    Raises:
        CheckpointError: the file is missing, damaged, or a pickle that asks for more than tensors.
    """
    if not file.is_file():
        raise CheckpointError(f"{file}: no such file.")
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        mapped = _is_zip(file)
        with warnings.catch_warnings():
            # Of a protocol that the reader of tensors may not know whole; if so, it refuses.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            stored = torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)  # noqa: TID251 - the one place
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"wants {wanted[1]}" if wanted else "holds more than tensors"
        raise CheckpointError(f"{file}: refused, this pickle {what}; only files of tensors are read.") from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{file}: damaged or no file of tensors ({first_line(error)}).") from error
    if not isinstance(stored, dict):
        raise CheckpointError(f"{file}: holds a {type(stored).__name__}, not tensors by name.")
    return stored


def read_json(file: Path) -> dict[str, Any]:
    """The table of a JSON file.

    Raises:
        CheckpointError: the file is missing, no JSON, or no table.
    """
    try:
        loaded = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{file}: no such file; is {file.parent} a checkpoint?") from error
    except ValueError as error:
        raise CheckpointError(f"{file}: not JSON ({error}).") from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{file}: holds a {type(loaded).__name__}, not a table.")
    return loaded


def read_small_files(folder: Path) -> dict[str, bytes]:
    """What lies beside the weights, but lists of shards."""
    found = sorted({path for pattern in SMALL_FILES for path in folder.glob(pattern) if path.is_file()})
    return {path.name: path.read_bytes() for path in found if not path.name.endswith(".index.json")}


def find_revision(folder: Path, files: list[Path]) -> str:
    """The commit of a Hub snapshot; of any other folder the start of a hash over these files."""
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    return hash_files(files)[:12]


def check_keys(wanted: Mapping[str, Tensor], given: Mapping[str, Any], name: str) -> None:
    """Compare weights with what a model wants.

    Raises:
        CheckpointError: names what is missing, unexpected, no tensor or of another shape.
    """
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    reshaped = []
    for key in sorted(wanted.keys() & given.keys()):
        shape = tuple(given[key].shape) if isinstance(given[key], Tensor) else type(given[key]).__name__
        if shape != tuple(wanted[key].shape):
            reshaped.append(f"{key} {shape} instead of {tuple(wanted[key].shape)}")
    kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
    found = [f"{len(keys)} {kind}: {_join_some_keys(keys)}" for kind, keys in kinds if keys]
    if found:
        raise CheckpointError(f"{name}: the weights do not fit the config. Keys {'; keys '.join(found)}.")


def first_line(error: Exception) -> str:
    """What an error says, without the pages that some libraries add."""
    return str(error).partition("\n")[0]


@contextmanager
def create_checkpoint_folder(folder: Path, checkpoint: Checkpoint) -> Iterator[Path]:
    """A hidden folder with the checkpoint's small files that takes the wanted name when all is written."""
    if folder.exists():
        raise CheckpointError(f"{folder} exists; name a new folder.")
    if checkpoint.adapter is not None:
        raise CheckpointError(f"{checkpoint.config.name}: merge the adapter first; a layout for both there is not.")
    with create_folder(folder) as out:
        for name, content in checkpoint.files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        yield out


def _split_by_part(weights: Mapping[str, Tensor], where: str) -> tuple[dict[str, Tensor], ...]:
    """Weights of backbone, segmenter and connector, without these names before theirs."""
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
        outcome: Any = set_peft_model_state_dict(model.backbone, dict(adapter.weights))
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{name}: the adapter does not fit the backbone: {first_line(error)}") from error
    missing = sorted(key for key in outcome.missing_keys if "lora_" in key)
    if missing or outcome.unexpected_keys:
        kinds = (("missing", missing), ("unexpected", sorted(outcome.unexpected_keys)))
        found = [f"{len(keys)} {kind}: {_join_some_keys(keys)}" for kind, keys in kinds if keys]
        raise CheckpointError(f"{name}: the adapter does not fit the backbone. Keys {'; keys '.join(found)}.")
    if merge:
        model.backbone = tuner.merge_and_unload()


def _join_some_keys(keys: list[str]) -> str:
    return ", ".join(keys[:MAX_NAMED_KEYS]) + (", ..." if len(keys) > MAX_NAMED_KEYS else "")


def _is_zip(file: Path) -> bool:
    """Whether torch can map the file; its old format cannot be."""
    with file.open("rb") as stream:
        return stream.read(2) == b"PK"
