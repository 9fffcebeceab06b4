"""VIRTUE: how a box on an image reaches a vision-language model.

1. `virtue_ref.model.prompts` turns the box into two points in the segmenter's square.
2. The segmenter mixes the points into its map of the image, and the connector makes a few hundred tokens of the map.
3. These segment tokens come before the tokens of text and image in the language model's input.
4. The state of the last token, at norm 1, is the embedding.

An image is encoded once for all items about it: `encode_images` runs the vision encoder and the segmenter's image
encoder, `forward` runs the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from virtue_ref.config import Config
from virtue_ref.model.backbones.backbone import Backbone, ImageFeatures, PlacedImage, make_backbone
from virtue_ref.model.batch import ImageBatch, ItemBatch
from virtue_ref.model.connector import STRIDE, Connector
from virtue_ref.model.segmenters.segmenter import Segmenter, make_segmenter


class Virtue(nn.Module):
    """The VIRTUE model: a backbone, and a segmenter and a connector in front of its language model.

    Args:
        config: sizes and profile; weights are random until a checkpoint is loaded.

    Attributes:
        hidden: D, number of dimensions of the vectors.
        segmenter: None if the config has none.
        connector: None without a segmenter.

    Raises:
        ConfigError: the config's backbone or segmenter is unknown, or does not build a model.

    Source: VIRTUE, arXiv 2510.00523.
    """

    backbone: Backbone
    segmenter: Segmenter | None
    connector: Connector | None

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.backbone = make_backbone(config)
        self.hidden = self.backbone.hidden
        self.segmenter = None if config.segmenter is None else make_segmenter(config.segmenter)
        self.connector = None if self.segmenter is None else Connector(self.segmenter.channels, self.hidden)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights; buffers stay float32."""
        return next(self.parameters()).dtype

    @property
    def segment_count(self) -> int:
        """S, the number of segment tokens of an item; 0 without a segmenter."""
        return 0 if self.segmenter is None else (self.segmenter.grid // STRIDE) ** 2

    def encode_images(self, images: ImageBatch) -> list[ImageFeatures]:
        """Encode I images for `forward`.

        Returns:
            For each image, in order, its tokens for the language model and, with a segmenter, the map for its decoder.
        """
        features = self.backbone.encode_images(images.patches, images.grids)
        if self.segmenter is None or images.squares is None:
            return features
        maps = self.segmenter.encode(images.squares)  # (I, channels, grid, grid)
        return [dataclasses.replace(each, segmenter_map=map_) for each, map_ in zip(features, maps, strict=True)]

    def forward(self, batch: ItemBatch, features: Sequence[ImageFeatures]) -> Tensor:
        """Embed a batch.

        Args:
            batch: B items, on the model's device.
            features: features of the images, from `encode_images`; `batch.image_index` points into this list.

        Returns:
            (B, hidden) float32 embeddings of L2 norm 1.
        """
        rows = list(self.backbone.embed_ids(batch.ids))  # B times (L, hidden)
        prefixes = self._make_prefixes(batch, features)
        images = []
        for row, length in enumerate(batch.lengths.tolist()):
            text, index, start = rows[row][:length], batch.image_index[row], batch.image_start[row]  # (l, hidden)
            if index is not None and start is not None:
                tokens = features[index].tokens
                text = torch.cat([text[:start], tokens, text[start + len(tokens) :]])  # (l, hidden)
                images.append(PlacedImage(row, start + (len(prefixes[row]) if row in prefixes else 0), features[index]))
            rows[row] = torch.cat([prefixes[row], text]) if row in prefixes else text  # (S + l, hidden)
        states = self.backbone.forward(pad_sequence(rows, batch_first=True), batch.positions, images)  # (B, T, hidden)
        last = states[torch.arange(len(rows), device=states.device), batch.last_index]  # (B, hidden)
        return functional.normalize(last.float(), dim=-1)

    def make_segment_tokens(self, batch: ItemBatch, features: Sequence[ImageFeatures]) -> Tensor:
        """Make the (R, S, hidden) segment tokens of the R items with an entry in `batch.prompts`, in their order.

        An image without a prompt of the user has one too: the grid of points.

        Raises:
            ValueError: the model has no segmenter.
        """
        if self.segmenter is None or self.connector is None:
            raise ValueError("this model has no segmenter.")
        maps, prompts = [], []
        for index, prompt in zip(batch.image_index, batch.prompts, strict=True):
            if index is not None and prompt is not None:
                maps.append(features[index].segmenter_map)
                prompts.append(prompt)
        tokens: Tensor = self.connector(self.segmenter.decode([each for each in maps if each is not None], prompts))
        return tokens

    def move_to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """Move the model to a device and its weights to a number format, in place; return the model.

        Buffers stay float32: they are the frequencies of position encodings, and rounding those to bfloat16, as
        ``.to(dtype)`` does, costs more than rounding all weights.
        """
        for weight in self.parameters():
            weight.data = weight.data.to(device, dtype)
        return self.to(device)

    def compile_parts(self) -> None:
        """Compile the two parts that take most of the time: the segmenter's image encoder and the language model."""
        if self.segmenter is not None:
            self.segmenter.compiled_part.compile()
        self.backbone.language_model.compile(dynamic=True)

    def _make_prefixes(self, batch: ItemBatch, features: Sequence[ImageFeatures]) -> dict[int, Tensor]:
        """Row -> (S, hidden) segment tokens or the pooled image tokens in their place; rows with neither are absent."""
        prefixes = {}
        prompted = [row for row, prompt in enumerate(batch.prompts) if prompt is not None]
        if prompted:
            prefixes = dict(zip(prompted, self.make_segment_tokens(batch, features), strict=True))
        for row, (index, weights) in enumerate(zip(batch.image_index, batch.pool_weights, strict=True)):
            if index is not None and weights is not None:
                tokens = features[index].tokens
                prefixes[row] = weights.to(tokens.dtype) @ tokens
        return prefixes
