"""Find and read a checkpoint by name: a config with random weights, a folder, or a Hugging Face repository."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from scar.errors import CheckpointError, first_line
from virtue_ref.checkpoints.adapter import ADAPTER_CONFIG, read_adapter
from virtue_ref.checkpoints.checkpoint import Checkpoint, make_checkpoint
from virtue_ref.checkpoints.format import SETTINGS_FILE, read_own_layout
from virtue_ref.checkpoints.official import CONNECTOR_FILE, read_official
from virtue_ref.checkpoints.run_folder import find_model
from virtue_ref.checkpoints.tensors import SMALL_FILES, read_json
from virtue_ref.checkpoints.weight_files import has_weights
from virtue_ref.config import Config, is_config
from virtue_ref.model.tokens import SPECIAL_TOKENS, make_byte_tokenizer
from virtue_ref.model.virtue import Virtue

SHIPPED_FOLDER = Path(__file__).parent
"""Folder of the checkpoints that come with the package."""

WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pth", "*.pt")


def read_checkpoint(
    name: str | Path, *, revision: str | None = None, segmenter: str | Path | None = None, seed: int = 0
) -> Checkpoint:
    """Read the checkpoint that a name means. Whether its weights fit its config is checked by `build_model`.

    Args:
        name: a built-in config ("tiny", "2b", "7b", "qwen3-2b") or a TOML file, for random weights; "demo", the small
            model that comes with the package; the folder of a checkpoint, or of a training run (its best checkpoint,
            else its last); or a Hugging Face repository. What fits first is meant, in this order.
        revision: branch, tag or commit of the Hugging Face repository; None is its main branch.
        segmenter: file or Hub id, such as "facebook/sam2.1-hiera-base-plus", of SAM 2's weights, for a checkpoint that
            does not contain them; see `virtue_ref.checkpoints.official.read_official`.
        seed: seed of random weights; not used for others.

    Raises:
        ConfigError: the config is unknown or does not validate.
        CheckpointError: there is no such checkpoint; a file of it is missing, belongs to another model, or is a pickle
            of more than tensors; the folder has two checkpoints; or `revision` or `segmenter` would have no effect.
    """
    is_remote = not (is_config(name) or is_shipped(name) or Path(name).exists())
    if revision is not None and not is_remote:
        raise CheckpointError(f"{name}: revision {revision!r} is for repositories of the Hub; leave it out.")
    if is_config(name):
        refuse_segmenter(name, segmenter)
        return make_random_checkpoint(Config.read(name), seed)
    if is_shipped(name):
        refuse_segmenter(name, segmenter)
        return read_own_layout(SHIPPED_FOLDER / name)
    stored = _read_folder(find_checkpoint_folder(name, revision), segmenter)
    return dataclasses.replace(stored, config=dataclasses.replace(stored.config, name=Path(name).resolve().name))


def is_shipped(name: str | Path) -> bool:
    """Whether a name means a checkpoint of the package, such as "demo"; a path with a folder never does."""
    return Path(name).name == str(name) and (SHIPPED_FOLDER / name / SETTINGS_FILE).is_file()


def make_random_checkpoint(config: Config, seed: int = 0) -> Checkpoint:
    """Make a checkpoint of a config with random weights, a byte tokenizer and the revision "seed<seed>"."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Virtue(config)
    known = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.get(config.backbone["model_type"])
    architectures = [] if known is None else [known]
    # The same files as in the published checkpoints, so that transformers and the released code can read an export.
    tokenizer = {
        "tokenizer_class": "Qwen2Tokenizer",
        "pad_token": SPECIAL_TOKENS[0],
        "eos_token": SPECIAL_TOKENS[2],
        "padding_side": "left",
        "model_max_length": 32768,
    }
    pixels = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "image_mean": config.image.mean,
        "image_std": config.image.std,
        "patch_size": config.image.patch,
        "merge_size": config.image.merge,
        "temporal_patch_size": config.image.frames,
    }
    tables = {
        "config.json": {"architectures": architectures, **config.backbone},
        "tokenizer_config.json": tokenizer,
        "preprocessor_config.json": pixels,
    }
    files = {name: json.dumps(table, indent=2).encode() for name, table in tables.items()}
    files["tokenizer.json"] = make_byte_tokenizer(config.backbone["image_token_id"]).to_str().encode()
    return dataclasses.replace(make_checkpoint(model, Checkpoint(config, {}, {}, {}, files)), revision=f"seed{seed}")


def find_checkpoint_folder(name: str | Path, revision: str | None = None) -> Path:
    """Find the folder of a checkpoint; what is in a local folder is not checked.

    Args:
        name: a local folder (of a run: its best checkpoint, else its last), else a Hub repository, which is
            downloaded if it is not in the local cache.
        revision: branch, tag or commit of the Hub repository; None is its main branch.

    Raises:
        CheckpointError: `name` is neither, or the Hub cannot be reached.
    """
    if Path(name).is_dir():
        return find_model(Path(name)) or Path(name)
    if Path(name).is_file():
        raise CheckpointError(f"{name}: is a file; give the folder that holds it.")
    try:
        return Path(snapshot_download(str(name), revision=revision, allow_patterns=[*SMALL_FILES, *WEIGHT_FILES]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{str(name)!r} is no folder, and as a Hub repository it cannot be fetched: {first_line(error)}"
        ) from error


def _read_folder(folder: Path, segmenter: str | Path | None) -> Checkpoint:
    _check_one_checkpoint(folder)
    if (folder / SETTINGS_FILE).is_file():
        refuse_segmenter(folder, segmenter)
        return read_own_layout(folder)
    if not (folder / ADAPTER_CONFIG).is_file():
        return read_official(folder, segmenter)
    name = read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    if not isinstance(name, str):
        raise CheckpointError(f"{folder / ADAPTER_CONFIG}: no base_model_name_or_path, so the base model is unknown.")
    beside = folder / name
    base_folder = beside if beside.is_dir() else find_checkpoint_folder(name)
    if base_folder.resolve() == folder.resolve():
        raise CheckpointError(f"{folder / ADAPTER_CONFIG}: base_model_name_or_path {name!r} is the adapter itself.")
    is_virtue = any((base_folder / file).is_file() for file in (SETTINGS_FILE, CONNECTOR_FILE))
    base = _read_folder(base_folder, segmenter) if is_virtue else None
    return read_adapter(folder, base, base_folder, segmenter)


def _check_one_checkpoint(folder: Path) -> None:
    """Check that a folder can be read in one way only.

    Raises:
        CheckpointError: it holds two checkpoints, or is the Hub cache's folder of all revisions.
    """
    if (folder / "snapshots").is_dir() and not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder}: has the revisions of a repository; give one of {folder / 'snapshots'}.")
    own, adapter = (folder / SETTINGS_FILE).is_file(), (folder / ADAPTER_CONFIG).is_file()
    if adapter and (own or has_weights(folder)):
        raise CheckpointError(f"{folder}: has {ADAPTER_CONFIG} and a whole model; put the adapter into its own folder.")
    if own and (folder / CONNECTOR_FILE).is_file():
        raise CheckpointError(
            f"{folder}: has {SETTINGS_FILE} and {CONNECTOR_FILE}, which is of another layout; "
            "put the two checkpoints into folders of their own."
        )


def refuse_segmenter(name: str | Path, segmenter: str | Path | None) -> None:
    """Check that no file of SAM 2's weights is given for a model that has its own.

    Raises:
        CheckpointError: a file is given.
    """
    if segmenter is not None:
        raise CheckpointError(f"{name}: has its segmenter; {str(segmenter)!r} would have no effect, leave it out.")
