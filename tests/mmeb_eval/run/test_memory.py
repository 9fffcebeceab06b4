"""Batches that do not fit are halved until they do; the size that fits is kept, and no vector changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.item import Item
from mmeb_eval.run.cost import EmbedClock
from mmeb_eval.run.memory import BatchCaller
from scar.errors import ContractError

ITEMS = [Item(text=f"text {number}") for number in range(32)]


class OutOfMemoryError(RuntimeError):
    """As PyTorch names it."""


class Tight:
    """Takes at most ``fits`` items at once; the vector of a text tells its number."""

    name = "tight@1"

    def __init__(self, fits: int, error: BaseException) -> None:
        self.fits, self.error, self.sizes = fits, error, list[int]()

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        if len(items) > self.fits:
            raise self.error
        self.sizes.append(len(items))
        return np.eye(32, dtype=np.float32)[[int(item.text.split()[1]) for item in items]]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
    ],
    ids=["memory", "cuda", "mps", "cpu"],
)
def test_a_batch_is_halved_until_it_fits_and_the_size_is_kept(error: BaseException) -> None:
    said: list[str] = []
    embedder, clock = Tight(9, error), EmbedClock()
    caller = BatchCaller(embedder, said.append)
    vectors: Any = caller.embed(ITEMS, clock.add_call)
    assert np.array_equal(vectors, np.eye(32))
    assert embedder.sizes == [8, 8, 8, 8]
    assert said == [
        "tight@1: memory ran out on 32 items; going on with batches of 16.",
        "tight@1: memory ran out on 16 items; going on with batches of 8.",
    ]
    caller.embed(ITEMS[:12], clock.add_call)
    assert embedder.sizes[4:] == [8, 4]
    assert len(said) == 2
    assert (clock.items, clock.batch_size) == ([44, 0], 8)


def test_an_item_that_does_not_fit_alone_is_named() -> None:
    with pytest.raises(ContractError, match=r"tight@1: memory ran out on the item \(text 'text 0'\)"):
        BatchCaller(Tight(0, MemoryError())).embed(ITEMS, EmbedClock().add_call)


def test_another_error_halves_nothing() -> None:
    embedder = Tight(9, RuntimeError("wrong shape"))
    with pytest.raises(ContractError, match=r"wrong shape.*on 32 items at once, though each passes alone"):
        BatchCaller(embedder).embed(ITEMS, EmbedClock().add_call)
