"""Gradient caching: compute the gradient of a loss over a large batch with the memory that one part of it needs.

A contrastive loss needs all vectors of a batch at once, but not all activations. So every part is embedded twice: first
without a graph, to get all vectors and the gradient of the loss for each vector; then with a graph, part by part, to
propagate that gradient to the weights. The sum over the parts is the gradient of the whole batch.

Source: GradCache, arXiv 2101.06983.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

PartT = TypeVar("PartT")


@dataclass(frozen=True, slots=True)
class _RandomState:
    """State of the random number generators before a part, so that both passes draw the same dropout."""

    cpu: Tensor
    cuda: Tensor | None

    @classmethod
    def now(cls) -> _RandomState:
        return cls(torch.get_rng_state(), torch.cuda.get_rng_state() if torch.cuda.is_available() else None)

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)


def backward_uncached(
    embed: Callable[[PartT], Tensor], parts: Sequence[PartT], loss: Callable[[Tensor], Tensor]
) -> Tensor:
    """Add the same gradient as `backward_cached`, in one pass with all activations in memory; for one process only.

    Args:
        embed: function from a part to its (rows, D) vectors; it is called once for each part.
        parts: see `backward_cached`.
        loss: see `backward_cached`.

    Returns:
        The loss, a scalar without a graph.

    Raises:
        FloatingPointError: the loss is not finite; no gradient was added.
    """
    value = loss(torch.cat([embed(part) for part in parts]))
    if not torch.isfinite(value):
        raise FloatingPointError(f"the loss is {value.item()}")
    torch.autograd.backward(value)
    return value.detach()


def backward_cached(
    embed: Callable[[PartT], Tensor],
    parts: Sequence[PartT],
    loss: Callable[[Tensor], Tensor],
    no_sync: Callable[[], AbstractContextManager[object]] = nullcontext,
    scale: float = 1.0,
) -> Tensor:
    """Add the gradient of ``loss(all vectors)`` to the ``.grad`` of the weights that `embed` uses.

    Args:
        embed: function from a part to its (rows, D) vectors; it is called twice for each part, with the same random
            state.
        parts: the parts of the batch, at least one; they may differ in size.
        loss: function from the (all rows, D) vectors to a scalar. It may also use vectors of other processes, to which
            no gradient flows.
        no_sync: makes the context for all parts but the last; in it, processes do not average their gradients.
        scale: factor on the gradient, not on the loss. If processes average gradients, their number as the factor gives
            the sum.

    Returns:
        The loss, a scalar without a graph.

    Raises:
        FloatingPointError: the loss is not finite; no gradient was added.
    """
    before = []
    vectors = []
    with torch.no_grad():
        for part in parts:
            before.append(_RandomState.now())
            vectors.append(embed(part))
    after = _RandomState.now()
    leaf = torch.cat(vectors).requires_grad_()
    value = loss(leaf)
    if not torch.isfinite(value):
        raise FloatingPointError(f"the loss is {value.item()}")
    (wanted,) = torch.autograd.grad(value, leaf)
    start = 0
    for number, (part, chance) in enumerate(zip(parts, before, strict=True)):
        chance.restore()
        with nullcontext() if number == len(parts) - 1 else no_sync():
            again = embed(part)
            torch.autograd.backward(again, scale * wanted[start : start + len(again)].to(again.dtype))
        start += len(again)
    after.restore()
    return value.detach()
