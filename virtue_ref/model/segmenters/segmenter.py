"""The seam between VIRTUE and a promptable segmentation model, and the table of packages.

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
"""`SegmenterConfig.package` -> module and class; a class takes `SegmenterConfig.model`."""


class Segmenter(Protocol):
    """A model that looks at an image once and then answers prompts on it; also a `torch.nn.Module`."""

    @property
    def size(self) -> int:
        """Side of its input square in pixels."""

    @property
    def channels(self) -> int:
        """Depth of its maps."""

    @property
    def grid(self) -> int:
        """Side of its maps in cells; a multiple of 4, for the connector."""

    @property
    def compiled_part(self) -> nn.Module:
        """The part that `torch.compile` is worth its time for."""

    def encode(self, images: Tensor) -> Tensor:
        """(I, 3, size, size) squares -> (I, channels, grid, grid) maps that know no prompt yet."""

    def decode(self, features: Sequence[Tensor], prompts: Sequence[PointPrompt]) -> Tensor:
        """Mix one prompt into each map.

        Args:
            features: R maps (channels, grid, grid) from `encode`.
            prompts: R prompts.

        Returns:
            (R, channels, grid, grid)
        """

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A checkpoint's weights under the names of this module's state."""

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """This module's state under a checkpoint's names; `stored` are the weights that it was loaded from."""


def make_segmenter(config: SegmenterConfig) -> Segmenter:
    """The segmenter of a config, with random weights.

    Raises:
        ConfigError: no such package, or a config that does not fit it.
    """
    if config.package not in SEGMENTERS:
        raise ConfigError(f"no SAM 2 in package {config.package!r}: it is {' or '.join(SEGMENTERS)}.")
    module, _, name = SEGMENTERS[config.package].partition(":")
    segmenter: Segmenter = getattr(importlib.import_module(module), name)(config.model)
    return segmenter
