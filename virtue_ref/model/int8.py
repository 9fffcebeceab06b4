"""Store the weights of a language model as 8-bit integers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST = 127
"""Integers are -LARGEST to LARGEST, so that 0 is exact and both signs have the same range."""


class Int8Linear(nn.Module):
    """A linear layer whose weights are 8-bit integers with one scale a row; inputs and sums stay floats.

    The weights become floats anew in each pass, which takes about a tenth of the time of the product on a CPU.

    Args:
        linear: the layer whose weights are rounded.
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        whole = linear.weight.detach().float()  # (out, in)
        scale = whole.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / LARGEST  # (out,)
        self.register_buffer("weight", (whole / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        product = functional.linear(inputs, self.weight.to(inputs.dtype)) * self.scale.to(inputs.dtype)
        return product if self.bias is None else product + self.bias


def round_linears(module: nn.Module) -> int:
    """Replace every linear layer inside a module; returns their number."""
    count = 0
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear(child))
            count += 1
        else:
            count += round_linears(child)
    return count
