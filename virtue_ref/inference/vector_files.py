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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from scar.common.files import replace_file
from scar.errors import ItemError, VirtueError
from virtue_ref.inference.records import read_record
from virtue_ref.inference.vector_parts import PART_ROWS, EmbeddedRows, InputRow, embed_in_parts, make_vector_column

FORMATS = (".parquet", ".npy")


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
    folder = out.with_name(f".{out.name}.parts")
    found = embed_in_parts(embedder, rows, folder, part_rows=part_rows)
    _write_vectors(found, out, folder, embedder.name, part_rows)
    shutil.rmtree(folder)
    return len(found.ids)


def _write_vectors(found: EmbeddedRows, out: Path, folder: Path, model: str, part_rows: int) -> None:
    """Write the vectors of all rows in their order; one part is in memory at a time.

    Args:
        found: the vectors in parts.
        out: the file to write.
        folder: folder for a temporary file.
        model: name of the model, for the file's metadata.
        part_rows: number of rows in a row group of parquet.
    """
    with replace_file(out) as unfinished:
        matrix = unfinished if out.suffix == ".npy" else folder / "vectors.npy"
        whole = np.lib.format.open_memmap(matrix, "w+", np.float32, (len(found.ids), found.dim))
        found.fill(whole)
        whole.flush()
        if matrix == unfinished:
            return
        schema = pa.schema({"id": pa.string(), "vector": pa.list_(pa.float32(), found.dim)}, {"model": model})
        with parquet.ParquetWriter(unfinished, schema, write_page_checksum=True) as writer:
            for first in range(0, len(found.ids), part_rows):
                vectors = np.array(whole[first : first + part_rows])
                columns = [pa.array(found.ids[first : first + part_rows], pa.string()), make_vector_column(vectors)]
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
