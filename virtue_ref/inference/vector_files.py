"""Embed files of items as one file of vectors; a stopped run is resumed.

A row of JSONL is an item, as `virtue_ref.inference.records` describes it; paths in it are relative to the file's
folder. Its `id` is any text or whole number that no other row has. Without one, the id is the number of the row,
counted from 0 over all inputs, image files included. The id of an image file is its path. Empty lines are no rows.

Vectors are saved part by part in a hidden folder beside the output, under a digest of their items: text, prompt and the
bytes of the image. A resumed run takes from there the vectors of items that are still the same, wherever they stand
now, and embeds the others.
"""

from __future__ import annotations

import itertools
import json
import shutil
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from scar.common.files import replace_file, write_table, write_text
from scar.errors import DataError, ItemError, VirtueError
from virtue_ref.inference.records import read_record

PART_ROWS = 1000
PART_FORMAT = 2
"""Version of the files of a stopped run; those of another are refused."""

FORMATS = (".parquet", ".npy")


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row of the inputs.

    Attributes:
        id: the row's id, see the head of this module.
        item: the item to embed.
        where: file and line that it was read from, as "FILE:LINE"; the path alone for an image file.
    """

    id: str
    item: Item
    where: str


def read_rows(inputs: Sequence[Path], text: str = "") -> Iterator[InputRow]:
    """Yield the rows of JSONL files, and one row for each image file, in the order of `inputs`. Images are not checked.

    A row of JSONL without an id gets its number among the rows of all inputs, from 0; an image file's id is its path.

    Args:
        inputs: JSONL files, whose names end in ``.jsonl``, and image files, which all other files are taken for.
        text: the text that goes with each image file.

    Raises:
        VirtueError: a file of `inputs` is missing, a row is not an item, or two rows have one id; the message names
            file and line. It is raised when that row is reached.
    """
    first: dict[str, str] = {}
    for row in _iter_rows(inputs, text):
        if (other := first.setdefault(row.id, row.where)) is not row.where:
            raise VirtueError(
                f"{row.where}: its id {row.id!r} is that of {other} too; "
                "give each row its own (without one, a row has its number, from 0)."
            )
        yield row


def check_rows(inputs: Sequence[Path], text: str = "") -> None:
    """Read all rows once, so that an error in the last row is found before the first is embedded.

    Raises:
        VirtueError: see `read_rows`.
    """
    for _ in read_rows(inputs, text):
        pass


def _iter_rows(inputs: Sequence[Path], text: str) -> Iterator[InputRow]:
    number = itertools.count()
    for path in inputs:
        if not path.is_file():
            raise VirtueError(f"{path}: no such file.")
        if path.suffix != ".jsonl":
            next(number)
            yield InputRow(str(path), Item(text, path), str(path))
            continue
        with path.open("rb") as lines:
            for line_number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse_row(line, str(next(number)), f"{path}:{line_number}", path.parent)


def embed_rows(embedder: Embedder, rows: Iterable[InputRow], out: Path, *, part_rows: int = PART_ROWS) -> int:
    """Embed rows and write their vectors into one file; vectors of a stopped run to this file are used again.

    Args:
        embedder: the embedder; its name must be the same when a run is resumed.
        rows: the rows; a generator will do. In memory are the items of `part_rows` rows at a time, and all ids.
        out: a `.parquet` file with the columns id (text) and vector (float32 list), or a `.npy` file, (rows, D) float32
            without ids. Both are in the order of `rows`. The file appears when all rows are done.
        part_rows: number of rows after which vectors are saved.

    Returns:
        Number of rows.

    Raises:
        VirtueError: `out` exists or has another ending; a stopped run to `out` had another model, or what it saved is
            damaged; there are no rows; an image is missing; or a row cannot be embedded (the message names file and
            line, if the embedder says which row it is).
    """
    if out.suffix not in FORMATS:
        raise VirtueError(f"{out}: vectors go to {' or '.join(FORMATS)}.")
    if out.exists():
        raise VirtueError(f"{out} exists; name a new file.")
    folder = _open_parts(out, embedder.name)
    parts = sorted(folder.glob("[0-9]*.parquet"))
    index_of = {key: index for index, key in enumerate(itertools.chain.from_iterable(map(_read_keys, parts)))}
    item_keys = ItemKeys()
    ids: list[str] = []
    order = array("q")  # for each row, the index of its vector in the parts
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
    _write_vectors(parts, ids, np.frombuffer(order, np.int64), out, embedder.name, part_rows)
    shutil.rmtree(folder)
    return len(ids)


def _open_parts(out: Path, model: str) -> Path:
    """The folder of the parts of `out`, which may be that of a stopped run of the same model."""
    folder = out.with_name(f".{out.name}.parts")
    about, file = json.dumps({"model": model, "format": PART_FORMAT}), folder / "about.json"
    if file.is_file():
        if file.read_text() != about:
            raise VirtueError(f"{folder}: a stopped run with another model; finish that one or remove the folder.")
    elif folder.is_dir() and any(folder.glob("[0-9]*.parquet")):
        raise VirtueError(f"{folder}: parts of an unknown model; remove the folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(about, file)
    return folder


def _make_key(item_keys: ItemKeys, row: InputRow) -> bytes:
    """Digest of the content of a row's item; the image counts by its bytes."""
    try:
        return item_keys.make_key(row.item)
    except DataError as error:
        image = row.item.image
        is_missing = image is not None and not image.exists()
        raise VirtueError(f"{row.where}: {f'{image}: no such image.' if is_missing else error}") from error


