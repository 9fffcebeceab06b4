"""Find the layers that a LoRA adapter changes, from the patterns of its adapter_config.json and from its weights.

peft matches patterns with the names that modules had when the adapter was trained. These differ from our names and
between versions of transformers, so that a full path or a regular expression would match nothing here. Patterns are
therefore matched under each naming. The naming is used whose layers agree best with the adapter's weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import Tensor

from scar.errors import CheckpointError
from virtue_ref.checkpoints.checkpoint import HEAD_KEY
from virtue_ref.checkpoints.official import EMBEDDING_KEY

USED_SETTINGS = frozenset(
    {
        *("r", "lora_alpha", "use_dora", "use_rslora", "lora_bias"),
        *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
        *("rank_pattern", "alpha_pattern", "modules_to_save", "bias", "init_lora_weights", "peft_type"),
    }
)
"""Keys of an adapter_config.json that change vectors and are read."""

UNUSED_SETTINGS = frozenset(
    {
        *("task_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode"),
        *("lora_dropout", "fan_in_fan_out", "megatron_config", "megatron_core", "loftq_config", "eva_config"),
        *("corda_config", "lora_ga_config", "qalora_group_size", "runtime_config", "ensure_weight_tying"),
    }
)
"""Keys that concern training or other kinds of layers, or could load other code."""

HARMLESS_STARTS = (True, False, None, "gaussian", "eva", "orthogonal")
"""Values of init_lora_weights that leave the base model's weights as they are."""

ADAPTED_KEY = re.compile(r"(?P<layer>.+)\.(?P<part>lora_(A|B|embedding_A|embedding_B|magnitude_vector)(\..+)?)")
"""Key of an adapter's weight: layer and part."""

ALL_LINEAR = "all-linear"
HEAD = HEAD_KEY.partition(".")[0]

NAMINGS: tuple[Callable[[str], str], ...] = (
    lambda name: f"model.{name}" if name.startswith(("language_model.", "visual.")) else name,
    lambda name: re.sub(r"^language_model\.", "model.", name),
    lambda name: name,
)
"""Our name of a module -> its name in transformers since 4.52, in those before, and ours."""


def check_settings(settings: Mapping[str, Any], where: str) -> None:
    """Check that each setting of an adapter_config.json can be applied here; `where` is its path, for messages.

    Raises:
        CheckpointError: the adapter is no LoRA; its init_lora_weights changed the base model's weights before training;
            or a setting that is neither known nor empty would change vectors.
    """
    if (kind := settings.get("peft_type", "LORA")) != "LORA":
        raise CheckpointError(f"{where}: peft_type {kind!r}; only LORA is read. Merge the adapter with peft.")
    start = settings.get("init_lora_weights")
    if not any(start is each or start == each for each in HARMLESS_STARTS):
        raise CheckpointError(
            f"{where}: init_lora_weights {start!r} changed the base model's weights; merge the adapter with peft, or "
            "save it with path_initial_model_for_weight_conversion."
        )
    unknown = sorted(key for key in settings.keys() - USED_SETTINGS - UNUSED_SETTINGS if settings[key])
    if unknown:
        raise CheckpointError(
            f"{where}: {unknown[0]} = {settings[unknown[0]]!r} is not supported; merge the adapter with peft."
        )


