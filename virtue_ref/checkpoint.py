"""Weights in and out. Every file is read as tensors only; a pickle that wants more is refused by name.

Two layouts, one record: the official one (Qwen2-VL's files, `sam2_reducer_and_vlm_layer.pth` and a separate SAM 2), and
our own, where `model.safetensors` holds all of it and `virtue.json` the settings. `read` takes both, `write` and
`export` make them, and no tensor changes a bit on the way.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from accelerate import init_empty_weights
from huggingface_hub import hf_hub_download, save_torch_state_dict, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from yaml import YAMLError  # type: ignore[import-untyped]

from virtue_ref.config import Config, ImageRules, SegmenterConfig, get_profile
from virtue_ref.errors import CheckpointError
from virtue_ref.model import Virtue

FORMAT = 1
SETTINGS = "virtue.json"
CONNECTOR_FILE = "sam2_reducer_and_vlm_layer.pth"
CONNECTOR_PARTS = {"sam2_reducer": "reducer", "sam2vlm_layer": "mlp"}
"""Names of the connector's two halves: official -> ours."""

OLD_NAMES = (("model.language_model.", "language_model."), ("model.visual.", "visual."), ("model.", "language_model."))
"""How keys of Qwen2-VL files begin -> how ours do; the first that fits counts. The last is transformers < 4.52."""

SMALL_FILES = ("*.json", "*.txt", "*.jinja", "*.yaml", "*.yml", "*.md")
WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pth", "*.pt")
SHARD_SIZE = "5GB"
NAMED = 5
"""Keys an error message names before it only counts."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model outside of torch modules.

    Attributes:
        config: sizes, rules and profile.
        backbone: ``language_model.*``, ``visual.*`` and, where the head is not tied, ``lm_head.weight``. The model has
            no use for the head; it is kept for export.
        segmenter: SAM 2's weights under its own names.
        connector: ``reducer.*`` and ``mlp.*``.
        files: tokenizer, configs and other small files by relative path, as bytes.
        revision: commit of the Hub repository, else the start of a hash over all weight files.
    """

    config: Config
    backbone: Mapping[str, Tensor]
    segmenter: Mapping[str, Tensor]
    connector: Mapping[str, Tensor]
    files: Mapping[str, bytes] = field(default_factory=dict)
    revision: str = "unsaved"


