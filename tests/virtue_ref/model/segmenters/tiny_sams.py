"""Configs of tiny segmenters of transformers: the real architectures with eight cells a side."""

from __future__ import annotations

from typing import Any

from virtue_ref.config import SegmenterConfig

PROMPTS = {"hidden_size": 32, "mask_input_channels": 8}
DECODER = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32}
SIZES = [[32, 32], [16, 16], [8, 8]]

SAM3: dict[str, Any] = {
    "model_type": "sam3_tracker",
    "vision_config": {
        "model_type": "sam3_vision_model",
        "fpn_hidden_size": 32,
        "backbone_feature_sizes": SIZES,
        "backbone_config": {
            "model_type": "sam3_vit_model",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 112,
            "patch_size": 14,
            "window_size": 4,
            "global_attn_indexes": [1],
            "pretrain_image_size": 56,
        },
    },
    "prompt_encoder_config": {**PROMPTS, "image_size": 112, "patch_size": 14},
    "mask_decoder_config": DECODER,
}

EDGETAM: dict[str, Any] = {
    "model_type": "edgetam",
    "vision_config": {
        "model_type": "edgetam_vision_model",
        "fpn_hidden_size": 32,
        "backbone_channel_list": [32, 24, 16, 8],
        "backbone_feature_sizes": SIZES,
        "backbone_config": {
            "model_type": "timm_wrapper",
            "architecture": "repvit_m1",
            "num_classes": 0,
            "model_args": {
                "in_chans": 3,
                "features_only": True,
                "out_indices": [0, 1, 2, 3],
                "embed_dim": [8, 16, 24, 32],
                "depth": [1, 1, 1, 1],
            },
        },
    },
    "prompt_encoder_config": {**PROMPTS, "image_size": 128, "patch_size": 16},
    "mask_decoder_config": DECODER,
}

SAM_HQ: dict[str, Any] = {
    "model_type": "sam_hq",
    "vision_config": {
        "hidden_size": 32,
        "output_channels": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 128,
        "patch_size": 16,
        "window_size": 4,
        "global_attn_indexes": [1],
        "num_pos_feats": 16,
        "mlp_dim": 64,
        "initializer_range": 0.1,
    },
    "prompt_encoder_config": {**PROMPTS, "image_size": 128, "patch_size": 16},
    "mask_decoder_config": {**DECODER, "vit_dim": 32},
}

CONFIGS = {
    name: SegmenterConfig(model, package=name)
    for name, model in {"sam3": SAM3, "edgetam": EDGETAM, "sam_hq": SAM_HQ}.items()
}
