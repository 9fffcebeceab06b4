"""Configs of tiny models of Qwen: the real architectures with two or three layers."""

from __future__ import annotations

import dataclasses
from typing import Any

from virtue_ref.config import Config, ImageRules

TINY = Config.read("tiny")

QWEN2_5: dict[str, Any] = {
    **TINY.backbone,
    "model_type": "qwen2_5_vl",
    "vision_config": {
        "model_type": "qwen2_5_vl",
        "depth": 2,
        "hidden_size": 32,
        "out_hidden_size": 64,
        "num_heads": 2,
        "intermediate_size": 64,
        "fullatt_block_indexes": [1],
        "initializer_range": 0.2,
    },
}

QWEN3: dict[str, Any] = {
    **TINY.backbone,
    "model_type": "qwen3_vl",
    "text_config": {
        "model_type": "qwen3_vl_text",
        "vocab_size": 272,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rope_theta": 5000000.0,
        "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": [4, 2, 2]},
        "initializer_range": 0.2,
    },
    "vision_config": {
        "model_type": "qwen3_vl",
        "depth": 3,
        "hidden_size": 32,
        "out_hidden_size": 64,
        "num_heads": 2,
        "intermediate_size": 64,
        "num_position_embeddings": 36,
        "deepstack_visual_indexes": [0, 1],
        "initializer_range": 0.2,
    },
}

HALF = (0.5, 0.5, 0.5)

CONFIGS: dict[str, Config] = {
    "qwen2_vl": TINY,
    "qwen2_5_vl": dataclasses.replace(TINY, backbone=QWEN2_5),
    "qwen3_vl": dataclasses.replace(
        TINY, backbone=QWEN3, image=ImageRules(max_pixels=64 * 32 * 32, mean=HALF, std=HALF, patch=16)
    ),
}
"""``model_type`` -> config."""
