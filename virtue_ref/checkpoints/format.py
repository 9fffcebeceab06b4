"""Read and write our own layout of a checkpoint's folder.

`virtue.json` has the settings. All weights are in one safetensors file, or in shards of it. Tokenizer, configs and
other small files are copied from the checkpoint that this one was made from. `virtue_ref.checkpoints.official` has the
layout of the published models; conversion between the two keeps every tensor bit-identical.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import save_torch_state_dict

from scar.common.files import create_folder
from scar.errors import CheckpointError
from virtue_ref.checkpoints.checkpoint import PARTS, Checkpoint, split_by_part
from virtue_ref.checkpoints.settings import apply_settings, describe_settings
from virtue_ref.checkpoints.tensors import find_revision, read_json, read_small_files
from virtue_ref.checkpoints.weight_files import read_weights
from virtue_ref.config import Config, SegmenterConfig, get_profile

FORMAT_VERSION = 1
SETTINGS_FILE = "virtue.json"
SHARD_SIZE = "5GB"


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint in our own layout; the folder appears complete or not at all.

    Raises:
        CheckpointError: the folder exists, or an adapter is not merged yet.
    """
    with create_checkpoint_folder(folder, checkpoint) as out:
        config = checkpoint.config
        settings = {
            "format": FORMAT_VERSION,
            "name": config.name,
            **describe_settings(config),
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
    """Read a checkpoint from a folder in our layout. Whether the weights fit the config is checked by `build_model`.

    Raises:
        CheckpointError: a file is missing, damaged or of another format version, or a weight belongs to no part of the
            model.
        ConfigError: the settings name an unknown profile.
    """
    settings, backbone = read_json(folder / SETTINGS_FILE), read_json(folder / "config.json")
    if settings.get("format") != FORMAT_VERSION:
        raise CheckpointError(
            f"{folder / SETTINGS_FILE}: format {settings.get('format')!r}; this version reads {FORMAT_VERSION}."
        )
    try:
        segmenter = settings["segmenter"]
        config = Config(
            name=settings["name"],
            profile=get_profile(settings["profile"]),
            backbone={key: value for key, value in backbone.items() if key != "virtue_sam"},
            segmenter=None if segmenter is None else SegmenterConfig(**segmenter),
        )
        config = apply_settings(config, settings)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / SETTINGS_FILE}: not our settings ({error}).") from error
    weights, used = read_weights(folder)
    files = {name: content for name, content in read_small_files(folder).items() if name != SETTINGS_FILE}
    backbone_weights, segmenter_weights, connector_weights = split_by_part(weights, str(folder))
    revision = find_revision(folder, used)
    return Checkpoint(config, backbone_weights, segmenter_weights, connector_weights, files, revision)


@contextmanager
def create_checkpoint_folder(folder: Path, checkpoint: Checkpoint) -> Iterator[Path]:
    """Create a checkpoint's folder with its small files, for a caller that adds the weights.

    Yields:
        A hidden temporary folder beside `folder`. It is renamed to `folder` when the context ends, or deleted if the
        context ends with an error.

    Raises:
        CheckpointError: `folder` exists, or the checkpoint has an adapter that is not merged.
    """
    if folder.exists():
        raise CheckpointError(f"{folder} exists; name a new folder.")
    if checkpoint.adapter is not None:
        raise CheckpointError(
            f"{checkpoint.config.name}: merge the adapter first; no layout can hold an adapter beside weights."
        )
    with create_folder(folder) as out:
        for name, content in checkpoint.files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        yield out
