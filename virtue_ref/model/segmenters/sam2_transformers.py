"""SAM 2 from transformers, with the weights of the `sam2` package, for machines where `sam2` cannot be installed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import Sam2Config, Sam2Model

from scar.errors import ConfigError
from virtue_ref.model.segmenters.sam_transformers import TransformersSam

PREFIX_RENAMES = (
    (r"image_encoder\.trunk\.patch_embed\.proj", "vision_encoder.backbone.patch_embed.projection"),
    (r"image_encoder\.trunk", "vision_encoder.backbone"),
    (r"image_encoder\.neck\.convs\.(\d+)\.conv", r"vision_encoder.neck.convs.\1"),
    (r"no_mem_embed", "no_memory_embedding"),
    (
        r"sam_prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    (r"sam_prompt_encoder\.mask_downscaling\.0", "prompt_encoder.mask_embed.conv1"),
    (r"sam_prompt_encoder\.mask_downscaling\.1", "prompt_encoder.mask_embed.layer_norm1"),
    (r"sam_prompt_encoder\.mask_downscaling\.3", "prompt_encoder.mask_embed.conv2"),
    (r"sam_prompt_encoder\.mask_downscaling\.4", "prompt_encoder.mask_embed.layer_norm2"),
    (r"sam_prompt_encoder\.mask_downscaling\.6", "prompt_encoder.mask_embed.conv3"),
    (r"sam_prompt_encoder", "prompt_encoder"),
    (r"sam_mask_decoder\.output_upscaling\.0", "mask_decoder.upscale_conv1"),
    (r"sam_mask_decoder\.output_upscaling\.1", "mask_decoder.upscale_layer_norm"),
    (r"sam_mask_decoder\.output_upscaling\.3", "mask_decoder.upscale_conv2"),
    (r"sam_mask_decoder", "mask_decoder"),
)
"""(beginning of a key in the `sam2` package, its beginning in transformers); the first match is used."""

INNER_RENAMES = (
    (r"(blocks\.\d+|transformer\.layers\.\d+)\.norm(\d)", r"\1.layer_norm\2"),
    (r"(blocks\.\d+|transformer\.layers\.\d+)\.mlp\.layers\.0", r"\1.mlp.proj_in"),
    (r"(blocks\.\d+|transformer\.layers\.\d+)\.mlp\.layers\.1", r"\1.mlp.proj_out"),
    (r"(hypernetworks_mlps\.\d+|_head)\.layers\.0", r"\1.proj_in"),
    (r"(hypernetworks_mlps\.\d+|_head)\.layers\.1", r"\1.layers.0"),
    (r"(hypernetworks_mlps\.\d+|_head)\.layers\.2", r"\1.proj_out"),
    (r"(self_attn|cross_attn_\w+|final_attn_token_to_image)\.out_proj", r"\1.o_proj"),
    (r"transformer\.norm_final_attn", "transformer.layer_norm_final_attn"),
)
VIDEO_KEYS = re.compile(r"memory_|obj_ptr_|no_obj_|mask_downsample\.|maskmem_|no_mem_pos_enc")
"""Keys of weights that only videos need; transformers has them in another model, so they are ignored."""

POINT_KEY = re.compile(r"sam_prompt_encoder\.point_embeddings\.(\d+)\.weight")


class TransformersSam2(TransformersSam):
    """SAM 2 as transformers' `Sam2Model`, with random weights until those of the `sam2` package are loaded.

    Args:
        model: the table `model:` of a YAML file of the `sam2` package; absent settings get that package's defaults.

    Raises:
        ConfigError: the config does not switch on object scores and the no-memory embedding, which this class needs.
    """

    kind = Sam2Model

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__(_make_config(model).to_dict())

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        points: dict[int, Tensor] = {}
        named: dict[str, Tensor] = {}
        for key, value in stored.items():
            if point := POINT_KEY.fullmatch(key):
                points[int(point[1])] = value
            elif not VIDEO_KEYS.match(key):
                named[f"sam.{_rename_key(key)}"] = value
        named["sam.prompt_encoder.point_embed.weight"] = torch.cat([points[index] for index in sorted(points)])
        frequencies = named["sam.prompt_encoder.shared_embedding.positional_embedding"]
        named["sam.shared_image_embedding.positional_embedding"] = frequencies
        return named

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return stored  # the state lacks the weights of videos, and a segmenter is never trained


def _rename_key(key: str) -> str:
    for theirs, ours in PREFIX_RENAMES:
        changed, count = re.subn(f"^{theirs}(?=\\.|$)", ours, key)
        if count:
            key = changed
            break
    for theirs, ours in INNER_RENAMES:
        key = re.sub(f"{theirs}(?=\\.|$)", ours, key)
    return key


def _make_config(model: Mapping[str, Any]) -> Sam2Config:
    """Translate a SAM 2 config of the `sam2` package; absent settings get that package's defaults."""
    if not (
        model.get("directly_add_no_mem_embed") and model.get("pred_obj_scores") and model.get("pred_obj_scores_mlp")
    ):
        raise ConfigError("transformers supports SAM 2 only with object scores and the no-memory embedding.")
    trunk, neck = model["image_encoder"]["trunk"], model["image_encoder"]["neck"]
    side, width, heads = int(model["image_size"]), trunk.get("embed_dim", 96), trunk.get("num_heads", 1)
    stages = list(trunk.get("stages", (2, 3, 16, 3)))
    background = list(trunk.get("window_pos_embed_bkg_spatial_size", (14, 14)))
    hiera = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "num_attention_heads": heads,
        "image_size": [side, side],
        "window_positional_embedding_background_size": background,
        "blocks_per_stage": stages,
        "embed_dim_per_stage": [width * 2**stage for stage in range(len(stages))],
        "num_attention_heads_per_stage": [heads * 2**stage for stage in range(len(stages))],
        "window_size_per_stage": list(trunk.get("window_spec", (8, 4, 14, 7))),
        "global_attention_blocks": list(trunk.get("global_att_blocks", (12, 16, 20))),
    }
    vision = {
        "backbone_config": hiera,
        "backbone_channel_list": list(neck["backbone_channel_list"]),
        "backbone_feature_sizes": [[side // stride, side // stride] for stride in (4, 8, 16)],
        "fpn_hidden_size": neck["d_model"],
        "fpn_top_down_levels": list(neck.get("fpn_top_down_levels", range(len(stages)))),
    }
    extra = dict(model.get("sam_mask_decoder_extra_args") or {})
    return Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": neck["d_model"], "image_size": side},
        mask_decoder_config={"hidden_size": neck["d_model"], "dynamic_multimask_via_stability": False, **extra},
    )
