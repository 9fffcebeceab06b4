"""Halves batches when memory runs out, and keeps the size that fits."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from mmeb_eval.multi_vectors import Vectors, get_width, join_vectors
from mmeb_eval.run.call_embedder import OutOfMemory, call_embedder
from scar.errors import ContractError

Say = Callable[[str], None]


class BatchCaller:
    """Calls an embedder with as many items as fit into memory.

    Args:
        embedder: makes the vectors.
        say: called with a line of text for the user when a batch is halved.

    Attributes:
        size: largest number of items that fits; None as long as memory has not run out.
    """

    def __init__(self, embedder: Embedder, say: Say = lambda _: None) -> None:
        self._embedder = embedder
        self._say = say
        self.size: int | None = None

    def embed(self, items: Sequence[Item], on_call: Callable[[Sequence[Item], float], None]) -> Vectors:
        """Embed at least one item; return (len(items), D) checked rows, or several for each item.

        A batch for which memory runs out is halved, and so are all later ones.

        Args:
            items: the items.
            on_call: called with the items of each call that succeeded and its seconds, right after it.

        Raises:
            ContractError: memory runs out on one item alone; or see `call_embedder`.
        """
        parts: list[Vectors] = []
        start = 0
        while start < len(items):
            part = items[start : start + (self.size or len(items))]
            began = time.perf_counter()
            try:
                vectors = call_embedder(self._embedder, part)
            except OutOfMemory as error:
                reason = str(error)
            else:
                on_call(part, time.perf_counter() - began)
                parts.append(vectors)
                start += len(part)
                continue
            _free_memory()  # here, as the exception above held the tensors of the failed call
            self.size = len(part) // 2
            self._say(f"{reason}; going on with batches of {self.size}.")
        if len({get_width(vectors) for vectors in parts}) > 1:
            raise ContractError(f"{self._embedder.name}: vectors of different widths in one batch.", items[0])
        return parts[0] if len(parts) == 1 else join_vectors(parts)


def _free_memory() -> None:
    """Free what nobody uses, so that the next call finds it."""
    gc.collect()
    torch = sys.modules.get("torch")
    if (cuda := getattr(torch, "cuda", None)) is not None and cuda.is_available():
        cuda.empty_cache()
