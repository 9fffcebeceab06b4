"""The seam between VIRTUE and a vision-language model, and the table of families.

A new family is one file with a class that satisfies `Backbone`, and one row of `BACKBONES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from scar.errors import ConfigError
from virtue_ref.config import Config

BACKBONES: dict[str, str] = {
    "qwen2_vl": "virtue_ref.model.backbones.qwen2_vl:Qwen2Vl",
    "qwen2_5_vl": "virtue_ref.model.backbones.qwen2_vl:Qwen2Vl",
}
"""``model_type`` of a config.json -> module and class; a class takes a `Config`."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image as a vision encoder takes it.

    Attributes:
        pixels: (3, H, W) float32, resized and normalised; the official profile makes the segmenter's square of it.
        patches: (rows * columns, width) float32.
        grid: (frames, rows, columns) of the patches.
    """

    pixels: NDArray[np.float32]
    patches: Tensor
    grid: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """What the encoders make of one image; it serves every question about the image.

    Attributes:
        tokens: (N, hidden) for the language model.
        extra: whatever else the family's language model takes of an image, such as features for deeper layers.
        segmenter_map: (channels, grid, grid) for the segmenter's decoder; None without a segmenter.
    """

    tokens: Tensor
    extra: tuple[Tensor, ...] = ()
    segmenter_map: Tensor | None = None


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image among the embeddings of a batch.

    Attributes:
        row: of the batch.
        start: index in T of its first token.
        features: of the image.
    """

    row: int
    start: int
    features: ImageFeatures


class Backbone(Protocol):
    """A vision-language model without its head; also a `torch.nn.Module`.

    Attributes:
        hidden: width of the language model.
        image_token: id that stands for one token of an image.
        language_model: the part that adapters change, as a module.
    """

    hidden: int
    image_token: int
    language_model: Any

    def count_image_tokens(self, size: tuple[int, int]) -> tuple[int, int]:
        """(rows, columns) of the tokens that an image of (width, height) pixels becomes."""

    def prepare(self, image: Image) -> PreparedImage:
        """Resize, normalise and cut an image; no weight is used, so threads may call it."""

    def encode_images(self, patches: Tensor, grids: Tensor) -> list[ImageFeatures]:
        """Features of I images.

        Args:
            patches: of all images, one image after another.
            grids: (I, 3) int64.
        """

    def embed_ids(self, ids: Tensor) -> Tensor:
        """(B, L) token ids -> (B, L, hidden)."""

    def forward(self, embeddings: Tensor, positions: Tensor, images: Sequence[PlacedImage]) -> Tensor:
        """Run the language model; a token attends to itself and to those before it.

        Args:
            embeddings: (B, T, hidden), padded on the right.
            positions: (B, T) int64.
            images: for families whose language model takes more of an image than its tokens.

        Returns:
            (B, T, hidden): states after the last norm.
        """


def make_backbone(config: Config) -> Backbone:
    """The backbone of a config, with random weights.

    Raises:
        ConfigError: no such family.
    """
    family = config.backbone["model_type"]
    if family not in BACKBONES:
        raise ConfigError(f"backbone {family!r}: VIRTUE stands on {' or '.join(BACKBONES)}.")
    module, _, name = BACKBONES[family].partition(":")
    backbone: Backbone = getattr(importlib.import_module(module), name)(config)
    return backbone
