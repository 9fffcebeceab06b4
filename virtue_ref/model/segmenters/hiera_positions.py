"""Compute the position embedding of SAM 2's Hiera once; the stock code stretches it anew for every image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class HieraPositions:
    """A Hiera's `_get_pos_embed` that remembers its last result, until the weights or the size change.

    Where gradients are on, and while the trunk is compiled, nothing is remembered.

    Args:
        trunk: a Hiera of `sam2` or of transformers.
    """

    def __init__(self, trunk: nn.Module) -> None:
        self._trunk: Any = trunk
        self._mode: object = None
        self._weights: tuple[Tensor, ...] = ()
        self._positions = torch.empty(0)

    def __call__(self, size: tuple[int, int]) -> Tensor:
        """Return the (1, height, width, channels) embedding of a map of (height, width) cells."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._compute(size)
        weights: tuple[Tensor, ...] = (self._trunk.pos_embed, self._trunk.pos_embed_window)
        mode = (*size, torch.is_inference_mode_enabled(), *((each.dtype, each.device) for each in weights))
        # Weights are compared by value: they are small, and nothing else tells every way to change them.
        if mode != self._mode or not all(map(torch.equal, weights, self._weights)):
            self._positions = self._compute(size)
            self._mode, self._weights = mode, tuple(each.detach().clone() for each in weights)
        return self._positions

    def _compute(self, size: tuple[int, int]) -> Tensor:
        positions: Tensor = type(self._trunk)._get_pos_embed(self._trunk, size)
        return positions


def remember_positions(trunk: nn.Module) -> None:
    """Let a Hiera compute its position embedding once; another trunk stays as it is."""
    if all(hasattr(trunk, name) for name in ("pos_embed", "pos_embed_window", "_get_pos_embed")):
        trunk._get_pos_embed = HieraPositions(trunk)  # type: ignore[assignment]
