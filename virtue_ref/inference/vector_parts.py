"""Embed rows part by part, so that a stopped run goes on: vectors are stored under digests of their items."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from mmeb_eval.run.vector_keys import ItemKeys
from scar.common.arrow import UNREADABLE, read_table
from scar.common.files import write_table, write_text
from scar.errors import DataError, ItemError, VirtueError

PART_ROWS = 1000
PART_FORMAT = 2
"""Version of the files of a stopped run; those of another are refused."""


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row of the inputs.

    Attributes:
        id: the row's id, unique among the rows.
        item: the item to embed.
        where: where the row comes from, for messages, such as "FILE:LINE".
    """

    id: str
    item: Item
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedRows:
    """The vectors of rows, in files.

    Attributes:
        ids: the id of each row.
        order: (N,) int64; for each row, the index of its vector in all files together.
        files: the files, each with up to `PART_ROWS` vectors; equal items have one vector.
    """

    ids: Sequence[str]
    order: NDArray[np.int64]
    files: Sequence[Path]

    @property
    def dim(self) -> int:
        """Number of dimensions of the vectors."""
        size: int = parquet.read_schema(self.files[0]).field("vector").type.list_size
        return size

    def fill(self, whole: NDArray[Any]) -> None:
        """Write the vectors of all rows into an (N, D) array of any float type, such as a file's; in row order.

        Raises:
            VirtueError: a file is damaged.
        """
        start = 0
        for file in self.files:
            vectors = _read_part(file, "vector").combine_chunks().flatten().to_numpy().reshape(-1, whole.shape[1])
            (rows,) = np.nonzero((start <= self.order) & (self.order < start + len(vectors)))
            whole[rows] = vectors[self.order[rows] - start]
            start += len(vectors)


def embed_in_parts(
    embedder: Embedder, rows: Iterable[InputRow], folder: Path, *, part_rows: int = PART_ROWS
) -> EmbeddedRows:
    """Embed rows into files of vectors; vectors that a stopped run left in the folder are used again.

    Args:
        embedder: the embedder; its name must be the same when a run is resumed.
        rows: the rows; a generator will do. In memory are the items of `part_rows` rows at a time, and all ids.
        folder: folder of the files; the caller removes it when it has used the vectors.
        part_rows: number of rows after which vectors are saved.

    Raises:
        VirtueError: a stopped run in the folder had another model, or what it saved is damaged; there are no rows; an
            image is missing; or a row cannot be embedded (see `InputRow.where`).
    """
    _open_parts(folder, embedder.name)
    parts = sorted(folder.glob("[0-9]*.parquet"))
    index_of = {key: index for index, key in enumerate(itertools.chain.from_iterable(map(_read_keys, parts)))}
    item_keys = ItemKeys()
    ids: list[str] = []
    order = array("q")
    stream = iter(rows)
    while chunk := list(itertools.islice(stream, part_rows)):
        keys = [_make_key(item_keys, row) for row in chunk]
        new = {key: row for key, row in zip(keys, chunk, strict=True) if key not in index_of}
        if new:
            part = folder / f"{len(parts):06}.parquet"
            write_table(_make_part(new, _embed_chunk(embedder, list(new.values()))), part)
            parts.append(part)
            index_of |= {key: index for index, key in enumerate(new, start=len(index_of))}
        ids += [row.id for row in chunk]
        order.extend(index_of[key] for key in keys)
    if not ids:
        raise VirtueError("no rows: nothing to embed.")
    return EmbeddedRows(ids, np.frombuffer(order, np.int64), parts)


def _open_parts(folder: Path, model: str) -> None:
    """Make the folder of the parts, which may be that of a stopped run of the same model."""
    about, file = json.dumps({"model": model, "format": PART_FORMAT}), folder / "about.json"
    if file.is_file():
        if file.read_text() != about:
            raise VirtueError(f"{folder}: a stopped run with another model; finish that one or remove the folder.")
    elif folder.is_dir() and any(folder.glob("[0-9]*.parquet")):
        raise VirtueError(f"{folder}: parts of an unknown model; remove the folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(about, file)


def _make_key(item_keys: ItemKeys, row: InputRow) -> bytes:
    """Digest of the content of a row's item; the image counts by its bytes."""
    try:
        return item_keys.make_key(row.item)
    except DataError as error:
        image = row.item.image
        is_missing = isinstance(image, Path) and not image.exists()
        raise VirtueError(f"{row.where}: {f'{image}: no such image.' if is_missing else error}") from error


def _embed_chunk(embedder: Embedder, rows: Sequence[InputRow]) -> NDArray[np.float32]:
    try:
        return embedder.embed([row.item for row in rows])
    except ItemError as error:
        if error.index is None:
            raise
        raise VirtueError(f"{rows[error.index].where}: {error.reason}") from error


def _make_part(rows: Mapping[bytes, InputRow], vectors: NDArray[np.float32]) -> pa.Table:
    return pa.table({"key": pa.array(rows, pa.binary(16)), "vector": make_vector_column(vectors)})


def make_vector_column(vectors: NDArray[np.float32]) -> pa.FixedSizeListArray:
    """Make an arrow array of lists of D float32 from (N, D) vectors."""
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])


def _read_keys(part: Path) -> list[bytes]:
    keys: list[bytes] = _read_part(part, "key").to_pylist()
    return keys


def _read_part(part: Path, column: str) -> pa.ChunkedArray:
    try:
        return read_table(part, [column])[column]
    except (*UNREADABLE, KeyError) as error:
        reason = " ".join(str(error).split())
        raise VirtueError(f"{part}: damaged ({reason}); remove it or its folder, and run again.") from error
