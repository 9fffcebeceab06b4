"""The connector: it turns the segmenter's map into segment tokens for the language model."""

from __future__ import annotations

from torch import Tensor, nn

STRIDE = 4
"""STRIDE x STRIDE cells of the segmenter's map become one token."""


class Connector(nn.Module):
    """A strided convolution that turns the segmenter's map into tokens, and an MLP to the language model's width.

    Args:
        channels: number of channels of the segmenter's map.
        hidden: width of the language model.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reducer = nn.Conv2d(channels, channels, kernel_size=STRIDE, stride=STRIDE)
        self.mlp = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, hidden))

    def forward(self, maps: Tensor) -> Tensor:
        """Turn (R, channels, grid, grid) maps into (R, S, hidden) segment tokens.

        S = (grid / 4)²; the tokens of a map follow its cells row by row from the top left.
        """
        tokens: Tensor = self.reducer(maps).flatten(2).transpose(1, 2)  # (R, S, channels)
        out: Tensor = self.mlp(tokens)
        return out
