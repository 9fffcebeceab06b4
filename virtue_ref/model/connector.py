"""The bridge from the segmenter to the language model."""

from __future__ import annotations

from torch import Tensor, nn

STRIDE = 4
"""Cells a side of the segmenter's map that become one token."""


class Connector(nn.Module):
    """A strided convolution that makes tokens of the segmenter's map, and an MLP that gives them the model's width.

    Args:
        channels: of the segmenter's map.
        hidden: width of the language model.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reducer = nn.Conv2d(channels, channels, kernel_size=STRIDE, stride=STRIDE)
        self.mlp = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, hidden))

    def forward(self, maps: Tensor) -> Tensor:
        """(R, channels, grid, grid) -> (R, S, hidden), row by row; S is the square of grid / 4."""
        tokens: Tensor = self.reducer(maps).flatten(2).transpose(1, 2)  # (R, S, channels)
        out: Tensor = self.mlp(tokens)
        return out
