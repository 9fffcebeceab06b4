"""Read and write the layout of the published models: Qwen2-VL's files, a `.pth` with the connector, and SAM 2's files.

Whole models are read from safetensors or torch files, in shards or not, with the keys of transformers before or since
4.52; `virtue_ref.checkpoints.adapter` reads LoRA adapters. Models are written as the release writes them: with the old
keys, and `virtue_sam` in config.json.

Source: sony/virtue, codes/HF_model_conversion and codes/src/trainer.py.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from safetensors.torch import save_file
from torch import Tensor
from yaml import YAMLError  # type: ignore[import-untyped]

from scar.errors import CheckpointError, first_line
from virtue_ref.checkpoints.checkpoint import HEAD_KEY, Checkpoint
from virtue_ref.checkpoints.format import create_checkpoint_folder
from virtue_ref.checkpoints.settings import (
    OFFICIAL_SETTINGS_FILE,
    read_official_settings,
    write_official_settings,
)
from virtue_ref.checkpoints.tensors import (
    find_revision,
    read_json,
    read_small_files,
    read_tensors,
)
from virtue_ref.checkpoints.weight_files import read_weights
from virtue_ref.config import Config, ImageRules, SegmenterConfig, get_profile
from virtue_ref.model.segmenters.segmenter import SAM2_PACKAGES, find_segmenter_class

CONNECTOR_FILE = "sam2_reducer_and_vlm_layer.pth"
CONNECTOR_HALVES = {"sam2_reducer": "reducer", "sam2vlm_layer": "mlp"}
"""Official name -> our name of each half of the connector."""

KEY_PREFIXES = (
    ("model.language_model.", "language_model."),
    ("model.visual.", "visual."),
    ("model.", "language_model."),
)
"""(official, our) beginnings of the backbone's keys; the first match is used. The last is of transformers < 4.52."""

DEFAULT_PACKAGE = SegmenterConfig({}).package

EMBEDDING_KEY = "language_model.embed_tokens.weight"

RELEASED_SEGMENTER = {
    "enabled": True,
    "config_path": "./sam2.1/sam2.1_hiera_b+.yaml",
    "checkpoint": "./sam2_checkpoints/sam2.1_hiera_base_plus.pt",
    "points_per_side": 3,
    "feature_levels": 2,
}
"""The release's `virtue_sam`, used for folders from its trainer: they hold a connector but no `virtue_sam`."""


def read_official(folder: Path, segmenter: str | Path | None = None) -> Checkpoint:
    """Read a checkpoint from a folder in the official layout; its profile is "official" unless the folder says another.

    Args:
        folder: folder with config.json and weights.
        segmenter: file of SAM 2's weights, or a Hub id such as "facebook/sam2.1-hiera-base-plus". None takes the path
            `checkpoint` in config.json's `virtue_sam`: below the folder, else below the working directory as the
            release does, else the file of that name on the Hub.

    Returns:
        The checkpoint; without segmenter and connector if config.json says that they are not enabled.

    Raises:
        CheckpointError: the folder is no VIRTUE; or a file is missing, damaged, or a pickle of more than tensors.
        ConfigError: the folder's own settings name an unknown profile.
    """
    stored = read_json(folder / "config.json")
    block = stored.get("virtue_sam")
    if block is None and (folder / CONNECTOR_FILE).is_file():
        block = RELEASED_SEGMENTER
    if not isinstance(block, dict):
        raise CheckpointError(f"{folder}: no virtue_sam in config.json and no {CONNECTOR_FILE}; this is no VIRTUE.")
    weights, used = read_weights(folder)
    base = Checkpoint(
        config=Config(
            name=folder.name,
            profile=get_profile("official"),
            backbone={key: value for key, value in stored.items() if key != "virtue_sam"},
            segmenter=None,
            image=read_image_rules(folder),
        ),
        backbone=rename_backbone_keys(weights, stored, folder),
        segmenter={},
        connector={},
        files={name: content for name, content in read_small_files(folder).items() if name != OFFICIAL_SETTINGS_FILE},
    )
    if block.get("enabled", True):
        read = add_segmenter(base, folder, block, segmenter, used)
    else:
        read = dataclasses.replace(base, revision=find_revision(folder, used))
    return dataclasses.replace(read, config=read_official_settings(read.config, folder))


