"""Embed files of items as one file of vectors, in parts, so that a stopped run can be resumed.

A row of JSONL is an item, as `virtue_ref.inference.records` describes it; paths are relative to the file. `id` is any
text or whole number; without one it is the number of the row, from 0 and over all inputs. That of an image file is its
path. Empty lines are no rows.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from scar.common.files import replace_file, write_table
from scar.errors import ItemError, VirtueError
from virtue_ref.inference.records import read_record

PART_ROWS = 1000
FORMATS = (".parquet", ".npy")


@dataclass(frozen=True, slots=True)
class InputRow:
    """An item, its id, and the file and line that it was read from (`where`)."""

    id: str
    item: Item
    where: str


def read_rows(inputs: Sequence[Path], text: str = "") -> Iterator[InputRow]:
    """Yield the rows of JSONL files, and one row for each image file, in the order of `inputs`.

    Args:
        inputs: `.jsonl` files and image files; every other ending is taken as an image.
        text: the text that goes with each image file.

    Raises:
        VirtueError: a file is missing, or a row is not an item; the message names file and line.
    """
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


def embed_rows(
    embedder: Embedder, rows: Iterable[InputRow], out: Path, source: str, *, part_rows: int = PART_ROWS
) -> int:
    """Embed rows and write their vectors into one file; parts that a stopped run wrote are reused.

    Args:
        embedder: the embedder; its name must be the same when a run is resumed.
        rows: the rows, in any iterable; one part of them is in memory at a time.
        out: a `.parquet` file with columns id and vector, or a `.npy` file with one row for each item. It appears when
            all rows are done.
        source: identifies the input, see `fingerprint_inputs`; a run is resumed only with the same value.
        part_rows: number of rows in a part; each part is saved when it is done.

    Returns:
        Number of rows.

    Raises:
        VirtueError: `out` exists or has another ending; a stopped run to `out` had another model, input or part size;
            there are no rows; or a row cannot be embedded (the message names file and line, if the embedder says which
            row it is).
    """
    if out.suffix not in FORMATS:
        raise VirtueError(f"{out}: vectors go to {' or '.join(FORMATS)}.")
    if out.exists():
        raise VirtueError(f"{out} exists; name a new file.")
    parts = out.with_name(f".{out.name}.parts")
    about = json.dumps({"model": embedder.name, "source": source, "part_rows": part_rows})
    if parts.is_dir() and (parts / "about.json").read_text() != about:
        raise VirtueError(f"{parts}: a stopped run with another model or input; finish that one or remove the folder.")
    parts.mkdir(parents=True, exist_ok=True)
    (parts / "about.json").write_text(about)
    count = 0
    files: list[Path] = []
    stream = iter(rows)
    while chunk := list(itertools.islice(stream, part_rows)):
        file = parts / f"{len(files):06}.parquet"
        if not file.is_file():
            write_table(_make_table(chunk, _embed_chunk(embedder, chunk), embedder.name), file)
        files.append(file)
        count += len(chunk)
    _join_parts(files, out)
    shutil.rmtree(parts)
    return count


def fingerprint_inputs(inputs: Sequence[Path], text: str = "") -> str:
    """SHA-256 of the paths, sizes and modification times of input files, and of the text; in hexadecimal digits.

    It is the `source` of `embed_rows`.

    Args:
        inputs: files of items; missing ones are left out.
        text: the text that goes with each image file.
    """
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in inputs if path.is_file()]
    return hashlib.sha256(json.dumps([stats, text]).encode()).hexdigest()


def _embed_chunk(embedder: Embedder, rows: Sequence[InputRow]) -> NDArray[np.float32]:
    try:
        return embedder.embed([row.item for row in rows])
    except ItemError as error:
        if error.index is None:
            raise
        raise VirtueError(f"{rows[error.index].where}: {error.reason}") from error


def _make_table(rows: Sequence[InputRow], vectors: NDArray[np.float32], name: str) -> pa.Table:
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    table = pa.table({"id": pa.array([row.id for row in rows]), "vector": values})
    return table.replace_schema_metadata({"model": name})


def _join_parts(parts: Sequence[Path], out: Path) -> None:
    """Write all parts into one file; one part is in memory at a time."""
    if not parts:
        raise VirtueError("no rows: nothing to embed.")
    with replace_file(out) as unfinished:
        if out.suffix == ".parquet":
            with parquet.ParquetWriter(unfinished, parquet.read_schema(parts[0])) as writer:
                for part in parts:
                    writer.write_table(parquet.read_table(part))
            return
        counts = [parquet.read_metadata(part).num_rows for part in parts]
        dim = parquet.read_schema(parts[0]).field("vector").type.list_size
        whole = np.lib.format.open_memmap(unfinished, "w+", np.float32, (sum(counts), dim))
        for part, end in zip(parts, itertools.accumulate(counts), strict=True):
            vectors = parquet.read_table(part)["vector"].combine_chunks().flatten().to_numpy().reshape(-1, dim)
            whole[end - len(vectors) : end] = vectors
        whole.flush()


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
