"""The files of an index.

`about.json` has the model, the instruction, the folder of the images and the counts. `vectors.safetensors` has the
(N, D) tensor ``vectors``, unit rows in float16 or float32. `entries.parquet` has the columns id, text, image, box
(x0, y0, x1, y1; null for a whole image) and vector (D float32, equal to the row of the tensor), for other programs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from scar.common.arrow import UNREADABLE
from scar.errors import VirtueError
from scar.sample import Box
from virtue_ref.inference.vector_parts import make_vector_column
from virtue_ref.search.entries import Entry

ABOUT_FILE, VECTOR_FILE, ENTRY_FILE = "about.json", "vectors.safetensors", "entries.parquet"
FORMAT = 1
"""Version of the files; those of another are refused."""

FILE_TYPES = {"float16": "F16", "float32": "F32"}
"""Number format -> its name in safetensors."""

GROUP_ROWS = 16_384
"""Rows of a row group of the parquet file."""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an index says of itself.

    Attributes:
        format: `FORMAT`.
        model: name of the embedder, with everything that changes vectors.
        instruction: text of entries, and of queries by image that have no text of their own.
        images: folder of the images.
        count: number of entries.
        dim: number of dimensions.
        dtype: number format of the vectors.
    """

    format: int
    model: str
    instruction: str
    images: str
    count: int
    dim: int
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is known of the entries of an index, as arrow columns id, text, image and box."""

    table: pa.Table

    def get_entry(self, row: int) -> Entry:
        """The entry of a row."""
        found: dict[str, Any] = self.table.slice(row, 1).to_pylist()[0]
        box = None if found["box"] is None else Box(*found["box"])
        return Entry(found["id"], found["image"], found["text"] or "", box)


def create_vectors(file: Path, count: int, dim: int, dtype: str) -> np.memmap[Any, Any]:
    """Make a safetensors file with the (count, dim) tensor ``vectors``, and map it into memory to be filled."""
    size = count * dim * np.dtype(dtype).itemsize
    tensor = {"dtype": FILE_TYPES[dtype], "shape": [count, dim], "data_offsets": [0, size]}
    header = json.dumps({"vectors": tensor}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with file.open("wb") as out:
        out.write(len(header).to_bytes(8, "little") + header)
        out.truncate(8 + len(header) + size)
    return np.memmap(file, np.dtype(dtype), "r+", 8 + len(header), (count, dim))


def open_vectors(file: Path, about: About) -> NDArray[Any]:
    """Map the vectors of an index into memory, read-only.

    Raises:
        VirtueError: the file is missing, cut off, or has not the shape that `about` says.
    """
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(length, 1 << 20)))
        tensor = header["vectors"]
        start, end = tensor["data_offsets"]
        found = (tensor["dtype"], tensor["shape"], 8 + length + end)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VirtueError(f"{file}: cannot be read ({error}); index again.") from error
    size = about.count * about.dim * np.dtype(about.dtype).itemsize
    wanted = (FILE_TYPES[about.dtype], [about.count, about.dim], file.stat().st_size)
    if found != wanted or end - start != size:
        raise VirtueError(f"{file}: {found[0]} {found[1]}, {found[2]} bytes, instead of {wanted}; index again.")
    return np.memmap(file, np.dtype(about.dtype), "r", 8 + length + start, (about.count, about.dim))


def write_entries(file: Path, entries: list[Entry], vectors: NDArray[Any], model: str) -> None:
    """Write the parquet file; one row group is in memory at a time."""
    schema = pa.schema(
        {
            "id": pa.string(),
            "text": pa.string(),
            "image": pa.string(),
            "box": pa.list_(pa.float64()),
            "vector": pa.list_(pa.float32(), vectors.shape[1]),
        },
        {"model": model},
    )
    with parquet.ParquetWriter(file, schema, write_page_checksum=True, compression="zstd") as writer:
        for first in range(0, len(entries), GROUP_ROWS):
            some = entries[first : first + GROUP_ROWS]
            columns = [
                pa.array([entry.id for entry in some], pa.string()),
                pa.array([entry.text for entry in some], pa.string()),
                pa.array([entry.image for entry in some], pa.string()),
                pa.array([entry.box and [*map(float, _list_corners(entry.box))] for entry in some], schema[3].type),
                make_vector_column(np.asarray(vectors[first : first + GROUP_ROWS], np.float32)),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def read_about(folder: Path) -> About:
    """Read what an index says of itself.

    Raises:
        VirtueError: the folder holds no index, half of one, or one of another version.
    """
    file = folder / ABOUT_FILE
    if not file.is_file():
        state = "only half of an index" if (folder / VECTOR_FILE).exists() else "no index"
        raise VirtueError(f"{folder}: {state}; `virtue index` writes one.")
    try:
        about = msgspec.json.decode(file.read_bytes(), type=About)
    except (msgspec.DecodeError, OSError) as error:
        raise VirtueError(f"{file}: not written by `virtue index` ({error}); index again.") from error
    if about.format != FORMAT or about.dtype not in FILE_TYPES or about.count < 1 or about.dim < 1:
        raise VirtueError(f"{file}: format {about.format}, {about.dtype}; this version reads {FORMAT}. Index again.")
    return about


def read_columns(file: Path, about: About) -> Columns:
    """Read what is known of the entries; the vectors in the file are not read.

    Raises:
        VirtueError: the file is missing, damaged or of other entries.
    """
    try:
        with parquet.ParquetFile(file, page_checksum_verification=True) as opened:
            table = opened.read(["id", "text", "image", "box"])
    except (*UNREADABLE, KeyError) as error:
        raise VirtueError(f"{file}: cannot be read ({' '.join(str(error).split())}); index again.") from error
    if len(table) != about.count or table.num_columns != 4:
        raise VirtueError(f"{file}: {len(table)} rows instead of {about.count}; index again.")
    return Columns(table)


def iter_blocks(count: int, rows: int) -> Iterator[slice]:
    """Slices of `rows` rows that cover `count` rows."""
    return (slice(first, min(first + rows, count)) for first in range(0, count, rows))


def _list_corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1
