"""Find parquet files of the published formats, and read `Sample`s from them and their provenance files (sidecars)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scar.common.arrow import UNREADABLE, open_parquet
from scar.common.files import describe_no_folder, iter_paths
from scar.common.hub_files import is_half_pulled
from scar.errors import InputError
from scar.formats.row_codec import check_captions, sample_from_row
from scar.formats.row_frame import RowFrame, open_row_frame
from scar.formats.schema import GIVEN_IDS_KEY, IDENTITIES_KEY, PROVENANCE_SCHEMA, SCHEMAS, WITH_IMAGES_FOLDER
from scar.sample import Sample, Split

PROVENANCE_FOLDER = "provenance"
"""Folder below the corpus's folder with the sidecars, which have the names of their files of rows."""


_ID_KINDS = ("regions", "images")


@dataclass(frozen=True, slots=True)
class RowFile:
    """A parquet file of samples.

    Attributes:
        path: path of the file.
        split: the split, which the columns show.
        source: name of the source: the provenance's, or without provenance the one in the name of the file.
        rows: number of rows.
        sidecar: path of the provenance file; None if there is none.
    """

    path: Path
    split: Split
    source: str
    rows: int
    sidecar: Path | None

    def read_identities(self) -> dict[str, str]:
        """Read the identities of images that a build recorded in the sidecar, by image path as in the rows.

        A build records only identities that a reader gives and the file name does not; it records no image hash. The
        result is empty without a sidecar, or if nothing is recorded.

        Raises:
            InputError: the sidecar cannot be read.
        """
        if self.sidecar is None:
            return {}
        metadata = _open_parquet(self.sidecar).metadata.metadata or {}
        try:
            return dict(json.loads(metadata.get(IDENTITIES_KEY, b"{}")))
        except ValueError as error:
            raise InputError(f"{self.sidecar}: its identities of images are no JSON ({error}); build again.") from None

    def read_given_ids(self) -> tuple[dict[int, Any], dict[int, Any]]:
        """Read the annotation files' ids of regions, and those of images, to which the build gave numbers; by number.

        None stands for an id that is missing. Both are empty if nothing was numbered, or without a sidecar.

        Raises:
            InputError: the sidecar cannot be read.
        """
        if self.sidecar is None:
            return {}, {}
        metadata = _open_parquet(self.sidecar).metadata.metadata or {}
        try:
            given = json.loads(metadata.get(GIVEN_IDS_KEY, b"{}"))
            regions, images = ({int(key): value for key, value in given.get(kind, {}).items()} for kind in _ID_KINDS)
        except (ValueError, AttributeError) as error:
            raise InputError(f"{self.sidecar}: its given ids are no JSON ({error}); build again.") from None
        return regions, images

    def open_frame(self, images: Path) -> RowFrame:
        """Make what turns the regions of the file into the displayed frame; image paths are relative to ``images``.

        Raises:
            InputError: see `scar.formats.row_frame.open_row_frame`.
        """
        return open_row_frame([self.path], images)

    def read_image_ids(self) -> dict[str, int]:
        """Read the id of each image of the file, by image path as in the rows.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            table = _open_parquet(self.path).read(columns=["qry_image_path", "image_id"])
        except UNREADABLE as error:
            raise InputError(f"{self.path}: damaged: {error}.") from None
        return dict(zip(table["qry_image_path"].to_pylist(), table["image_id"].to_pylist(), strict=True))

    def read_sample_ids(self) -> list[str]:
        """Read the id of the sample of each row, in the order of the rows; see `scar.sample.Sample.id`.

        Raises:
            InputError: the sidecar cannot be read.
        """
        if self.sidecar is None:
            return [f"{self.source}/{self.split}/{number}" for number in range(self.rows)]
        try:
            ids: list[str] = _open_parquet(self.sidecar).read(columns=["id"])["id"].to_pylist()
        except UNREADABLE as error:
            raise InputError(f"{self.sidecar}: damaged: {error}.") from None
        return ids

    def iter_samples(self, frame: RowFrame | None = None) -> Iterator[Sample]:
        """Yield each row as a sample.

        Args:
            frame: turns regions into the displayed frame; see `open_frame`. None leaves them in the frame of the rows.

        Raises:
            InputError: a file is damaged, a row has the wrong shape, or its provenance is of other captions; the
                message names file and row.
        """
        for number, (row, note) in enumerate(self.iter_rows()):
            yield self._make_sample(row, note, number, frame)

    def iter_samples_at(
        self, row_numbers: Sequence[int], frame: RowFrame | None = None
    ) -> Iterator[tuple[Sample, dict[str, Any] | None]]:
        """Yield some rows as samples, each with its provenance row or None; the other rows are not decoded.

        Args:
            row_numbers: indices of the rows, from 0, ascending.
            frame: see `iter_samples`.

        Raises:
            InputError: a file is damaged, a row does not exist or has the wrong shape, or its provenance is of other
                captions.
        """
        rows = _iter_rows_at(self.path, row_numbers)
        notes = repeat(None) if self.sidecar is None else _iter_rows_at(self.sidecar, row_numbers)
        for number, row, note in zip(row_numbers, rows, notes, strict=False):
            yield self._make_sample(row, note, number, frame), note

    def iter_rows(self) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Yield each row with its provenance row, or with None if there is no sidecar.

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

    def _make_sample(
        self, row: dict[str, Any], note: dict[str, Any] | None, number: int, frame: RowFrame | None
    ) -> Sample:
        try:
            sample = sample_from_row(row, note, self.source, self.split, number)
            if note is not None:
                check_captions(row, sample)
            region = sample.region if frame is None else frame.turn_region(sample.region, sample.image)
            return sample if region is sample.region else msgspec.structs.replace(sample, region=region)
        except (ValueError, InputError) as error:
            raise InputError(f"{self.path}, row {number}: {error}; `scar check` lists every problem.") from None


def find_row_files(folder: Path) -> list[RowFile]:
    """Find the files of rows below a folder, ordered by path; `RowFile.sidecar` names the provenance file of each.

    Raises:
        InputError: see `find_parquet_files`; or a file cannot be read, or has other columns than `find_schema_problems`
            asks for.
    """
    files = []
    for path in find_parquet_files(folder):
        problems = find_schema_problems(path)
        if problems:
            raise InputError(f"{path}: {problems[0].rstrip('.')}; `scar check` lists every problem.")
        files.append(make_row_file(path, folder))
    return files


def find_parquet_files(folder: Path) -> list[Path]:
    """Find the parquet files of rows below a folder, ordered by path; others are passed over, see `is_row_path`.

    Raises:
        InputError: there is no such folder, no such file in it, or a pull into it has not ended.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: {describe_no_folder(folder)}; give the folder that `scar build` wrote.")
    if is_half_pulled(folder):
        raise InputError(f"{folder}: a pull into it has not ended; the same `scar pull` again brings the rest.")
    paths = [path for path in iter_paths(folder) if is_row_path(path.relative_to(folder))]
    if not paths:
        raise InputError(f"{folder}: no parquet file in it; give the folder that `scar build` wrote.")
    return sorted(paths)


