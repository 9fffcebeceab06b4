"""A SAM 3 detector with random weights, small enough for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Sam3Config, Sam3Model

from tests.virtue_ref.model.segmenters.tiny_sams import SAM3

PART = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}


def write_detector(folder: Path) -> Path:
    """Write a tiny detector with its tokenizer, which has one token for each letter, as transformers writes it."""
    layers: dict[str, Any] = {**PART, "num_layers": 1}
    config = Sam3Config(
        vision_config=SAM3["vision_config"],
        text_config={
            "model_type": "clip_text_model",
            **PART,
            "vocab_size": 130,
            "projection_dim": 32,
            "num_hidden_layers": 1,
            "max_position_embeddings": 32,
            "eos_token_id": 129,
        },
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_queries": 6},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )
    torch.manual_seed(0)
    model: Any = Sam3Model(config)
    for weight in model.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    model.save_pretrained(folder)
    letters = {chr(code): code for code in range(128)}
    tokenizer = Tokenizer(models.WordLevel({**letters, "<start>": 128, "<end>": 129}, unk_token=" "))  # noqa: S106 - a token of a text
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokens: dict[str, Any] = {"bos_token": "<start>", "eos_token": "<end>", "pad_token": "<end>"}
    kind: Any = PreTrainedTokenizerFast
    kind(tokenizer_object=tokenizer, **tokens).save_pretrained(folder)
    return folder
