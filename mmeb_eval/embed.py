"""Items -> vectors, batch by batch, each batch checked against the contract as it comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmeb_eval.embedder import Embedder, Item, checked
from mmeb_eval.errors import ContractError


def embed_items(embedder: Embedder, items: Sequence[Item], batch_size: int, bar: str | None) -> NDArray[np.float32]:
    """(len(items), D) vectors, each batch checked as it comes.

    Args:
        embedder: what makes them.
        items: in the order of the rows.
        batch_size: most items at once.
        bar: what to write beside a progress bar; None draws none.

    Raises:
        ContractError: vectors that break the contract, or whose width changes from batch to batch.
    """
    vectors = np.empty((0, 0), dtype=np.float32)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=bar is None) as shown:
        running = shown.add_task(f"{embedder.name}: {bar}", total=len(items))
        for start in range(0, len(items), batch_size):
            batch = items[start : start + batch_size]
            made = checked(embedder.embed(batch), batch, embedder.name)
            if start == 0:
                vectors = np.empty((len(items), made.shape[1]), dtype=np.float32)
            elif made.shape[1] != vectors.shape[1]:
                before = f"{vectors.shape[1]} numbers before and {made.shape[1]}"
                raise ContractError(
                    f"{embedder.name}: vectors have {before} in this batch; their width must not change."
                )
            vectors[start : start + len(batch)] = made
            shown.advance(running, len(batch))
    return vectors