def is_row_path(path: Path) -> bool:
    """Whether a path relative to the folder of a corpus is that of a file of rows.

    It is, if it ends in ``.parquet``, none of its folders is that of provenance or of rows with images, and no part is
    hidden.
    """
    aside = {PROVENANCE_FOLDER, WITH_IMAGES_FOLDER}.intersection(path.parts[:-1])
    return path.suffix.lower() == ".parquet" and not aside and not any(part.startswith(".") for part in path.parts)


def make_row_file(path: Path, folder: Path) -> RowFile:
    """Describe a parquet file that has the columns of a format.

    Args:
        path: path of the file.
        folder: folder of the corpus; its folder ``provenance`` may hold a sidecar with the name of the file.

    Raises:
        InputError: the file cannot be read.
    """
    sidecar = folder / PROVENANCE_FOLDER / path.name
    parquet = _open_parquet(path)
    named = re.sub(r"^SCa?R_(eval_)?|_(val|train)(_filtered)?$", "", path.stem, flags=re.IGNORECASE)
    return RowFile(
        path=path,
        split=_find_split(parquet.schema_arrow),
        source=(_read_source(sidecar) if sidecar.is_file() else None) or named,
        rows=parquet.metadata.num_rows,
        sidecar=sidecar if sidecar.is_file() else None,
    )


