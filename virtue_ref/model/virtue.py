"""VIRTUE: segment tokens before the stock Qwen2-VL's input, and the last real token's state as the embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModel, PretrainedConfig

from scar.errors import ConfigError
from virtue_ref.config import Config, SegmenterConfig
from virtue_ref.inference.batching import ImageBatch, ItemBatch
from virtue_ref.model.connector import Connector
from virtue_ref.model.segmenters.sam2 import Sam2Segmenter

BACKBONES = ("qwen2_vl", "qwen2_5_vl")
MODEL_KEYS = (
    "model_type",
    "text_config",
    "vision_config",
    "image_token_id",
    "video_token_id",
    "vision_start_token_id",
    "vision_end_token_id",
    "tie_word_embeddings",
)
"""What a config.json says of the model as a whole."""


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """What the encoders make of one image, whatever is asked of it later.

    Attributes:
        tokens: (N, hidden) for the language model.
        segmenter_map: (channels, 64, 64) for the segmenter's decoder; None without a segmenter.
    """

    tokens: Tensor
    segmenter_map: Tensor | None


class Virtue(nn.Module):
    """The model. `encode_images` runs the two image encoders, `forward` all the rest; one image may serve many items.

    Args:
        config: sizes and profile; weights are random until a checkpoint is loaded.

    Source: VIRTUE, arXiv 2510.00523.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        qwen = _make_qwen_config(config.backbone)
        # The bare model: VIRTUE never asks for words, so there is no vocabulary projection.
        self.backbone = AutoModel.from_config(  # type: ignore[no-untyped-call]
            qwen, attn_implementation="sdpa", dtype=torch.float32
        )
        self.hidden: int = qwen.get_text_config().hidden_size
        self.segmenter = None if config.segmenter is None else _make_segmenter(config.segmenter)
        self.connector = None if self.segmenter is None else Connector(self.segmenter.channels, self.hidden)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights; buffers stay float32."""
        return next(self.parameters()).dtype

    def move_to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """Move to a device, weights in a type.

        Buffers keep float32: they are the frequencies of position encodings, and rounding those to bfloat16, as
        ``.to(dtype)`` does, costs more than rounding all weights.
        """
        for weight in self.parameters():
            weight.data = weight.data.to(device, dtype)
        return self.to(device)

    def compile_parts(self) -> None:
        """Compile what takes the time: the segmenter's image encoder and the language model."""
        if self.segmenter is not None:
            self.segmenter.compiled_part.compile()
        self.backbone.language_model.compile(dynamic=True)

    def encode_images(self, images: ImageBatch) -> list[ImageFeatures]:
        """Encode images, each once."""
        tokens = self.backbone.get_image_features(images.patches, images.grids).pooler_output
        if self.segmenter is None or images.squares is None:
            return [ImageFeatures(each, None) for each in tokens]
        maps = self.segmenter.encode(images.squares)  # (I, channels, 64, 64)
        return [ImageFeatures(each, image) for each, image in zip(tokens, maps, strict=True)]

    def forward(self, batch: ItemBatch, features: Sequence[ImageFeatures]) -> Tensor:
        """Embed a batch.

        Args:
            batch: B items.
            features: the images that `batch.image_of` counts.

        Returns:
            (B, hidden), each of L2 norm 1.
        """
        rows = list(self._embed_tokens(batch, features))
        prompted = [index for index, clicks in enumerate(batch.prompts) if clicks is not None]
        if prompted:
            for index, segment in zip(prompted, self.make_segment_tokens(batch, features), strict=True):
                rows[index] = torch.cat([segment, rows[index]])  # (S + l, hidden)
        for index, (pool, image) in enumerate(zip(batch.pool_weights, batch.image_index, strict=True)):
            if pool is not None and image is not None:
                tokens = features[image].tokens
                rows[index] = torch.cat([pool.to(tokens.dtype) @ tokens, rows[index]])  # (S + l, hidden)
        states = self.backbone.language_model(
            inputs_embeds=pad_sequence(rows, batch_first=True),  # (B, T, hidden)
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state  # (B, T, hidden)
        last = states[torch.arange(len(rows), device=states.device), batch.last_index]  # (B, hidden)
        return functional.normalize(last.float(), dim=-1)

    def make_segment_tokens(self, batch: ItemBatch, features: Sequence[ImageFeatures]) -> Tensor:
        """(R, S, hidden): tokens of the R items that have clicks on an image."""
        if self.segmenter is None or self.connector is None:
            raise ValueError("this model has no segmenter.")
        pairs = zip(batch.image_index, batch.prompts, strict=True)
        asked = [
            (features[image].segmenter_map, prompt)
            for image, prompt in pairs
            if image is not None and prompt is not None
        ]
        mixed = self.segmenter([each for each, _ in asked if each is not None], [prompt for _, prompt in asked])
        tokens: Tensor = self.connector(mixed)
        return tokens

    def _embed_tokens(self, batch: ItemBatch, features: Sequence[ImageFeatures]) -> list[Tensor]:
        """(l, hidden) for each item: its text, with the image's tokens in their places."""
        embedded = self.backbone.get_input_embeddings()(batch.ids)  # (B, L, hidden)
        rows = []
        for ids, row, length, image in zip(batch.ids, embedded, batch.lengths.tolist(), batch.image_index, strict=True):
            if image is not None:
                row = row.masked_scatter(
                    (ids == self.config.backbone["image_token_id"])[:, None], features[image].tokens
                )
            rows.append(row[:length])
        return rows


def _make_segmenter(config: SegmenterConfig) -> Sam2Segmenter:
    if config.package == "transformers":
        from virtue_ref.model.segmenters.sam2_transformers import TransformersSam2

        return TransformersSam2(config.model)
    if config.package == "sam2":
        from virtue_ref.model.segmenters.sam2 import StockSam2

        return StockSam2(config.model)
    raise ConfigError(f"no SAM 2 in package {config.package!r}: it is sam2 or transformers.")


def _make_qwen_config(stored: Mapping[str, Any]) -> PretrainedConfig:
    """The transformers config of a config.json; settings under text_config count, their older flat copies do not."""
    if "text_config" in stored:
        stored = {key: value for key, value in stored.items() if key in MODEL_KEYS}
    if stored["model_type"] not in BACKBONES:
        raise ConfigError(f"backbone {stored['model_type']!r}: VIRTUE stands on {' or '.join(BACKBONES)}.")
    return AutoConfig.for_model(**stored)
