"""Several vectors for each item, as late-interaction models such as ColPali make them, and their compact form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.item import Item, describe_item
from mmeb_eval.vectors import MAX_ROUNDING, make_rows
from scar.errors import ContractError


@dataclass(frozen=True, slots=True, eq=False)
class MultiVectors:
    """The vectors of several items, below each other, in half precision.

    Attributes:
        rows: (R, D) float16 rows of L2 norm 1, item after item.
        starts: (N + 1,) for each item, the index of its first row; then R.
    """

    rows: NDArray[np.float16]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> NDArray[np.float16]:
        """(T, D) rows of an item."""
        return self.rows[self.starts[index] : self.starts[index + 1]]

    def __iter__(self) -> Iterator[NDArray[np.float16]]:
        return (self[index] for index in range(len(self)))

    @property
    def width(self) -> int:
        """Number of components of a vector."""
        return int(self.rows.shape[1])

    def copy(self) -> MultiVectors:
        """A copy, for which an embedder may reuse its arrays."""
        return MultiVectors(self.rows.copy(), self.starts.copy())


Vectors: TypeAlias = NDArray[np.float32] | MultiVectors
"""Vectors of items: (N, D), a row for each; or several for each."""


def get_width(vectors: Vectors) -> int:
    """Number of components of a vector."""
    return vectors.width if isinstance(vectors, MultiVectors) else int(vectors.shape[1])


def gather_vectors(arrays: Sequence[NDArray[np.float16]]) -> MultiVectors:
    """Multi-vectors from one (T, D) array for each of at least one item."""
    starts = np.concatenate([[0], np.cumsum([len(array) for array in arrays])]).astype(np.int64)
    return MultiVectors(np.concatenate(arrays), starts)


def join_vectors(parts: Sequence[Vectors]) -> Vectors:
    """The vectors of all parts, in their order; the parts are of one kind and width."""
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if arrays:
        return np.concatenate(arrays)
    return gather_vectors([rows for part in parts if isinstance(part, MultiVectors) for rows in part])


def check_multi_vectors(vectors: object, items: Sequence[Item], embedder_name: str) -> MultiVectors:
    """Check what an embedder with ``multi_vector`` returned: for each item, (T, D) rows of L2 norm 1, T at least 1.

    Each is an array, a tensor or a list of rows; T may differ from item to item. Rows are rounded to half precision at
    once, so that scores do not depend on whether vectors were stored.

    Raises:
        ContractError: the number of items, a shape or a number format is wrong, a value is not finite, or the norm of a
            row differs from 1 by more than `mmeb_eval.vectors.MAX_ROUNDING`; the message names embedder and item.
    """
    if not hasattr(vectors, "__len__"):
        vectors = list(vectors) if isinstance(vectors, Iterator) else [vectors]
    several: Any = vectors
    if len(several) != len(items):
        raise ContractError(
            f"{embedder_name}: embed returned {len(several)} arrays for {len(items)} items; return one (T, D) an item."
        )
    checked = []
    for own, item in zip(several, items, strict=True):
        rows = make_rows(own, embedder_name, len(own) if hasattr(own, "__len__") else 1).astype(np.float64)
        lengths = np.linalg.norm(rows, axis=1)
        if not len(lengths):
            raise ContractError(f"{embedder_name}: {describe_item(item)} has no vector; return at least one.", item)
        if not np.isfinite(lengths).all() or (np.abs(lengths - 1) > MAX_ROUNDING).any():
            worst = lengths[int(np.argmax(np.abs(np.nan_to_num(lengths, nan=np.inf) - 1)))]
            where = f"{embedder_name}: a vector of {describe_item(item)} has length {worst:.4g}, not 1"
            raise ContractError(f"{where}; divide each by its L2 norm, and leave padding out.", item)
        checked.append((rows / lengths[:, None]).astype(np.float16))
    if len({rows.shape[1] for rows in checked}) > 1:
        raise ContractError(f"{embedder_name}: vectors of different widths in one batch; their width must not change.")
    return gather_vectors(checked)


def summarise_items(vectors: MultiVectors) -> NDArray[np.float32]:
    """(N, D + D * D) mean and mean outer product of each item's vectors: equal for equal items, whatever T is."""
    rows = [own.astype(np.float32) for own in vectors]
    return np.stack([np.concatenate([own.mean(axis=0), (own.T @ own / len(own)).reshape(-1)]) for own in rows])