def locate(name: str | Path, revision: str | None = None) -> Path:
    """The folder of a checkpoint: a local one, or the snapshot of a Hugging Face repository.

    Raises:
        CheckpointError: it is neither, or the Hub does not answer.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        return Path(snapshot_download(str(name), revision=revision, allow_patterns=[*SMALL_FILES, *WEIGHT_FILES]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{str(name)!r} is no folder, and the Hub has no answer for it: {reason}") from error


def read(folder: Path, segmenter: str | Path | None = None) -> Checkpoint:
    """The checkpoint in a folder, whichever layout it has.

    Args:
        folder: see `locate`.
        segmenter: SAM 2's weights, a file or a Hub id such as "facebook/sam2.1-hiera-base-plus"; None looks where the
            checkpoint says, then on the Hub. Our own layout contains them.

    Raises:
        CheckpointError: a file is missing, foreign, or asks for more than tensors.
    """
    if (folder / SETTINGS).is_file():
        return _read_own(folder)
    return _read_official(folder, segmenter)


def build(checkpoint: Checkpoint) -> Virtue:
    """The model with the checkpoint's weights, on the CPU, in the types they were stored in.

    Raises:
        CheckpointError: keys are missing, unexpected or of another shape; the message names them.
    """
    with init_empty_weights(include_buffers=False):
        model = Virtue(checkpoint.config)
    weights = {f"backbone.{key}": value for key, value in checkpoint.backbone.items() if key != "lm_head.weight"}
    weights |= {f"segmenter.sam.{key}": value for key, value in checkpoint.segmenter.items()}
    weights |= {f"connector.{key}": value for key, value in checkpoint.connector.items()}
    _check_keys(model.state_dict(), weights, checkpoint.config.name)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def of_model(model: Virtue, files: Mapping[str, bytes], head: Tensor | None = None) -> Checkpoint:
    """The checkpoint of a model in memory.

    Args:
        model: whose weights are taken as they are, on whatever device.
        files: tokenizer and other small files that go with it.
        head: the vocabulary projection of the checkpoint it came from, for export.
    """
    parts: dict[str, dict[str, Tensor]] = {"backbone": {}, "segmenter": {}, "connector": {}}
    for key, value in model.state_dict().items():
        part, _, name = key.partition(".")
        parts[part][name.removeprefix("sam.") if part == "segmenter" else name] = value.detach().cpu().contiguous()
    if head is not None:
        parts["backbone"]["lm_head.weight"] = head
    return Checkpoint(model.config, parts["backbone"], parts["segmenter"], parts["connector"], files)


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Save in our own layout; the folder appears complete or not at all.

    Raises:
        CheckpointError: the folder exists.
    """
    with _new_folder(folder) as out:
        _write_files(checkpoint.files, out)
        config = checkpoint.config
        settings = {
            "format": FORMAT,
            "name": config.name,
            "profile": config.profile.name,
            "image": dataclasses.asdict(config.image),
            "max_length": config.max_length,
            "segmenter": None if config.segmenter is None else dataclasses.asdict(config.segmenter),
            "made_from": checkpoint.revision,
        }
        (out / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n")
        if "config.json" not in checkpoint.files:
            (out / "config.json").write_text(json.dumps(config.backbone, indent=2) + "\n")
        parts = (
            ("backbone", checkpoint.backbone),
            ("segmenter", checkpoint.segmenter),
            ("connector", checkpoint.connector),
        )
        weights = {f"{part}.{key}": value for part, group in parts for key, value in group.items()}
        save_torch_state_dict(weights, out, max_shard_size=SHARD_SIZE)


def export(checkpoint: Checkpoint, folder: Path) -> None:
    """Save in the official layout, so that the released code and other loaders read it.

    SAM 2's two files are put where `virtue_sam` in config.json says, below the folder.

    Raises:
        CheckpointError: the folder exists.
    """
    with _new_folder(folder) as out:
        _write_files(checkpoint.files, out)
        if checkpoint.config.segmenter is not None:
            config = json.loads(checkpoint.files.get("config.json", json.dumps(checkpoint.config.backbone)))
            if "virtue_sam" not in config:
                config["virtue_sam"] = {
                    "enabled": True,
                    "config_path": "./sam2.yaml",
                    "checkpoint": "./sam2.pt",
                    "points_per_side": checkpoint.config.segmenter.points_per_side,
                    "feature_levels": 3,
                }
                (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
            recipe, weights = (out / config["virtue_sam"][key] for key in ("config_path", "checkpoint"))
            for file in (recipe, weights):
                file.parent.mkdir(parents=True, exist_ok=True)
            if not recipe.exists():
                OmegaConf.save(OmegaConf.create({"model": _plain(checkpoint.config.segmenter.model)}), recipe)
            torch.save({"model": dict(checkpoint.segmenter)}, weights)
            halves: dict[str, dict[str, Tensor]] = {theirs: {} for theirs in CONNECTOR_PARTS}
            for key, value in checkpoint.connector.items():
                half, _, name = key.partition(".")
                halves[next(theirs for theirs, ours in CONNECTOR_PARTS.items() if ours == half)][name] = value
            torch.save(halves, out / CONNECTOR_FILE)
        save_file(
            {_official_name(key): value for key, value in checkpoint.backbone.items()},
            out / "model.safetensors",
            {"format": "pt"},
        )


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
        stored = torch.load(file, map_location="cpu", weights_only=True, mmap=_is_zip(file))  # noqa: TID251 - this is that place
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"wants {wanted[1]}" if wanted else "holds more than tensors"
        raise CheckpointError(f"{file}: refused, this pickle {what}; only files of tensors are read.") from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{file}: damaged or no file of tensors ({str(error).partition(chr(10))[0]}).") from error
    if not isinstance(stored, dict):
        raise CheckpointError(f"{file}: holds a {type(stored).__name__}, not tensors by name.")
    return stored


def _read_own(folder: Path) -> Checkpoint:
    settings, backbone = _read_json(folder / SETTINGS), _read_json(folder / "config.json")
    if settings.get("format") != FORMAT:
        raise CheckpointError(f"{folder / SETTINGS}: format {settings.get('format')!r}; this version reads {FORMAT}.")
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
    weights, used = _read_weights(folder)
    parts: dict[str, dict[str, Tensor]] = {"backbone": {}, "segmenter": {}, "connector": {}}
    for key, value in weights.items():
        part, _, name = key.partition(".")
        if part not in parts:
            raise CheckpointError(f"{folder}: unexpected key {key}; ours begin with {', '.join(parts)}.")
        parts[part][name] = value
    files = {name: content for name, content in _small_files(folder).items() if name != SETTINGS}
    return Checkpoint(config, **parts, files=files, revision=_revision(folder, used))


def _read_official(folder: Path, segmenter: str | Path | None) -> Checkpoint:
    stored = _read_json(folder / "config.json")
    if "virtue_sam" not in stored:
        raise CheckpointError(f"{folder / 'config.json'}: no virtue_sam block; this is no VIRTUE checkpoint.")
    block = stored["virtue_sam"]
    backbone = {key: value for key, value in stored.items() if key != "virtue_sam"}
    weights, used = _read_weights(folder)
    files = _small_files(folder)
    config = Config(
        name=folder.name,
        profile=get_profile("official"),
        backbone=backbone,
        segmenter=None,
        image=_image_rules(folder),
    )
    renamed = {_our_name(key): value for key, value in weights.items()}
    if not block.get("enabled", True):
        return Checkpoint(config, renamed, {}, {}, files, _revision(folder, used))
    recipe = _read_recipe(folder, block)
    config = dataclasses.replace(config, segmenter=SegmenterConfig(recipe, block["points_per_side"]))
    source = _segmenter_file(folder, block, segmenter)
    sam = read_tensors(source)
    halves = read_tensors(folder / CONNECTOR_FILE)
    if set(halves) != set(CONNECTOR_PARTS):
        raise CheckpointError(f"{folder / CONNECTOR_FILE}: holds {sorted(halves)}, expected {sorted(CONNECTOR_PARTS)}.")
    connector = {
        f"{ours}.{key}": value for theirs, ours in CONNECTOR_PARTS.items() for key, value in halves[theirs].items()
    }
    used += [source, folder / CONNECTOR_FILE]
    return Checkpoint(config, renamed, sam.get("model", sam), connector, files, _revision(folder, used))


def _read_weights(folder: Path) -> tuple[dict[str, Tensor], list[Path]]:
    """All tensors of a folder's model files, one or sharded, and the files."""
    for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        if (folder / index).is_file():
            names = sorted(set(_read_json(folder / index)["weight_map"].values()))
            strange = [name for name in names if Path(name).name != name]
            if strange:
                raise CheckpointError(f"{folder / index}: shard {strange[0]!r} is not a file beside it.")
            files = [folder / name for name in names]
            break
    else:
        files = [folder / name for name in ("model.safetensors", "pytorch_model.bin") if (folder / name).is_file()][:1]
        if not files:
            raise CheckpointError(f"{folder}: neither model.safetensors nor pytorch_model.bin, whole or in shards.")
    weights: dict[str, Tensor] = {}
    for file in files:
        weights |= read_tensors(file)
    return weights, files


def _read_recipe(folder: Path, block: Mapping[str, Any]) -> Mapping[str, Any]:
    """SAM 2's config: the YAML file in the checkpoint's folder, else the stock one of that name."""
    name = str(block["config_path"])
    for file in (_below(folder, name), _below(_sam2_configs(), name)):
        if file is not None and file.is_file():
            return _read_yaml(file)
    raise CheckpointError(f"virtue_sam.config_path {name!r} is neither below {folder} nor among sam2's own configs.")


def _read_yaml(file: Path) -> Mapping[str, Any]:
    try:
        # Not plain YAML 1.1: SAM 2's files write 1e-6, which is a number to OmegaConf only.
        loaded = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file}: not a YAML config ({str(error).partition(chr(10))[0]}).") from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("model"), dict):
        raise CheckpointError(f"{file}: no table `model`; this is no SAM 2 config.")
    return dict(loaded["model"])


def _segmenter_file(folder: Path, block: Mapping[str, Any], given: str | Path | None) -> Path:
    """SAM 2's weights: where the caller says, where the checkpoint says, or the Hub's file of that name."""
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

    named = Path(str(given if given is not None else block["checkpoint"]))
    for file in (named,) if given is not None else (_below(folder, str(named)), named):
        if file is not None and file.is_file():
            return file
    ids = {Path(weights).name: (hub, weights) for hub, (_, weights) in HF_MODEL_ID_TO_FILENAMES.items()}
    ids |= {hub: (hub, weights) for hub, (_, weights) in HF_MODEL_ID_TO_FILENAMES.items()}
    hub = ids.get(str(given)) or ids.get(named.name)
    if hub is None:
        raise CheckpointError(f"SAM 2's weights {str(named)!r} are missing: give segmenter=FILE or its Hub id.")
    try:
        return Path(hf_hub_download(*hub))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"SAM 2's weights {str(named)!r} are not here and {hub[0]} cannot be fetched: give segmenter=FILE."
        ) from error


