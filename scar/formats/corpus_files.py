"""Open a corpus: find its files and check that they belong together, so that no row is lost or counted twice unseen.

Only metadata and short columns are read; `scar.formats.check` reads every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from scar.common.arrow import UNREADABLE, open_parquet
from scar.common.files import hash_file, iter_paths, make_path
from scar.errors import InputError
from scar.formats.build_report import REPORT_NAME, read_report
from scar.formats.reader import PROVENANCE_FOLDER, RowFile, count_rows, find_row_files, is_row_path
from scar.sample import Sample

_CONSTANT_COLUMNS = ("source", "split", "generator", "generator_version", "licence", "seed")
"""Columns of the provenance that have one value in all rows of a file."""


class FolderProblem(NamedTuple):
    """Something wrong with the files of a corpus.

    Attributes:
        kind: kind of the problem, as `scar.formats.check.check_folder` counts it.
        path: the file, below the folder of the corpus.
        problem: what is wrong with it, and what to do.
    """

    kind: str
    path: Path
    problem: str


def read(folder: Path | str) -> Iterator[Sample]:
    """Yield the samples of a SCaR folder, file by file: of a build of scar, or of the published corpus.

    Files are found and checked at the call; rows are read one by one. Regions are in the displayed frame, except those
    of published rows whose image is not below the folder; see `scar.formats.row_frame`.

    Without provenance sidecars only the texts of the captions are known: `Caption.object` holds the whole text, a train
    sample has one negative, and a region's id is the index of its row in its file.

    Raises:
        InputError: the folder holds no SCaR file, its files do not belong together, or a row has the wrong shape; the
            message names file and row.

    Example::

        for sample in scar.read("out"):
            print(sample.image, sample.gold.text)
    """
    root = make_path(folder, "corpus")
    files = open_corpus(root)
    return (sample for file in files for sample in file.iter_samples(file.open_frame(root)))


def open_corpus(folder: Path) -> list[RowFile]:
    """Find the SCaR files below a folder, ordered by path, and check that they belong together.

    Raises:
        InputError: see `find_row_files`; or the files do not belong together.
    """
    files = find_row_files(folder)
    for file in files:
        if file.sidecar is not None and count_rows(file.sidecar) != file.rows:
            raise InputError(f"{file.sidecar}: it has another number of rows than {file.path.name}.")
    for _, path, problem in iter_folder_problems(folder, files):
        raise InputError(f"{path}: {problem}; `scar check` lists every problem.")
    return files


def iter_folder_problems(folder: Path, files: Sequence[RowFile]) -> Iterator[FolderProblem]:
    """Yield what is wrong with the files of a corpus as a whole, and what no single row shows.

    Kinds: ``files`` (two of one source and split, or a copy of another), ``rows`` (none in a file), ``provenance``
    (of two builds, of another split, or without rows) and ``report`` (``build_report.json`` is of another number of
    rows).

    Args:
        folder: folder of the corpus.
        files: its files of rows.

    Raises:
        InputError: ``build_report.json`` is no build report.
    """
    yield from _find_repeated_files(files)
    for file in files:
        if file.rows == 0:
            yield FolderProblem("rows", file.path, "it has no rows; build it again, or take it out")
        elif file.sidecar is not None:
            yield from _find_mixed_builds(file, file.sidecar)
    yield from _find_lost_rows(folder)
    yield from _find_other_counts(folder, files)


def _find_lost_rows(folder: Path) -> Iterator[FolderProblem]:
    """Provenance without rows."""
    paths = [path for path in iter_paths(folder) if path.suffix.lower() == ".parquet"]
    known = {path.name for path in paths if is_row_path(path.relative_to(folder))}
    for path in paths:
        if path.parent == folder / PROVENANCE_FOLDER and path.name not in known and not path.name.startswith("."):
            yield FolderProblem("provenance", path, "its rows are missing; bring them back, or take it out too")


def _find_other_counts(folder: Path, files: Sequence[RowFile]) -> Iterator[FolderProblem]:
    """Files with another number of rows than ``build_report.json`` says."""
    report = read_report(folder)
    for file in files:
        entry = report.get(f"{file.source}/{file.split}", {})
        reported = entry.get("samples", file.rows) if isinstance(entry, dict) else file.rows
        if file.rows and reported != file.rows:
            problem = (
                f"it has {file.rows:,} rows, {REPORT_NAME} says {reported:,}: rows were lost, or it is of another build"
            )
            yield FolderProblem("report", file.path, problem)


def _find_repeated_files(files: Sequence[RowFile]) -> Iterator[FolderProblem]:
    by_key: dict[str, RowFile] = {}
    by_size: dict[tuple[int, int], RowFile] = {}
    for file in files:
        key = f"{file.source}/{file.split}"
        first = by_key.setdefault(key, file)
        if first is not file:
            yield FolderProblem("files", file.path, f"it is {key}, and so is {first.path}; take one of them out")
            continue
        twin = by_size.setdefault((file.rows, file.path.stat().st_size), file)
        if twin is not file and file.rows and hash_file(twin.path) == hash_file(file.path):
            yield FolderProblem("files", file.path, f"it is a copy of {twin.path}; take one of them out")


def _find_mixed_builds(file: RowFile, sidecar: Path) -> Iterator[FolderProblem]:
    """Provenance whose rows are of several builds, or of another split; that of a damaged file is told elsewhere."""
    try:
        parquet = open_parquet(sidecar)
        table = parquet.read(columns=[name for name in _CONSTANT_COLUMNS if name in parquet.schema_arrow.names])
    except UNREADABLE:
        return
    for name in table.column_names:
        values = pc.unique(table[name]).to_pylist()
        if len(values) > 1:
            shown = " and ".join(map(repr, values[:2]))
            yield FolderProblem("provenance", sidecar, f"its rows are of several builds: {name} {shown}")
        elif name == "split" and values and values != [file.split]:
            yield FolderProblem("provenance", sidecar, f"its rows are of split {values[0]!r}, not {file.split!r}")
