"""Text to token ids: a checkpoint's own tokenizer, or one made of bytes where there is no checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

IMAGE = "<|image_pad|>"
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    IMAGE,
    "<|video_pad|>",
)
"""Qwen2-VL's special tokens; their ids follow each other."""

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Where Qwen2 cuts a text before byte pairs are merged."""


def byte_tokenizer(backbone: Mapping[str, Any]) -> Tokenizer:
    """A tokenizer whose tokens are single bytes, with Qwen2-VL's special tokens at the config's ids.

    It needs no file: what a model with random weights reads.
    """
    first = backbone["image_token_id"] - SPECIAL.index(IMAGE)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {byte: index for index, byte in enumerate(alphabet)}
    vocabulary |= {token: first + index for index, token in enumerate(SPECIAL)}
    tokenizer = _byte_level(models.BPE(vocabulary, []))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint folder: its tokenizer.json as it is, else vocab.json and merges.txt."""
    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    else:
        tokenizer = _byte_level(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    # Both may be stored in the file from somebody's last call; lengths are decided elsewhere.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