def _image_rules(folder: Path) -> ImageRules:
    """Normalisation and patches of the checkpoint; its limits of area do not count, the release has its own."""
    file = folder / "preprocessor_config.json"
    stored = _read_json(file) if file.is_file() else {}
    names = {
        "image_mean": "mean",
        "image_std": "std",
        "patch_size": "patch",
        "merge_size": "merge",
        "temporal_patch_size": "frames",
    }
    rules: dict[str, Any] = {ours: stored[theirs] for theirs, ours in names.items() if theirs in stored}
    rules |= {key: tuple(value) for key, value in rules.items() if isinstance(value, list)}
    return ImageRules(**rules)


def _check_keys(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], name: str) -> None:
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    reshaped = sorted(
        f"{key} {tuple(given[key].shape)} for {tuple(wanted[key].shape)}"
        for key in wanted.keys() & given.keys()
        if given[key].shape != wanted[key].shape
    )
    kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
    found = [f"{len(keys)} keys {kind}: {_some(keys)}" for kind, keys in kinds if keys]
    if found:
        raise CheckpointError(f"{name}: the weights do not fit the config; {'; '.join(found)}.")


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:NAMED]) + (", ..." if len(keys) > NAMED else "")


def _our_name(key: str) -> str:
    for theirs, ours in OLD_NAMES:
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return key