def read_parts(config: Config, backbone: Path, segmenter: str | Path | None) -> Checkpoint:
    """Read the pretrained parts that a new VIRTUE starts from: backbone and segmenter. The connector is left empty.

    Args:
        config: config of the VIRTUE; whether the weights fit it is not checked here.
        backbone: folder of the backbone, such as a Qwen2-VL.
        segmenter: file or Hub id of SAM 2's weights. None takes sam2.1_hiera_base_plus.pt: from the folder `backbone`,
            else from the working directory, else from the Hub. Of other segmenters it is the folder or Hub id of a
            model of transformers, and must be given. Not used if the config has no segmenter.

    Raises:
        CheckpointError: a file is missing, damaged, or a pickle of more than tensors.
    """
    stored = read_json(backbone / "config.json")
    weights, used = read_weights(backbone)
    sam: Mapping[str, Tensor] = {}
    if config.segmenter is not None and config.segmenter.package in SAM2_PACKAGES:
        source = _find_segmenter_file(backbone, "sam2.1_hiera_base_plus.pt", segmenter)
        loaded = read_tensors(source)
        sam, used = loaded.get("model", loaded), [*used, source]
    elif config.segmenter is not None:
        if segmenter is None:
            raise CheckpointError(
                f"{config.name}: give segmenter=, the folder or Hub id of {config.segmenter.package}."
            )
        sam = find_segmenter_class(config.segmenter.package).read_weights(str(segmenter))
    return Checkpoint(
        config=config,
        backbone=rename_backbone_keys(weights, stored, backbone),
        segmenter=sam,
        connector={},
        files=read_small_files(backbone),
        revision=find_revision(backbone, used),
    )


