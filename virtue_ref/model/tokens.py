"""Tokenizers: read the one of a checkpoint, or make a byte tokenizer for a model with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from scar.errors import CheckpointError

IMAGE_TOKEN = "<|image_pad|>"
SPECIAL_TOKENS = (
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
    IMAGE_TOKEN,
    "<|video_pad|>",
)
"""Qwen2-VL's special tokens, in the order of their consecutive ids."""

SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Regular expression by which Qwen2 cuts a text into pieces before byte pairs are merged."""


def make_byte_tokenizer(image_token: int) -> Tokenizer:
    """Make a tokenizer whose tokens are single bytes and Qwen2-VL's special tokens; no file is needed.

    Args:
        image_token: id of the image token; the other special tokens have the ids around it, as in Qwen2-VL.
    """
    first = image_token - SPECIAL_TOKENS.index(IMAGE_TOKEN)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {byte: index for index, byte in enumerate(alphabet)}
    vocabulary |= {token: first + index for index, token in enumerate(SPECIAL_TOKENS)}
    return _make_byte_level(models.BPE(vocabulary, []))


def read_tokenizer(files: Mapping[str, bytes], where: str, backbone: Mapping[str, Any] | None = None) -> Tokenizer:
    """Read the tokenizer from a checkpoint's files: from tokenizer.json, else from vocab.json and merges.txt.

    It neither cuts nor pads texts, whatever the file says.

    Args:
        files: file name -> content, see `Checkpoint.files`.
        where: name of the checkpoint, for error messages.
        backbone: the backbone's config. The tokenizer must have its image token at the same id, and not more tokens
            than it has embeddings. None does not check this.

    Raises:
        CheckpointError: there is no tokenizer, it is damaged, or it is that of another model.
    """
    try:
        if "tokenizer.json" in files:
            tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
        else:
            pairs = [
                line.split() for line in files["merges.txt"].decode().splitlines() if not line.startswith("#version")
            ]
            merges = [(pair[0], pair[1]) for pair in pairs if pair]
            tokenizer = _make_byte_level(models.BPE(json.loads(files["vocab.json"]), merges))
    except KeyError as error:
        raise CheckpointError(f"{where}: no tokenizer; {error} is missing, and tokenizer.json too.") from error
    except Exception as error:
        raise CheckpointError(f"{where}: the tokenizer cannot be read: {error}") from error
    # A file may store the truncation and padding of an earlier call; `Collator` decides both.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if backbone is not None:
        _check_tokenizer(tokenizer, where, backbone)
    return tokenizer


def _check_tokenizer(tokenizer: Tokenizer, where: str, backbone: Mapping[str, Any]) -> None:
    """Check that a tokenizer belongs to a backbone: it has the image token, and no more tokens than the embedding."""
    wanted, found = backbone["image_token_id"], tokenizer.token_to_id(IMAGE_TOKEN)
    if found != wanted:
        raise CheckpointError(
            f"{where}: config.json has the image token at {wanted}, the tokenizer {IMAGE_TOKEN} at {found}."
        )
    tokens, rows = tokenizer.get_vocab_size(), backbone.get("text_config", backbone).get("vocab_size")
    if rows is not None and tokens > rows:
        raise CheckpointError(
            f"{where}: the tokenizer has {tokens:,} tokens, the embedding {rows:,}: of another model?"
        )


def _make_byte_level(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return tokenizer
