"""The protocol between VIRTUE and a promptable segmentation model, and the table of packages.

A new segmenter is one file with a class that satisfies `Segmenter`, and one row of `SEGMENTERS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from scar.errors import ConfigError
from virtue_ref.config import SegmenterConfig
from virtue_ref.model.prompts import PointPrompt

SEGMENTERS: dict[str, str] = {
    "sam2": "virtue_ref.model.segmenters.sam2:StockSam2",
    "transformers": "virtue_ref.model.segmenters.sam2_transformers:TransformersSam2",
}
"""`SegmenterConfig.package` -> ``module:class``; the class is called with `SegmenterConfig.model`."""


class Segmenter(Protocol):
    """A model that encodes an image as a map and then mixes any prompt into it; also a `torch.nn.Module`."""

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
    if config.package not in SEGMENTERS:
        raise ConfigError(f"unknown segmenter package {config.package!r}: it is one of {', '.join(SEGMENTERS)}.")
    module, _, name = SEGMENTERS[config.package].partition(":")
    segmenter: Segmenter = getattr(importlib.import_module(module), name)(config.model)
    return segmenter
