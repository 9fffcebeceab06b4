"""Write the rows of the corpus as a parquet file, and their provenance as a second one (sidecar)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scar.common.files import replace_file
from scar.formats.schema import DISPLAYED, FRAME_KEY, GIVEN_IDS_KEY, IDENTITIES_KEY, PROVENANCE_SCHEMA, SCHEMAS
from scar.sample import Split

ROWS_PER_GROUP = 5000
"""Rows of a row group: about 10 MB of text and masks. Readers load one row group at a time."""


class SampleWriter:
    """Writes rows and their provenance. The same rows give the same files, however they are cut into tables.

    Use it as a context manager. At the end of the ``with`` block, both files get their names; after an exception,
    neither file is written, and files that were there before stay.

    Args:
        rows: path of the file in the published format; replaced if it is there.
        sidecar: path of the file of provenance; replaced if it is there.
        split: decides the columns of the rows.
    """

    def __init__(self, rows: Path, sidecar: Path, split: Split) -> None:
        self._paths = ((rows, SCHEMAS[split]), (sidecar, PROVENANCE_SCHEMA))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            places = [(stack.enter_context(replace_file(path)), schema) for path, schema in self._paths]
            self._files = [stack.enter_context(_GroupedFile(path, schema)) for path, schema in places]
            self._files[0].add_metadata({FRAME_KEY: DISPLAYED})  # the frame of every `Sample`
            self._stack = stack.pop_all()
        return self

    def add_tables(self, rows: pa.Table, notes: pa.Table) -> None:
        """Append rows; ``notes`` holds the provenance of each row, in the same order."""
        for file, table in zip(self._files, (rows, notes), strict=True):
            file.add_table(table)

    def add_identities(self, identities: Mapping[str, str]) -> None:
        """Write the mapping from image path to identity into the sidecar's metadata; see `RowFile.read_identities`."""
        if identities:
            self._files[1].add_metadata({IDENTITIES_KEY: json.dumps(dict(sorted(identities.items()))).encode()})

    def add_given_ids(self, regions: Mapping[int, Any], images: Mapping[int, Any]) -> None:
        """Write the ids in annotation files, by number, into the sidecar's metadata; see `RowFile.read_given_ids`."""
        if regions or images:
            given = {"regions": dict(sorted(regions.items())), "images": dict(sorted(images.items()))}
            self._files[1].add_metadata({GIVEN_IDS_KEY: json.dumps(given).encode()})

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


class _GroupedFile:
    """A parquet file with row groups of `ROWS_PER_GROUP` rows, whatever the sizes of the tables that are added."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
        self._pending: list[pa.Table] = []
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def add_table(self, table: pa.Table) -> None:
        self._pending.append(table)
        self._count += table.num_rows
        if self._count >= ROWS_PER_GROUP:
            whole = self._count - self._count % ROWS_PER_GROUP
            rows = pa.concat_tables(self._pending)
            for start in range(0, whole, ROWS_PER_GROUP):
                self._writer.write_table(rows.slice(start, ROWS_PER_GROUP).combine_chunks())
            self._pending, self._count = [rows.slice(whole)], self._count - whole

    def add_metadata(self, metadata: Mapping[bytes, bytes]) -> None:
        self._writer.add_key_value_metadata(metadata)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the file; without an exception, write the pending rows first."""
        if kind is None and self._count:
            self._writer.write_table(pa.concat_tables(self._pending).combine_chunks())
        self._writer.close()
