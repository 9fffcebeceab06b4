"""Describe a model, and check that the parts of a checkpoint fit together, without running it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from accelerate import init_empty_weights

from scar.errors import CheckpointError
from virtue_ref.checkpoints.checkpoint import build_model
from virtue_ref.checkpoints.resolve import read_checkpoint, refuse_segmenter
from virtue_ref.config import Config, is_config, refuse_unnamed
from virtue_ref.model.tokens import IMAGE_TOKEN, read_tokenizer
from virtue_ref.model.virtue import Virtue

PART_PREFIXES = {
    "vision encoder": "backbone.visual.",
    "language model": "backbone.language_model.",
    "segmenter": "segmenter.",
    "connector": "connector.",
}


def describe_model(name: str | Path | None, segmenter: str | Path | None = None) -> dict[str, Any]:
    """Describe a model: its sizes and settings, and the checks that it passed.

    Args:
        name: name of the model, see the argument `config` of `virtue_ref.load`; None raises `ConfigError`.
        segmenter: see `virtue_ref.load`.

    Returns:
        What ``virtue info`` prints, as a dictionary that JSON can hold: among others the number of parameters of each
        part, the dimensions of the vectors, and `checks`, a list of sentences. For a config, whose weights would be
        random, `weights` is "random" and `checks` is empty.

    Raises:
        VirtueError: no model is named, there is no such model, or a part of it is missing, has another size or holds
            values that are not finite; or `segmenter` would have no effect.
    """
    name = refuse_unnamed(name)
    if is_config(name):
        refuse_segmenter(name, segmenter)
        config = Config.read(name)
        with init_empty_weights(include_buffers=False):
            return _make_description(Virtue(config)) | {"weights": "random", "checks": []}
    stored = read_checkpoint(name, segmenter=segmenter)
    model = build_model(stored)
    broken = sorted(
        key for key, value in model.state_dict().items() if value.is_floating_point() and not value.isfinite().all()
    )
    if broken:
        raise CheckpointError(f"{name}: {len(broken)} tensors hold what is not a number: {', '.join(broken[:5])}.")
    read_tokenizer(stored.files, str(name), stored.config.backbone)
    return _make_description(model) | {
        "weights": f"{name} @ {stored.revision}",
        "checks": [
            "every weight is there, none is left over, shapes fit",
            "all weights are finite",
            f"tokenizer and config agree on {IMAGE_TOKEN} ({stored.config.backbone['image_token_id']})",
        ],
    }


def _make_description(model: Virtue) -> dict[str, Any]:
    config, weights = model.config, model.state_dict()
    text = config.backbone.get("text_config", config.backbone)
    vision = config.backbone["vision_config"]
    sizes = {
        part: sum(value.numel() for key, value in weights.items() if key.startswith(prefix))
        for part, prefix in PART_PREFIXES.items()
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
        "vision encoder": f"{vision['depth']} layers of {vision.get('embed_dim', vision['hidden_size'])}",
        "image pixels": [config.image.min_pixels, config.image.max_pixels],
        "resolution": config.image.resolution,
        "segmenter": None
        if segmenter is None or model.segmenter is None
        else f"{model.segmenter.size} x {model.segmenter.size} pixels, {model.segment_count} tokens a region, "
        f"grid of {segmenter.points_per_side} x {segmenter.points_per_side} points without a prompt",
    }
