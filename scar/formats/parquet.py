"""The corpus on disk: `Sample`s <-> parquet files of the published formats and their provenance sidecars."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scar.errors import InputError
from scar.formats import schema
from scar.formats.row_codec import sample_from_row
from scar.formats.schema import PROVENANCE_SCHEMA, SCHEMAS, Origin
from scar.sample import Sample, Split

_IDENTITIES_KEY = b"scar.identities"
"""Key of a sidecar's metadata."""

ROWS_PER_GROUP = 5000
"""About 10 MB of text and masks: readers take a group at a time."""

WITH_IMAGES_FOLDER = "with-images"
"""The folder of a repository whose rows have images in them; they are those of the other folders again."""


@dataclass(frozen=True, slots=True)
class RowFile:
    """A parquet file of the corpus.

    Attributes:
        path: the file.
        split: whose format its columns have.
        source: name, from the file's name.
        rows: how many it holds.
        sidecar: its provenance, if there is one.
    """

    path: Path
    split: Split
    source: str
    rows: int
    sidecar: Path | None

    def read_identities(self) -> dict[str, str]:
        """Which images of the world its images are, by path, as far as neither names nor pixels tell it.

        A build writes it into the sidecar's metadata; other files have none.

        Raises:
            InputError: the sidecar cannot be read.
        """
        if self.sidecar is None:
            return {}
        metadata = _open_parquet(self.sidecar).metadata.metadata or {}
        try:
            return dict(json.loads(metadata.get(_IDENTITIES_KEY, b"{}")))
        except ValueError as error:
            raise InputError(f"{self.sidecar}: its identities of images are no JSON ({error}); build again.") from None

    def read_image_ids(self) -> dict[str, int]:
        """The number of each of its images, by path.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            table = _open_parquet(self.path).read(columns=["qry_image_path", "image_id"])
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path}: damaged: {error}.") from None
        firsts = table.group_by("qry_image_path").aggregate([("image_id", "min")])
        return dict(zip(firsts["qry_image_path"].to_pylist(), firsts["image_id_min"].to_pylist(), strict=True))

    def iter_samples(self) -> Iterator[Sample]:
        """Each row as a sample.

        Raises:
            InputError: a file is damaged, or a row has another shape; names file and row.
        """
        for number, (row, note) in enumerate(self.iter_rows()):
            try:
                yield sample_from_row(row, note, self.source, self.split, number)
            except ValueError as error:
                raise InputError(f"{self.path}, row {number}: {error}; `scar check` lists every problem.") from None

    def iter_samples_at(self, row_numbers: Sequence[int]) -> Iterator[tuple[Sample, dict[str, Any] | None]]:
        """The rows of these numbers, which ascend, as samples with their provenance; others are not decoded.

        Raises:
            InputError: as `samples`.
        """
        rows = _iter_rows_at(self.path, row_numbers)
        notes = repeat(None) if self.sidecar is None else _iter_rows_at(self.sidecar, row_numbers)
        for number, row, note in zip(row_numbers, rows, notes, strict=False):
            try:
                yield sample_from_row(row, note, self.source, self.split, number), note
            except ValueError as error:
                raise InputError(f"{self.path}, row {number}: {error}; `scar check` lists every problem.") from None

    def iter_rows(self) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Each row with its provenance.

        Raises:
            InputError: a file is damaged, or the sidecar has another number of rows.
        """
        rows = iter_rows(self.path)
        if self.sidecar is None:
            for row in rows:
                yield row, None
            return
        try:
            yield from zip(rows, iter_rows(self.sidecar), strict=True)
        except ValueError:
            raise InputError(f"{self.sidecar}: it has another number of rows than {self.path.name}.") from None


class SampleWriter:
    """Writes rows and their provenance, whole groups of rows at a time, however they come.

    Use it as a context manager: the files are complete when it is left.

    Args:
        rows: file of the published format; replaced if it is there.
        sidecar: file of the provenance; replaced if it is there.
        split: decides the format.
    """

    def __init__(self, rows: Path, sidecar: Path, split: Split) -> None:
        self._files = [_GroupedFile(rows, SCHEMAS[split]), _GroupedFile(sidecar, PROVENANCE_SCHEMA)]

    def __enter__(self) -> Self:
        return self

    def add_tables(self, rows: pa.Table, notes: pa.Table) -> None:
        """Append some rows and as many notes."""
        for file, table in zip(self._files, (rows, notes), strict=True):
            file.add_table(table)

    def add_identities(self, images: Mapping[str, str]) -> None:
        """Keep which images of the world the images are, by path; see `RowFile.read_identities`."""
        if images:
            self._files[1].add_metadata({_IDENTITIES_KEY: json.dumps(dict(sorted(images.items()))).encode()})

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for file in self._files:
            file.close(whole=kind is None)


class _GroupedFile:
    """A parquet file whose groups of rows do not depend on the tables that it is made of."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
        self._waiting: list[pa.Table] = []
        self._count = 0

    def add_table(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self._count += table.num_rows
        if self._count >= ROWS_PER_GROUP:
            whole = self._count - self._count % ROWS_PER_GROUP
            everything = pa.concat_tables(self._waiting)
            for start in range(0, whole, ROWS_PER_GROUP):
                self._writer.write_table(everything.slice(start, ROWS_PER_GROUP).combine_chunks())
            self._waiting, self._count = [everything.slice(whole)], self._count - whole

    def add_metadata(self, metadata: Mapping[bytes, bytes]) -> None:
        """Put something at the file's end, by its key."""
        self._writer.add_key_value_metadata(metadata)

    def close(self, *, whole: bool) -> None:
        """Write what is left, unless the file is given up."""
        if whole and self._count:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._writer.close()