def write_official(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint in the layout that the released code reads; the folder appears complete or not at all.

    SAM 2's config and weights are written to the paths that `virtue_sam` in config.json gives, below the folder.
    Settings that this layout has no place for go into a file of ours, see `virtue_ref.checkpoints.settings`.

    Raises:
        CheckpointError: the folder exists, an adapter is not merged yet, a path in `virtue_sam` leads out of the
            folder, or the segmenter is not SAM 2.
    """
    named = checkpoint.config.segmenter
    if named is not None and named.package not in SAM2_PACKAGES:
        raise CheckpointError(f"{folder}: the official layout holds SAM 2, not {named.package}; write ours.")
    with create_checkpoint_folder(folder, checkpoint) as out:
        config = checkpoint.config
        original = json.loads(checkpoint.files.get("config.json", b"null"))
        stored = dict(original or config.backbone)
        stored["virtue_sam"] = _make_virtue_sam(config, stored.get("virtue_sam"))
        if stored != original:
            (out / "config.json").write_text(json.dumps(stored, indent=2) + "\n")
        plain = Config(config.name, get_profile("official"), stored, None, read_image_rules(out))
        if config.segmenter is not None:
            plain = dataclasses.replace(plain, segmenter=dataclasses.replace(config.segmenter, package=DEFAULT_PACKAGE))
        write_official_settings(config, out, plain)
        save_file(
            {_to_official_key(key): value.contiguous() for key, value in checkpoint.backbone.items()},
            out / "model.safetensors",
            {"format": "pt"},
        )
        if checkpoint.config.segmenter is None:
            return
        recipe, weights = (_join_below(out, str(stored["virtue_sam"][key])) for key in ("config_path", "checkpoint"))
        if recipe is None or weights is None:
            raise CheckpointError(f"{checkpoint.config.name}: virtue_sam in config.json leads out of the folder.")
        for file in (recipe, weights):
            file.parent.mkdir(parents=True, exist_ok=True)
        if not recipe.exists():
            OmegaConf.save(OmegaConf.create({"model": dict(checkpoint.config.segmenter.model)}), recipe)
        torch.save({"model": dict(checkpoint.segmenter)}, weights)
        halves: dict[str, dict[str, Tensor]] = {}
        for theirs, ours in CONNECTOR_HALVES.items():
            group = {key: value for key, value in checkpoint.connector.items() if key.startswith(f"{ours}.")}
            halves[theirs] = {key.removeprefix(f"{ours}."): value for key, value in group.items()}
        torch.save(halves, out / CONNECTOR_FILE)


def add_segmenter(
    base: Checkpoint,
    folder: Path,
    virtue_sam: Mapping[str, Any],
    segmenter: str | Path | None,
    weight_files: list[Path],
) -> Checkpoint:
    """Return a checkpoint of a backbone with SAM 2 and the connector added, and with a revision of all weight files.

    Args:
        base: the checkpoint that has only a backbone.
        folder: folder of the connector, and of SAM 2's files if they are there.
        virtue_sam: the table `virtue_sam` of a config.json; its paths are relative to `folder`.
        segmenter: see `read_official`.
        weight_files: the files that the backbone was read from.

    Raises:
        CheckpointError: `virtue_sam` lacks a key; or a file is missing, damaged, or a pickle of more than tensors.
    """
    try:
        recipe_name, weights_name = str(virtue_sam["config_path"]), str(virtue_sam["checkpoint"])
        points_per_side = int(virtue_sam["points_per_side"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / 'config.json'}: virtue_sam lacks {error}.") from error
    recipe, source = _read_sam2_config(folder, recipe_name), _find_segmenter_file(folder, weights_name, segmenter)
    weights = read_tensors(source)
    own = folder / recipe_name
    files = dict(base.files)
    if _join_below(folder, recipe_name) is not None and own.is_file():
        files[PurePosixPath(recipe_name).as_posix()] = own.read_bytes()
    return dataclasses.replace(
        base,
        config=dataclasses.replace(base.config, segmenter=SegmenterConfig(recipe, points_per_side)),
        segmenter=weights.get("model", weights),
        connector=read_connector(folder),
        files=files,
        revision=find_revision(folder, [*weight_files, source, folder / CONNECTOR_FILE]),
    )


def read_connector(folder: Path) -> dict[str, Tensor]:
    """Read the connector of a folder in the official layout: weights under our keys ``reducer.*`` and ``mlp.*``.

    Raises:
        CheckpointError: the file is missing, damaged, or holds something else than the connector's two halves, its
            convolution and its MLP.
    """
    halves = read_tensors(folder / CONNECTOR_FILE)
    if set(halves) != set(CONNECTOR_HALVES) or not all(isinstance(half, dict) for half in halves.values()):
        raise CheckpointError(f"{folder / CONNECTOR_FILE}: holds {sorted(halves)}, not {sorted(CONNECTOR_HALVES)}.")
    return {
        f"{ours}.{key}": value for theirs, ours in CONNECTOR_HALVES.items() for key, value in halves[theirs].items()
    }


def rename_backbone_keys(weights: Mapping[str, Tensor], stored: Mapping[str, Any], where: Path) -> dict[str, Tensor]:
    """Rename a backbone's weights to our keys, and drop ``lm_head.weight`` if config.json ties it to the embedding.

    Args:
        weights: the weights under the keys of the file.
        stored: the backbone's config.json.
        where: folder of the weights, for messages.

    Raises:
        CheckpointError: two keys get the same name, or a tied head differs from the embedding.
    """
    text = stored.get("text_config", {})
    tied = stored.get("tie_word_embeddings", text.get("tie_word_embeddings", False))
    renamed: dict[str, Tensor] = {}
    for key, value in weights.items():
        ours = to_our_key(key)
        if ours in renamed:
            raise CheckpointError(f"{where}: {key} is there twice, under its old and its new name; take one out.")
        renamed[ours] = value
    # Torch files hold a tied head too, as a copy of the embedding.
    head = renamed.pop(HEAD_KEY, None) if tied else None
    embedding = renamed.get(EMBEDDING_KEY)
    if head is not None and embedding is not None and not torch.equal(head, embedding):
        raise CheckpointError(
            f"{where}: config.json ties {HEAD_KEY} to the embedding, and the weights of the two differ; "
            "set tie_word_embeddings to false."
        )
    return renamed


def to_our_key(key: str) -> str:
    """Rename one key of a backbone, see `KEY_PREFIXES`; a key that has no such beginning is returned unchanged.

    >>> to_our_key("model.layers.0.mlp.up_proj.weight")
    'language_model.layers.0.mlp.up_proj.weight'
    """
    for theirs, ours in KEY_PREFIXES:
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    return key


def _to_official_key(key: str) -> str:
    return "model." + key.removeprefix("language_model.") if key.startswith("language_model.") else key


def _make_virtue_sam(config: Config, stored: Any) -> dict[str, Any]:
    """The table `virtue_sam` of a config; what a stored one says besides is kept."""
    if config.segmenter is None:
        return {**(stored or {}), "enabled": False}
    paths = {"config_path": "./sam2.yaml", "checkpoint": "./sam2.pt"}
    own = {"points_per_side": config.segmenter.points_per_side}
    if stored and not stored.get("enabled", True):
        own["enabled"] = True
    return {**(stored or RELEASED_SEGMENTER | paths), **own}


def _read_sam2_config(folder: Path, name: str) -> Mapping[str, Any]:
    """Read SAM 2's config: from the YAML file in the checkpoint's folder, else from the `sam2` package."""
    import sam2

    stock = Path(str(sam2.__file__)).parent / "configs"
    for file in (_join_below(folder, name), _join_below(stock, name)):
        if file is not None and file.is_file():
            try:
                # Not plain YAML 1.1: SAM 2's files write 1e-6, which is a number to OmegaConf only.
                loaded = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
            except (OmegaConfBaseException, YAMLError, UnicodeDecodeError, OSError) as error:
                raise CheckpointError(f"{file}: not a YAML config ({first_line(error)}).") from error
            if not isinstance(loaded, dict) or not isinstance(loaded.get("model"), dict):
                raise CheckpointError(f"{file}: no table `model`; this is no SAM 2 config.")
            return {str(key): value for key, value in loaded["model"].items()}
    raise CheckpointError(f"virtue_sam.config_path {name!r} is neither below {folder} nor among sam2's own configs.")


def _find_segmenter_file(folder: Path, name: str, segmenter: str | Path | None) -> Path:
    """Find SAM 2's weights: the caller's file, else the checkpoint's file, else the file with that name on the Hub."""
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

    for file in (_join_below(folder, name), Path(name)) if segmenter is None else (Path(segmenter),):
        if file is not None and file.is_file():
            return file
    wanted = str(name if segmenter is None else segmenter)
    for repository, (_, weights) in HF_MODEL_ID_TO_FILENAMES.items():
        if wanted == repository or Path(wanted).name == weights:
            try:
                return Path(hf_hub_download(repository, weights))
            except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
                raise CheckpointError(
                    f"SAM 2's weights {wanted!r} are not here, nor can {repository} be fetched: give segmenter=FILE."
                ) from error
    raise CheckpointError(f"SAM 2's weights {wanted!r} are missing: give segmenter=FILE or a Hub id of facebook/sam2.*")


def read_image_rules(folder: Path) -> ImageRules:
    """Read normalisation and patch sizes from a folder's preprocessor_config.json; other rules are the defaults.

    Without the file, all rules are the defaults. Its min_pixels and max_pixels are ignored, as in the release.

    Raises:
        CheckpointError: the file is there and is not readable JSON.
    """
    names = {
        "image_mean": "mean",
        "image_std": "std",
        "patch_size": "patch",
        "merge_size": "merge",
        "temporal_patch_size": "frames",
    }
    file = folder / "preprocessor_config.json"
    stored = read_json(file) if file.is_file() else {}
    rules: dict[str, Any] = {ours: stored[theirs] for theirs, ours in names.items() if theirs in stored}
    rules |= {key: tuple(value) for key, value in rules.items() if isinstance(value, list)}
    return ImageRules(**rules)


def _join_below(folder: Path, name: str) -> Path | None:
    """The path `folder / name`; None if it leads out of the folder."""
    path = PurePosixPath(name)
    return None if path.is_absolute() or ".." in path.parts else folder / path