def _read_source(sidecar: Path) -> str | None:
    """Source of the first row of a provenance file; None if it does not say, or if it is damaged: readers tell that."""
    try:
        batch = next(open_parquet(sidecar).iter_batches(batch_size=1, columns=["source"]), None)
    except (*UNREADABLE, KeyError):
        return None
    return batch["source"][0].as_py() if batch is not None and batch.num_rows and batch.num_columns else None


def find_schema_problems(path: Path) -> list[str]:
    """List how the columns of a file differ from the format of its split; empty if they do not.

    A file that cannot be read has one problem, which says so. A file with a column ``pos_text`` is held to the train
    format, any other one to the eval format.
    """
    try:
        schema = open_parquet(path).schema_arrow
    except UNREADABLE as error:
        return [f"no readable parquet file: {error}"]
    wanted = SCHEMAS[_find_split(schema)]
    problems = [f"column {name!r} is missing" for name in wanted.names if name not in schema.names]
    problems += [f"column {name!r} is none of the format's" for name in schema.names if name not in wanted.names]
    for field in wanted:
        if field.name in schema.names and not _is_readable_as(schema.field(field.name).type, field.type):
            problems.append(f"column {field.name!r} is {schema.field(field.name).type}, not {field.type}")
    return problems


def find_provenance_schema(sidecars: Sequence[Path]) -> pa.Schema:
    """The columns of provenance that every one of the sidecars has; those of older builds lack the later ones.

    Raises:
        InputError: a file cannot be read.
    """
    names = [set(_open_parquet(path).schema_arrow.names) for path in sidecars]
    return pa.schema([field for field in PROVENANCE_SCHEMA if all(field.name in each for each in names)])


def count_rows(path: Path) -> int:
    """Number of rows of a parquet file.

    Raises:
        InputError: the file cannot be read.
    """
    return int(_open_parquet(path).metadata.num_rows)


def iter_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a parquet file as dictionaries; memory holds a thousand rows at a time.

    Raises:
        InputError: the file cannot be read or is damaged.
    """
    for batch in iter_row_batches(path, 1000):
        try:
            yield from batch.to_pylist()
        except UnicodeDecodeError as error:  # no page of a build: the file has no checksums
            raise InputError(f"{path}: damaged: {error}.") from None


def iter_row_batches(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a parquet file in batches of at most ``rows`` rows.

    Raises:
        InputError: the file cannot be read or is damaged.
    """
    try:
        yield from _open_parquet(path).iter_batches(batch_size=rows)
    except UNREADABLE as error:
        raise InputError(f"{path}: damaged: {error}.") from None


def _iter_rows_at(path: Path, row_numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the rows at some ascending indices; row groups without any of them are not read."""
    file, start, remaining = _open_parquet(path), 0, list(row_numbers)
    if remaining and remaining[-1] >= file.metadata.num_rows:
        raise InputError(f"{path}: it has no row {remaining[-1]}; `scar check` says what is wrong.")
    try:
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            own = [number - start for number in remaining if start <= number < end]
            if own:
                yield from file.read_row_group(group).take(own).to_pylist()
            start = end
    except UNREADABLE as error:
        raise InputError(f"{path}: damaged: {error}.") from None


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return open_parquet(path)
    except UNREADABLE as error:
        raise InputError(f"{path}: no readable parquet file: {error}") from None


def _find_split(schema: pa.Schema) -> Split:
    """Split of a file by its columns: only train files have a column ``pos_text``."""
    return "train" if "pos_text" in schema.names else "eval"


def _is_readable_as(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column of type ``found`` can be read as ``wanted``; widths of numbers and list offsets may differ."""
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