def write_samples(samples: Iterable[Sample], split: Split, origin: Origin, rows: Path, sidecar: Path) -> None:
    """Write samples and their provenance, a group of rows at a time.

    Args:
        samples: in the order of the rows.
        split: decides the format.
        origin: of all samples.
        rows: file of the published format; replaced if it is there.
        sidecar: file of the provenance; replaced if it is there.
    """
    remaining = iter(samples)
    with SampleWriter(rows, sidecar, split) as writer:
        while group := list(islice(remaining, ROWS_PER_GROUP)):
            writer.add_tables(
                schema.make_row_table(group, split, origin.seed), schema.make_provenance_table(group, origin)
            )


def read(folder: Path | str) -> Iterator[Sample]:
    """Samples of a SCaR folder, ours or the published one, file by file.

    Without provenance sidecars only the captions' texts are known: they stand in `Caption.object`, a train sample has
    one negative, and a region's id is its row's number.

    Raises:
        InputError: the folder holds no SCaR file, or a row has another shape; names file and row.

    Example::

        for sample in scar.read("out"):
            print(sample.image, sample.gold.text)
    """
    for file in find_row_files(Path(folder)):
        yield from file.iter_samples()


def find_row_files(folder: Path) -> list[RowFile]:
    """The parquet files of a folder that have one of the two formats, by path.

    Raises:
        InputError: there is none, or one cannot be read or has other columns.
    """
    paths = find_parquet_files(folder)
    files = []
    for path in paths:
        problems = find_schema_problems(path)
        if problems:
            raise InputError(f"{path}: {problems[0]}; `scar check` lists every problem.")
        files.append(make_row_file(path, folder))
    return files


def find_parquet_files(folder: Path) -> list[Path]:
    """The parquet files below a folder, by path, provenance and hidden ones left out.

    Raises:
        InputError: there is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder that `scar build` wrote.")
    paths = [path for path in folder.rglob("*.parquet") if not _is_left_out(path.relative_to(folder))]
    if not paths:
        raise InputError(f"{folder}: no parquet file in it; give the folder that `scar build` wrote.")
    return sorted(paths)


def make_row_file(path: Path, folder: Path) -> RowFile:
    """What is known of a parquet file whose columns are those of a format."""
    sidecar = folder / "provenance" / path.name
    parquet = _open_parquet(path)
    return RowFile(
        path=path,
        split=_find_split(parquet.schema_arrow),
        source=re.sub(r"^SCa?R_(eval_)?|_(val|train)(_filtered)?$", "", path.stem, flags=re.IGNORECASE),
        rows=parquet.metadata.num_rows,
        sidecar=sidecar if sidecar.is_file() else None,
    )


def find_schema_problems(path: Path) -> list[str]:
    """Where the columns of a file differ from the format that it comes closest to; empty when they do not."""
    try:
        schema = _open_parquet(path).schema_arrow
    except InputError as error:
        return [str(error)]
    wanted = SCHEMAS[_find_split(schema)]
    problems = [f"column {name!r} is missing" for name in wanted.names if name not in schema.names]
    problems += [f"column {name!r} is none of the format's" for name in schema.names if name not in wanted.names]
    for field in wanted:
        if field.name in schema.names and not _is_readable_as(schema.field(field.name).type, field.type):
            problems.append(f"column {field.name!r} is {schema.field(field.name).type}, not {field.type}")
    return problems


def iter_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a parquet file as dictionaries, a few at a time in memory.

    Raises:
        InputError: it cannot be read or is damaged.
    """
    for batch in iter_row_batches(path, 1000):
        yield from batch.to_pylist()


def iter_row_batches(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """Rows of a parquet file, so many at a time; the last batch may have fewer.

    Raises:
        InputError: it cannot be read or is damaged.
    """
    try:
        yield from _open_parquet(path).iter_batches(batch_size=rows)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: damaged: {error}.") from None


def _iter_rows_at(path: Path, row_numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The rows of these numbers, which ascend; of each group of rows that has none, nothing is read."""
    file, start, waiting = _open_parquet(path), 0, list(row_numbers)
    if waiting and waiting[-1] >= file.metadata.num_rows:
        raise InputError(f"{path}: it has no row {waiting[-1]}; `scar check` says what is wrong.")
    try:
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            own = [number - start for number in waiting if start <= number < end]
            if own:
                yield from file.read_row_group(group).take(own).to_pylist()
            start = end
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: damaged: {error}.") from None


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: no readable parquet file: {error}") from None


def _is_left_out(path: Path) -> bool:
    return not {"provenance", WITH_IMAGES_FOLDER}.isdisjoint(path.parts[:-1]) or any(
        part.startswith(".") for part in path.parts
    )


def _find_split(schema: pa.Schema) -> Split:
    """The format by its columns: only train rows have a `pos_text`."""
    return "train" if "pos_text" in schema.names else "eval"


def _is_readable_as(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column can be read as the wanted one; the width of numbers and offsets may differ."""
    if pa.types.is_null(found):
        return True
    if pa.types.is_struct(wanted):
        return pa.types.is_struct(found) and all(
            found.get_field_index(field.name) >= 0 and _is_readable_as(found.field(field.name).type, field.type)
            for field in wanted
        )
    if pa.types.is_list(wanted):
        is_list = pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found)
        return is_list and _is_readable_as(found.value_type, wanted.value_type)
    if pa.types.is_string(wanted):
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(found))
    return bool(pa.types.is_integer(found))