def _official_name(key: str) -> str:
    return "model." + key.removeprefix("language_model.") if key.startswith("language_model.") else key


def _below(folder: Path, name: str) -> Path | None:
    """`folder/name`, unless it leads out of the folder."""
    path = PurePosixPath(name)
    return None if path.is_absolute() or ".." in path.parts else folder / path


def _sam2_configs() -> Path:
    import sam2

    return Path(str(sam2.__file__)).parent / "configs"


def _is_zip(file: Path) -> bool:
    """Whether torch can map the file; its old format cannot be."""
    with file.open("rb") as stream:
        return stream.read(2) == b"PK"


def _read_json(file: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{file}: no such file; is {file.parent} a checkpoint?") from error
    except ValueError as error:
        raise CheckpointError(f"{file}: not JSON ({error}).") from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{file}: holds a {type(loaded).__name__}, not a table.")
    return loaded


def _small_files(folder: Path) -> dict[str, bytes]:
    found = {path for pattern in SMALL_FILES for path in folder.rglob(pattern) if path.is_file()}
    names = {path.relative_to(folder).as_posix(): path for path in sorted(found)}
    return {name: path.read_bytes() for name, path in names.items() if not name.endswith(".index.json")}


def _write_files(files: Mapping[str, bytes], out: Path) -> None:
    for name, content in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)


def _revision(folder: Path, weights: list[Path]) -> str:
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    total = hashlib.sha256()
    for file in weights:
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:12]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    if folder.exists():
        raise CheckpointError(f"{folder} exists; name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    out = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield out
        out.rename(folder)
    except BaseException:
        shutil.rmtree(out)
        raise
