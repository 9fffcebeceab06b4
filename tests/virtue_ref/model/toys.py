"""A backbone and a segmenter of a few lines, which enter by the same tables as the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL.Image import Image, Resampling
from torch import Tensor, nn
from torch.nn import functional

from virtue_ref.config import Config
from virtue_ref.model.backbones.backbone import ImageFeatures, PlacedImage, PreparedImage
from virtue_ref.model.prompts import PointPrompt
from virtue_ref.model.segmenters.segmenter import IMAGENET, MaskState, PredictedMasks

GRID = 2
"""Tokens a side of every image."""


class ToyBackbone(nn.Module):
    """A running mean over token embeddings; an image is four tokens, and one feature more that is added to them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hidden: int = config.backbone["hidden"]
        self.image_token: int = config.backbone["image_token_id"]
        self.language_model: Any = nn.Embedding(config.backbone["vocabulary"], self.hidden)
        self.visual = nn.Linear(3, self.hidden)

    def count_image_tokens(self, size: tuple[int, int]) -> tuple[int, int]:
        return GRID, GRID

    def prepare(self, image: Image) -> PreparedImage:
        small = image.convert("RGB").resize((GRID, GRID), Resampling.BOX)
        pixels = np.asarray(small).transpose(2, 0, 1).astype(np.float32) / np.float32(255)  # (3, rows, columns)
        return PreparedImage(pixels, torch.from_numpy(pixels.reshape(3, -1).T.copy()), (1, GRID, GRID))

    def encode_images(self, patches: Tensor, grids: Tensor) -> list[ImageFeatures]:
        tokens = torch.split(self.visual(patches), grids.prod(-1).tolist())
        return [ImageFeatures(each, extra=(each.mean(0),)) for each in tokens]

    def embed_ids(self, ids: Tensor) -> Tensor:
        embeddings: Tensor = self.language_model(ids)
        return embeddings

    def forward(self, embeddings: Tensor, positions: Tensor, images: Sequence[PlacedImage]) -> Tensor:
        embeddings = embeddings.clone()
        for image in images:
            end = image.start + len(image.features.tokens)
            embeddings[image.row, image.start : end] += image.features.extra[0]
        counts = torch.arange(1, embeddings.shape[1] + 1, device=embeddings.device)
        return embeddings.cumsum(1) / counts[:, None]


class ToySegmenter(nn.Module):
    """A map of cells of 8 pixels that adds how near the prompt's points are and how much its mask covers."""

    size, channels, grid = 64, 4, 8
    normalisation = IMAGENET

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self.project = nn.Linear(3, self.channels)

    @property
    def compiled_part(self) -> nn.Module:
        return self.project

    def encode(self, images: Tensor) -> Tensor:
        cells = functional.avg_pool2d(images, self.size // self.grid)  # (I, 3, grid, grid)
        maps: Tensor = self.project(cells.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return maps

    def decode(self, features: Sequence[Tensor], prompts: Sequence[PointPrompt]) -> Tensor:
        steps = (torch.arange(self.grid) + 0.5) * self.size / self.grid
        maps = []
        for each, prompt in zip(features, prompts, strict=True):
            told = torch.zeros(self.grid, self.grid)
            if prompt.xy:
                x, y = torch.tensor(prompt.xy).mean(0)
                told += torch.exp(-((steps[None] - x) ** 2 + (steps[:, None] - y) ** 2) / self.size)
            if prompt.mask is not None:
                mask = torch.from_numpy(prompt.mask.to_array()).float()  # (height, width) of the original image
                told += functional.adaptive_avg_pool2d(mask[None], self.grid)[0]
            maps.append(each + told)
        return torch.stack(maps)

    def encode_for_masks(self, images: Tensor) -> list[MaskState]:
        return [MaskState(each, ()) for each in self.encode(images)]

    def decode_masks(self, states: Sequence[MaskState], prompts: Sequence[PointPrompt]) -> list[PredictedMasks]:
        maps = self.decode([state.map for state in states], prompts)
        return [PredictedMasks(map_[:1], map_.new_ones(1)) for map_ in maps]

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(stored)

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return state
