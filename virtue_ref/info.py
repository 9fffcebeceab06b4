"""What a config or a checkpoint is, and whether its parts fit together, without running it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights
from torch import Tensor

from virtue_ref import checkpoint
from virtue_ref.config import Config, is_config
from virtue_ref.errors import VirtueError
from virtue_ref.model import Virtue
from virtue_ref.tokens import IMAGE, byte_tokenizer, read_tokenizer

PARTS = {
    "vision encoder": "backbone.visual.",
    "language model": "backbone.language_model.",
    "segmenter": "segmenter.",
    "connector": "connector.",
}


def describe(name: str | Path, segmenter: str | Path | None = None) -> dict[str, Any]:
    """Sizes, settings and checks of a model; a plain table that JSON can hold.

    Args:
        name: as `virtue_ref.load` takes it.
        segmenter: as `virtue_ref.load` takes it.

    Raises:
        VirtueError: there is no such model, or a part of it is missing, foreign or of another size.
    """
    if is_config(name):
        config = Config.read(name)
        with init_empty_weights(include_buffers=False):
            weights = Virtue(config).state_dict()
        return _facts(config, weights) | {"weights": "random", "checks": _token_check(config, None)}
    folder = checkpoint.locate(name)
    stored = checkpoint.read(folder, segmenter)
    weights = checkpoint.build(stored).state_dict()
    broken = sorted(key for key, value in weights.items() if value.is_floating_point() and not value.isfinite().all())
    if broken:
        raise VirtueError(f"{folder}: weights that are not numbers in {broken[0]}; {len(broken)} tensors have them.")
    checks = ["every weight is there, none is left over, shapes fit", "all weights are finite"]
    return _facts(stored.config, weights) | {
        "weights": f"{folder} @ {stored.revision}",
        "checks": checks + _token_check(stored.config, folder),
    }


def _facts(config: Config, weights: dict[str, Tensor]) -> dict[str, Any]:
    text = config.backbone.get("text_config", config.backbone)
    vision = config.backbone["vision_config"]
    sizes = {
        part: sum(value.numel() for key, value in weights.items() if key.startswith(prefix))
        for part, prefix in PARTS.items()
    }
    types = Counter(str(value.dtype).removeprefix("torch.") for value in weights.values())
    segmenter = config.segmenter
    return {
        "name": config.name,
        "profile": config.profile.name,
        "dimensions": text["hidden_size"],
        "parameters": sizes | {"total": sum(sizes.values())},
        "type": ", ".join(sorted(types)),
        "language model": f"{config.backbone['model_type']}, {text['num_hidden_layers']} layers",
        "vocabulary": text["vocab_size"],
        "vision encoder": f"{vision['depth']} layers of {vision['embed_dim']}",
        "image pixels": [config.image.min_pixels, config.image.max_pixels],
        "resolution": config.image.resolution,
        "segmenter": None
        if segmenter is None
        else f"{segmenter.size} x {segmenter.size} pixels, {segmenter.tokens} tokens a region, "
        f"grid of {segmenter.points_per_side} x {segmenter.points_per_side} points without a prompt",
    }


def _token_check(config: Config, folder: Path | None) -> list[str]:
    tokenizer = byte_tokenizer(config.backbone) if folder is None else read_tokenizer(folder)
    wanted, found = config.backbone["image_token_id"], tokenizer.token_to_id(IMAGE)
    if found != wanted:
        raise VirtueError(f"{config.name}: the config's image token is {wanted}, the tokenizer has {IMAGE} at {found}.")
    return [f"tokenizer and config agree on {IMAGE} ({wanted})"]
