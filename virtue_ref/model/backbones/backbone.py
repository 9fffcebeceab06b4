"""The protocol between VIRTUE and a vision-language model, and the table of model families.

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
    "qwen2_5_vl": "virtue_ref.model.backbones.qwen2_5_vl:Qwen25Vl",
    "qwen3_vl": "virtue_ref.model.backbones.qwen3_vl:Qwen3Vl",
}
"""``model_type`` of a config.json -> ``module:class``; the class is called with a `Config`.

"qwen2_vl" was compared with the published models. The others are wired, unverified on weights: their states are those
of transformers' models with random weights.
"""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image as a vision encoder takes it.

    Attributes:
        pixels: (3, H, W) float32, resized and normalised; the official profile makes the segmenter's square from it.
        patches: (rows * columns, width) float32, the same pixels cut into patches.
        grid: (frames, rows, columns), the number of patches in each direction; frames is 1 for a still image.
    """

    pixels: NDArray[np.float32]
    patches: Tensor
    grid: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ImageFeatures:
    """The encoders' output for one image, used by every item about that image.

    Attributes:
        tokens: (N, hidden), the image's tokens in the language model's input, row by row; N as
            `Backbone.count_image_tokens` counts them.
        extra: further inputs of the language model in some families, such as features for deeper layers.
        segmenter_map: (channels, grid, grid), input of the segmenter's decoder; None without a segmenter.
    """

    tokens: Tensor
    extra: tuple[Tensor, ...] = ()
    segmenter_map: Tensor | None = None


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """Where an image stands in the language model's input.

    Attributes:
        row: row of the batch.
        start: index of the image's first token in that row, counted with the prefix.
        features: features of the image.
    """

    row: int
    start: int
    features: ImageFeatures


class Backbone(Protocol):
    """A vision-language model without its head; also a `torch.nn.Module`.

    Attributes:
        hidden: width of the language model.
        image_token: id of the token that stands for the image in a text.
        language_model: the language model, a module; adapters are put into it.
    """

    hidden: int
    image_token: int
    language_model: Any

    def count_image_tokens(self, size: tuple[int, int]) -> tuple[int, int]:
        """Count the (rows, columns) of tokens of an image of (width, height) pixels, before it is resized."""

    def prepare(self, image: Image) -> PreparedImage:
        """Resize and normalise an image and cut it into patches; uses no weights, so threads may call it."""

    def encode_images(self, patches: Tensor, grids: Tensor) -> list[ImageFeatures]:
        """Encode I images; `ImageFeatures.segmenter_map` stays None.

        Args:
            patches: (sum of rows * columns, width), the patches of all images, one image after another.
            grids: (I, 3) int64: frames, rows and columns of each image's patches.
        """

    def embed_ids(self, ids: Tensor) -> Tensor:
        """Look up the embeddings of (B, L) int64 token ids; returns (B, L, hidden)."""

    def forward(self, embeddings: Tensor, positions: Tensor, images: Sequence[PlacedImage]) -> Tensor:
        """Run the language model; each token attends to itself and to the tokens before it.

        Args:
            embeddings: (B, T, hidden), image tokens and prefixes included, padded on the right.
            positions: (B, T) int64, position of each token.
            images: the images of the batch in the order of their rows, for families whose language model takes
                `ImageFeatures.extra`; their tokens are already in `embeddings`.

        Returns:
            (B, T, hidden): states after the last norm.
        """


def make_backbone(config: Config) -> Backbone:
    """Make the backbone of a config, with random weights.

    Raises:
        ConfigError: the ``model_type`` of `config.backbone` is not in `BACKBONES`.
    """
    family = config.backbone["model_type"]
    if family not in BACKBONES:
        raise ConfigError(f"unknown backbone {family!r}: it is one of {', '.join(BACKBONES)}.")
    module, _, name = BACKBONES[family].partition(":")
    backbone: Backbone = getattr(importlib.import_module(module), name)(config)
    return backbone
