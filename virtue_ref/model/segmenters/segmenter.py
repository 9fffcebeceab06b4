"""The protocol between VIRTUE and a promptable segmentation model, and the table of packages.

A new segmenter is one file with a class that satisfies `Segmenter`, and one row of `SEGMENTERS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from scar.errors import ConfigError
from virtue_ref.config import SegmenterConfig
from virtue_ref.model.prompts import PointPrompt

SEGMENTERS: dict[str, str] = {
    "sam2": "virtue_ref.model.segmenters.sam2:StockSam2",
    "transformers": "virtue_ref.model.segmenters.sam2_transformers:TransformersSam2",
    "sam3": "virtue_ref.model.segmenters.sam3:Sam3",
    "edgetam": "virtue_ref.model.segmenters.edgetam:EdgeTam",
    "sam_hq": "virtue_ref.model.segmenters.sam_hq:SamHq",
}
"""`SegmenterConfig.package` -> ``module:class``; the class is called with `SegmenterConfig.model`.

"sam2" and "transformers" were compared with the published models. The others are wired, unverified on weights: their
maps and masks are those of transformers' models with random weights.
"""

SAM2_PACKAGES = ("sam2", "transformers")
"""The packages that run SAM 2, with the weights of the `sam2` package."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How the pixels of the square are normalised.

    Attributes:
        mean: mean of each channel (R, G, B), on the scale 0 to 1; it is subtracted.
        std: standard deviation of each channel, on the scale 0 to 1; the difference is divided by it.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class MaskState:
    """An image as the mask decoder takes it.

    Attributes:
        map: (channels, grid, grid), the map that `Segmenter.encode` makes too.
        finer: what else the decoder takes of an image, such as maps of higher resolution.
    """

    map: Tensor
    finer: Sequence[Tensor]


@dataclass(frozen=True, slots=True)
class PredictedMasks:
    """The masks of one prompt, the best first.

    Attributes:
        logits: (M, height, width); above 0 inside the thing. They cover the square, in a resolution of the segmenter.
        scores: (M,), the segmenter's estimate of each mask's intersection over union with the thing.
    """

    logits: Tensor
    scores: Tensor


class Segmenter(Protocol):
    """A model that encodes an image as a map and then mixes any prompt into it; also a `torch.nn.Module`."""

    @property
    def normalisation(self) -> Normalisation:
        """How the pixels of the square are normalised."""

    @property
    def size(self) -> int:
        """Side of the input square in pixels."""

    @property
    def channels(self) -> int:
        """Number of channels of the maps."""

    @property
    def grid(self) -> int:
        """Side of the maps in cells; a multiple of 4, as the connector needs."""

    @property
    def compiled_part(self) -> nn.Module:
        """The part that takes most of the time and is worth compiling with `torch.compile`."""

    def encode(self, images: Tensor) -> Tensor:
        """Encode (I, 3, size, size) squares as (I, channels, grid, grid) maps, which do not depend on a prompt."""

    def decode(self, features: Sequence[Tensor], prompts: Sequence[PointPrompt]) -> Tensor:
        """Mix one prompt into each map.

        Args:
            features: R maps (channels, grid, grid) from `encode`; the same map may be there several times.
            prompts: R prompts, one for each map; each has points or a mask.

        Returns:
            (R, channels, grid, grid) maps that depend on the prompts.
        """

    def encode_for_masks(self, images: Tensor) -> list[MaskState]:
        """Encode (I, 3, size, size) squares for `decode_masks`; takes longer than `encode`."""

    def decode_masks(self, states: Sequence[MaskState], prompts: Sequence[PointPrompt]) -> list[PredictedMasks]:
        """Make the masks of the thing that a prompt means.

        Args:
            states: R images from `encode_for_masks`; the same image may be there several times.
            prompts: R prompts, one for each image.

        Returns:
            The masks of each prompt: several if it is a single click, which may mean a part or the whole; else one.
        """

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename all weights of a checkpoint (`Checkpoint.segmenter`) to the keys of this module's ``state_dict``."""

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Rename this module's ``state_dict`` to a checkpoint's keys; the reverse of `import_weights`.

        Args:
            state: the ``state_dict``.
            stored: the weights that the module was loaded from, for those that it does not use.
        """


def make_segmenter(config: SegmenterConfig) -> Segmenter:
    """Make the segmenter of a config, with random weights.

    Raises:
        ConfigError: the package is not in `SEGMENTERS`, or `config.model` does not fit it.
    """
    segmenter: Segmenter = find_segmenter_class(config.package)(config.model)
    return segmenter


def find_segmenter_class(package: str) -> Any:
    """Import the class of a package.

    Raises:
        ConfigError: the package is not in `SEGMENTERS`.
    """
    if package not in SEGMENTERS:
        raise ConfigError(f"unknown segmenter package {package!r}: it is one of {', '.join(SEGMENTERS)}.")
    module, _, name = SEGMENTERS[package].partition(":")
    return getattr(importlib.import_module(module), name)