def resolve_settings(
    settings: Mapping[str, Any], weights: Collection[str], base: Mapping[str, Tensor], where: str
) -> dict[str, Any]:
    """Make the arguments of peft's LoraConfig that adapt exactly the layers for which the adapter has weights.

    Args:
        settings: content of adapter_config.json.
        weights: keys of the adapter's weights, with our names of modules.
        base: weights of the base model's backbone by our key.
        where: path of adapter_config.json, for messages.

    Returns:
        `target_modules` as full names of our modules, `rank_pattern` and `alpha_pattern` for these names, and the
        numbers and switches of LoRA as they are in `settings`.

    Raises:
        CheckpointError: the patterns match no layer, are malformed, or match other layers than those that have weights;
            the message names keys.
    """
    from peft import LoraConfig
    from peft.tuners.tuners_utils import check_target_module_exists
    from peft.utils.other import get_pattern_key

    adapted = {match["layer"] for key in weights if (match := ADAPTED_KEY.fullmatch(key))}
    layers = {key.rpartition(".")[0]: value for key, value in base.items() if key.endswith(".weight")}
    target = settings.get("target_modules")
    selecting = ("exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save")
    try:
        config = LoraConfig(
            target_modules=target, **{key: settings[key] for key in selecting if settings.get(key) is not None}
        )
        found = []
        for rename in NAMINGS:
            if target is None:
                matched = set(adapted)
            elif target == ALL_LINEAR:
                matched = {name for name, value in layers.items() if value.ndim == 2 and "embed" not in name}
            else:
                matched = {name for name in layers if check_target_module_exists(config, rename(name))}
            found.append((matched, rename))
    except (TypeError, ValueError, re.error) as error:
        raise CheckpointError(f"{where}: the adapter does not fit the backbone: {error}") from error
    matched, rename = min(found, key=lambda each: len(each[0] ^ adapted))
    if not matched:
        raise CheckpointError(
            f"{where}: the adapter does not fit the backbone: target_modules {target!r} match no layer of it."
        )
    wanted = {f"{layer}.{part}" for layer in matched for part in _list_parts(layer, settings)}
    given = {key for key in weights if ADAPTED_KEY.fullmatch(key)}
    _raise_misfit(wanted - given, given - wanted, where)
    patterns = {}
    for key in ("rank_pattern", "alpha_pattern"):
        table = settings.get(key) or {}
        named = {name: get_pattern_key(list(table), rename(name)) for name in sorted(matched)}
        patterns[key] = {f"^{re.escape(name)}": table[pattern] for name, pattern in named.items() if pattern in table}
    kept = ("r", "lora_alpha", "use_dora", "use_rslora", "lora_bias")
    return {key: settings[key] for key in kept if key in settings} | {"target_modules": sorted(matched)} | patterns


def replace_weights(
    settings: Mapping[str, Any], whole: Mapping[str, Tensor], base: Mapping[str, Tensor], where: str
) -> dict[str, Tensor]:
    """Replace weights of the backbone by those that the adapter stores whole: biases and `modules_to_save`.

    Args:
        settings: content of adapter_config.json.
        whole: the adapter's weights that are not matrices or vectors of LoRA, by our key.
        base: weights of the base model's backbone by our key.
        where: path of adapter_config.json, for messages.

    Returns:
        All weights of the backbone.

    Raises:
        CheckpointError: `settings` announces a weight that `whole` lacks, `whole` has one that `base` lacks, or it has
            a head that differs from the embedding to which the base ties it; the message names keys.
    """
    wanted: set[str] = set()
    for name in settings.get("modules_to_save") or ():
        parts = re.compile(rf"(^|.*\.){name}\.[^.].*")
        wanted |= {key for key in base if any(parts.fullmatch(rename(key)) for rename in NAMINGS)} or {name} - {HEAD}
    if settings.get("bias", "none") == "all":
        wanted |= {key for key in base if key.endswith(".bias")}
    _raise_misfit(wanted - whole.keys(), whole.keys() - base.keys() - {HEAD_KEY}, where)
    if HEAD_KEY in whole and HEAD_KEY not in base:
        embedding = whole.get(EMBEDDING_KEY, base.get(EMBEDDING_KEY))
        if embedding is None or not whole[HEAD_KEY].equal(embedding):
            raise CheckpointError(f"{where}: the base ties {HEAD_KEY} to the embedding; the adapter's differs from it.")
    return {**base, **{key: value for key, value in whole.items() if key in base}}


def _list_parts(layer: str, settings: Mapping[str, Any]) -> list[str]:
    parts = ["lora_embedding_A", "lora_embedding_B"] if "embed_tokens" in layer else ["lora_A.weight", "lora_B.weight"]
    parts += ["lora_magnitude_vector"] if settings.get("use_dora") else []
    return parts + (["lora_B.bias"] if settings.get("lora_bias") else [])


def _raise_misfit(missing: Collection[str], unexpected: Collection[str], where: str) -> None:
    """Raise `CheckpointError` if keys are missing or unexpected; the message names some."""
    kinds = (("missing", sorted(missing)), ("unexpected", sorted(unexpected)))
    found = [f"{len(keys)} {kind}: {', '.join(keys[:5])}{', ...' * bool(keys[5:])}" for kind, keys in kinds if keys]
    if found:
        raise CheckpointError(f"{where}: the adapter does not fit the backbone. Keys {'; keys '.join(found)}.")
