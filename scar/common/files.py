"""Writing files so that a reader sees the old one or the new one, and a full disk is one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from scar.errors import EvalError


def write_bytes(content: bytes, path: Path) -> None:
    """Write under a temporary name and rename.

    Raises:
        EvalError: it cannot be written; says why.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise EvalError(
            f"{path}: cannot be written: {error.strerror}; what was stored before is kept, make room and run again."
        ) from error


def write_table(table: Any, path: Path) -> None:
    """Write an arrow table as parquet, likewise."""
    import pyarrow as pa
    from pyarrow import parquet

    buffer = pa.BufferOutputStream()
    parquet.write_table(table, buffer)
    write_bytes(buffer.getvalue().to_pybytes(), path)
