"""Arrow arrays and tables without pandas.

Where pandas is installed, pyarrow imports it in `array`, `Array.to_numpy`, `parquet.read_table` and `Table.group_by`,
whatever they are called with. That takes as long as building a small corpus, so the functions here avoid these calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, DTypeLike, NDArray

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises where a parquet file is damaged or none; names in a damaged footer may be no UTF-8."""


def make_string_array(texts: Iterable[str | None]) -> pa.StringArray:
    """Make an arrow array of texts; None becomes a null.

    >>> make_string_array(["a", None, "élan"]).to_pylist()
    ['a', None, 'élan']
    """
    encoded = [None if text is None else text.encode() for text in texts]
    filled = [text or b"" for text in encoded]
    offsets, content = _make_offsets([len(text) for text in filled]), b"".join(filled)
    validity = None
    if None in encoded:
        bits = np.packbits([text is not None for text in encoded], bitorder="little")
        validity = pa.py_buffer(np.ascontiguousarray(bits))
    return pa.Array.from_buffers(pa.string(), len(encoded), [validity, pa.py_buffer(offsets), pa.py_buffer(content)])


def make_number_array(numbers: ArrayLike, dtype: DTypeLike) -> pa.NumericArray:
    """Make an arrow array of numbers, without nulls; ``dtype`` is their numpy type.

    >>> make_number_array([1, 2], "int64").type
    DataType(int64)
    """
    values = np.ascontiguousarray(numbers, dtype)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [None, pa.py_buffer(values)])


def make_list_array(lengths: Sequence[int], values: pa.Array) -> pa.ListArray:
    """Make an arrow array of lists: consecutive values, cut into lists of the given lengths.

    >>> make_list_array([1, 2], make_string_array("abc")).to_pylist()
    [['a'], ['b', 'c']]
    """
    return pa.ListArray.from_arrays(make_number_array(_make_offsets(lengths), np.int32), values)


def make_struct_array(columns: Sequence[pa.Array], dtype: pa.StructType, is_valid: Sequence[bool]) -> pa.StructArray:
    """Make an arrow array of structs from a column for each field of ``dtype``, in the order of its fields.

    Each column has one value for each struct. A struct is null where ``is_valid`` is false; its values do not count.

    >>> dtype = pa.struct([("text", pa.string())])
    >>> make_struct_array([make_string_array("ab")], dtype, [True, False]).to_pylist()
    [{'text': 'a'}, None]
    """
    bits = np.packbits(np.asarray(is_valid, bool), bitorder="little")
    return pa.Array.from_buffers(dtype, len(is_valid), [pa.py_buffer(bits)], children=list(columns))


def to_numpy(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Convert numbers without nulls to a numpy array; a column in one chunk is not copied.

    >>> to_numpy(make_number_array([1, 2], "int64"))
    array([1, 2])
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    pieces = [np.from_dlpack(chunk) for chunk in chunks]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a parquet file; where its pages are read, they are compared with their checksums, if it has any.

    Raises:
        *UNREADABLE: the file is damaged or no parquet file. Reading a page raises them too.
    """
    return pq.ParquetFile(path, page_checksum_verification=True)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read all rows of a parquet file, with some or all columns; raises what `open_parquet` raises."""
    return open_parquet(path).read(columns=None if columns is None else list(columns))


def _make_offsets(lengths: Sequence[int]) -> NDArray[np.int32]:
    """(N + 1,) offset at which each of N lists or texts starts, and at which the last one ends."""
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    if offsets[-1] >= 1 << 31:
        raise ValueError(f"{offsets[-1]} values or bytes in one array; arrow counts them in 31 bits")
    return offsets.astype(np.int32)