def _embed_chunk(embedder: Embedder, rows: Sequence[InputRow]) -> NDArray[np.float32]:
    try:
        return embedder.embed([row.item for row in rows])
    except ItemError as error:
        if error.index is None:
            raise
        raise VirtueError(f"{rows[error.index].where}: {error.reason}") from error


def _make_part(rows: Mapping[bytes, InputRow], vectors: NDArray[np.float32]) -> pa.Table:
    return pa.table({"key": pa.array(rows, pa.binary(16)), "vector": _make_column(vectors)})


def _make_column(vectors: NDArray[np.float32]) -> pa.FixedSizeListArray:
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


def _write_vectors(
    parts: Sequence[Path], ids: Sequence[str], order: NDArray[np.int64], out: Path, model: str, part_rows: int
) -> None:
    """Write the vectors of all rows in their order; one part is in memory at a time.

    Args:
        parts: files of vectors.
        ids: the id of each row.
        order: (N,) for each row, the index of its vector in all parts.
        out: the file to write.
        model: name of the model, for the file's metadata.
        part_rows: number of rows in a row group of parquet.
    """
    with replace_file(out) as unfinished:
        matrix = unfinished if out.suffix == ".npy" else parts[0].with_name("vectors.npy")
        dim = parquet.read_schema(parts[0]).field("vector").type.list_size
        whole = np.lib.format.open_memmap(matrix, "w+", np.float32, (len(ids), dim))
        start = 0
        for part in parts:
            vectors = _read_part(part, "vector").combine_chunks().flatten().to_numpy().reshape(-1, dim)
            (rows,) = np.nonzero((start <= order) & (order < start + len(vectors)))
            whole[rows] = vectors[order[rows] - start]
            start += len(vectors)
        whole.flush()
        if matrix == unfinished:
            return
        schema = pa.schema({"id": pa.string(), "vector": pa.list_(pa.float32(), dim)}, {"model": model})
        with parquet.ParquetWriter(unfinished, schema, write_page_checksum=True) as writer:
            for first in range(0, len(ids), part_rows):
                vectors = np.array(whole[first : first + part_rows])
                columns = [pa.array(ids[first : first + part_rows], pa.string()), _make_column(vectors)]
                writer.write_table(pa.table(columns, schema=schema))


def _parse_row(line: bytes, number: str, where: str, folder: Path) -> InputRow:
    try:
        record = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_make_record)
        if not isinstance(record, dict):
            raise ItemError(f"a {type(record).__name__}, not an object")
        item = read_record(record, lambda image: _find_image(image, folder), folder, also=("id",))
        return InputRow(_read_id(record.get("id"), number), item, where)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise VirtueError(f"{where}: not an item ({error}).") from error
    except ItemError as error:
        raise VirtueError(f"{where}: not an item ({error.reason.rstrip('.')}).") from error


def _make_record(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ItemError(f"a key stands twice: {', '.join(key for key, _ in pairs)}.")
    return record


def _find_image(image: Any, folder: Path) -> Path:
    if not isinstance(image, str) or not image:
        raise ItemError(f"image {image!r} is not the path of a file.")
    return folder / image


def _read_id(value: Any, number: str) -> str:
    if value is None:
        return number
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ItemError(f"id {value!r} is neither text nor a whole number.")
    return str(value)
