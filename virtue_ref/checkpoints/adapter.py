"""Read LoRA adapters as the official trainer writes them, with the connector in the same folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from virtue_ref.checkpoints.checkpoint import Checkpoint, LoraAdapter
from virtue_ref.checkpoints.lora_targets import ADAPTED_KEY, check_settings, replace_weights, resolve_settings
from virtue_ref.checkpoints.official import (
    CONNECTOR_FILE,
    RELEASED_SEGMENTER,
    add_segmenter,
    read_connector,
    read_image_rules,
    rename_backbone_keys,
    to_our_key,
)
from virtue_ref.checkpoints.tensors import find_revision, read_json, read_small_files
from virtue_ref.checkpoints.weight_files import read_weights
from virtue_ref.config import Config, get_profile

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_PREFIX = "base_model.model."


def read_adapter(folder: Path, base: Checkpoint | None, base_folder: Path, segmenter: str | Path | None) -> Checkpoint:
    """Read a LoRA adapter and the connector beside it, and put both into the checkpoint of their base model.

    Args:
        folder: folder with adapter_config.json, the adapter's weights, and the connector if it was trained too.
        base: the VIRTUE that the adapter changes; None if the base model is a plain Qwen2-VL.
        base_folder: folder of the base model; read only if `base` is None.
        segmenter: used only if `base` is None; see `virtue_ref.checkpoints.official.read_official`.

    Returns:
        The checkpoint of the base model with the adapter in `Checkpoint.adapter`, not merged, and with the folder's
        connector if it has one. Its revision is "<adapter's>+<base model's>".

    Raises:
        CheckpointError: a file is missing, belongs to another model, or is a pickle of more than tensors; or the
            adapter does not fit the base model, or has a setting that cannot be applied here.
    """
    if base is None:
        stored = read_json(base_folder / "config.json")
        weights, used = read_weights(base_folder)
        config = Config(folder.name, get_profile("official"), stored, None, read_image_rules(base_folder))
        base = Checkpoint(
            config, rename_backbone_keys(weights, stored, base_folder), {}, {}, read_small_files(base_folder)
        )
        block = read_json(folder / "config.json").get("virtue_sam") if (folder / "config.json").is_file() else None
        base = add_segmenter(base, folder, block or RELEASED_SEGMENTER, segmenter, used)
    elif (folder / CONNECTOR_FILE).is_file():
        base = dataclasses.replace(base, connector=read_connector(folder))
    settings = read_json(folder / ADAPTER_CONFIG)
    where = str(folder / ADAPTER_CONFIG)
    check_settings(settings, where)
    stored, used = read_weights(folder, "adapter_model", "adapter_model")
    weights = {to_our_key(key.removeprefix(ADAPTER_PREFIX)): value for key, value in stored.items()}
    adapted = {key: value for key, value in weights.items() if ADAPTED_KEY.fullmatch(key)}
    whole = {key.replace(".base_layer.", "."): value for key, value in weights.items() if key not in adapted}
    adapter = LoraAdapter(resolve_settings(settings, adapted, base.backbone, where), adapted)
    backbone = replace_weights(settings, whole, base.backbone, where)
    connector_file = [folder / CONNECTOR_FILE] if (folder / CONNECTOR_FILE).is_file() else []
    revision = f"{find_revision(folder, used + connector_file)}+{base.revision}"
    return dataclasses.replace(base, backbone=backbone, adapter=adapter, revision=revision)
