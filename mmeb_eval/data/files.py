"""Finds a task's files and reads its rows: parquet or JSON lines in the published formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

from mmeb_eval.data.region_rows import RegionRows
from mmeb_eval.data.tasks import Task, make_scar_task, tasks
from scar.common.files import describe_no_folder
from scar.common.hub_files import is_half_pulled
from scar.errors import DataError

Row: TypeAlias = Mapping[str, Any]
RowFormat: TypeAlias = Literal["instruct", "joined", "SCaR"]

COLUMNS: Mapping[RowFormat, tuple[str, ...]] = {
    "instruct": ("qry_inst", "qry_text", "qry_img_path", "tgt_inst", "tgt_text", "tgt_img_path"),
    "joined": ("qry_text", "qry_img_path", "tgt_text", "tgt_img_path"),
    "SCaR": ("qry_text", "qry_image_path", "bbox", "tgt_text"),
}
"""Format of rows -> the columns that are read; all other columns are ignored.

`instruct` is the format of ziyjiang/MMEB_Test_Instruct. `joined` is the format of the older TIGER-Lab/MMEB-eval, where
instruction and text are one string: a file of an MMEB task without a column ``qry_inst``.
"""

JOINED_DATASET = "TIGER-Lab/MMEB-eval"
"""Data set whose rows have the format `joined`."""

_SCAR_FILE = re.compile(r"SCaR_eval_(?P<ours>.+)|SCAR_(?P<official>.+)_val_filtered")


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """A task and its data.

    Attributes:
        task: the task.
        paths: parquet or ``.jsonl`` files, in the order of their rows.
        image_root: folder that the rows' image paths are relative to.
        searched: if the first row's image was found nowhere, the folders that were searched; else empty.
        limit: number of rows that are read, the first ones; None reads all.
        regions: how rows of regions are read that have not SCaR's format; they become rows of SCaR. None for others.
        left_out: number of such rows that nobody can win, and that are not read.
    """

    task: Task
    paths: tuple[Path, ...]
    image_root: Path
    searched: tuple[Path, ...] = ()
    limit: int | None = None
    regions: RegionRows | None = None
    left_out: int = 0


def find_scar_tasks(folder: Path | str, images: Path | str | None = None) -> list[TaskFiles]:
    """The tasks of a SCaR folder, built or published: one for each evaluation file, with its data.

    Evaluation files are ``SCaR_eval_<source>.parquet`` or, as published, ``SCAR_<source>_val_filtered.parquet``.

    The image root is the first of these folders that holds the first row's image: the SCaR folder itself, its folder
    ``images/<source>_val`` (source in lower case), and its folder ``images``. If none holds it, it is the first that
    exists, and reading the rows raises the error.

    Args:
        folder: the output of ``scar build``, or the folder ``SCaR-eval`` in it.
        images: the image root; None means one of the folders above.

    Raises:
        DataError: the folder does not exist, holds no evaluation file, or a ``scar pull`` into it has not ended.
    """
    folder = Path(folder).expanduser()
    images = None if images is None else Path(images).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder}: {describe_no_folder(folder)}; `scar build` writes one.")
    if is_half_pulled(folder):
        raise DataError(f"{folder}: a pull into it has not ended; the same `scar pull` again brings the rest.")
    tables = folder / "SCaR-eval" if (folder / "SCaR-eval").is_dir() else folder
    parents = [path.parent for path in (tables.absolute(), tables.resolve()) if path.name == "SCaR-eval"]
    sources = {path: match for path in sorted(tables.glob("*.parquet")) if (match := _SCAR_FILE.fullmatch(path.stem))}
    if not sources:
        raise DataError(f"{tables}: no SCaR_eval_*.parquet here; `scar build ... --split eval` writes it.")
    found = []
    for path, match in sources.items():
        task = make_scar_task(match["ours"] or match["official"])
        below = [
            (root, root / "images" / f"{task.source.lower()}_val", root / "images") for root in parents or [folder]
        ]
        folders = [images] if images else list(dict.fromkeys(chain.from_iterable(below)))
        found.append(_find_images(task, (path,), folders))
    return found


def find_task_files(task: Task, data: Path, images: Path | None = None) -> TaskFiles:
    """A task of the table with its data in a data folder.

    The rows of an MMEB task are in ``<name>.parquet``, else in ``<name>.jsonl``, else in all parquet files of
    ``<name>/``. Its image root is ``images`` if given, else the first of these folders below the data folder that holds
    the first row's image: ``image-tasks``, ``image-tasks/MMEB/images``, ``images`` and the data folder itself. For a
    SCaR task, see `find_scar_tasks`.

    Raises:
        DataError: the data folder has no rows of the task; the message names the files that were looked for.
    """
    if task.benchmark == "SCaR":
        found = [files for files in find_scar_tasks(data, images) if files.task == task]
        if found:
            return found[0]
        raise DataError(f"{data}: no SCaR_eval_{task.source}.parquet for task {task.name}.")
    for pattern in (f"{task.name}.parquet", f"{task.name}.jsonl", f"{task.name}/*.parquet"):
        if files := tuple(sorted(data.glob(pattern))):
            official = data / task.images
            folders = (images,) if images else (official, official / "MMEB" / "images", data / "images", data)
            return _find_images(task, files, folders)
    searched = f"{task.name}.parquet, {task.name}.jsonl and {task.name}/*.parquet"
    raise DataError(f"{data}: no data for task {task.name}: looked for {searched}.")


def find_all_task_files(data: Path, images: Path | None = None, problems: list[str] | None = None) -> list[TaskFiles]:
    """All tasks whose data lie in a data folder, with their data: tasks of the table, and of the user's SCaR sources.

    Args:
        data: the data folder.
        images: the image root of all tasks; None means a usual folder, see `find_task_files`.
        problems: gets a line if the folder holds a part of SCaR that cannot be used, such as one that is half pulled.

    Raises:
        DataError: the folder has no data of any task.
    """
    found = []
    for task in tasks().values():
        if task.benchmark == "MMEB":
            with suppress(DataError):
                found.append(find_task_files(task, data, images))
    try:
        found += find_scar_tasks(data, images)
    except DataError as error:
        if not found:
            raise DataError(f"{data}: no data of any task; `mmeb-eval fetch --data {data}` downloads them.") from error
        if problems is not None and ((data / "SCaR-eval").is_dir() or is_half_pulled(data)):
            problems.append(str(error))
    return found


def find_row_format(files: TaskFiles) -> RowFormat:
    """The format of a task's rows, a key of `COLUMNS`.

    Raises:
        DataError: a file cannot be read, or two files are of different formats.
    """
    if files.task.benchmark == "SCaR" or files.regions:
        return "SCaR"
    kinds: dict[RowFormat, Path] = {}
    for path in files.paths:
        kinds.setdefault("instruct" if "qry_inst" in _read_column_names(path) else "joined", path)
    if len(kinds) > 1:
        raise DataError(f"{kinds['joined']}: no column qry_inst, but {kinds['instruct']} has it; use one data set.")
    return next(iter(kinds))


def iter_rows(files: TaskFiles) -> Iterator[tuple[str, Row]]:
    """Yield each row of a task with its place, for messages: (``<file>, row <number in the file, from 0>``, row).

    Raises:
        DataError: a file is missing, unreadable, truncated or without rows, or lacks a column.
    """
    for where, row in iter_rows_or_errors(files):
        if isinstance(row, DataError):
            raise row
        yield where, row


def iter_rows_or_errors(files: TaskFiles, batch_size: int = 256) -> Iterator[tuple[str, Row | DataError]]:
    """Like `iter_rows`, but yield the error of a row or file that cannot be read (it counts), and go on with the next.

    After an error in a parquet file, the next file comes; after one in a line of JSON, the next line. If the format of
    the rows cannot be found, only that error is yielded.

    Args:
        files: the task and its data.
        batch_size: number of rows read from a parquet file at once.
    """
    yield from islice(_iter_all_rows_or_errors(files, batch_size), files.limit)


def _iter_all_rows_or_errors(files: TaskFiles, batch_size: int) -> Iterator[tuple[str, Row | DataError]]:
    """Like `iter_rows_or_errors`, without a limit."""
    try:
        columns = files.regions.columns if files.regions else COLUMNS[find_row_format(files)]
    except DataError as error:
        yield str(files.paths[0]), error
        return
    for path in files.paths:
        number = -1
        try:
            json_lines = path.suffix == ".jsonl"
            rows = _iter_json_rows(path, columns) if json_lines else _iter_parquet_rows(path, columns, batch_size)
            for number, row in enumerate(rows):
                where = f"{path}, row {number}"
                if (read := _convert_region(files.regions, row, where)) is not None:
                    yield where, read
        except DataError as error:
            yield str(path), error
            continue
        if number < 0:
            yield str(path), DataError(f"{path}: no rows; a task needs at least one.")


def count_left_out(files: TaskFiles) -> int:
    """Number of rows of regions that are left out, see `RegionRows.convert_row`; rows that cannot be read do not count.

    0 for a task whose rows are in SCaR's or MMEB's formats.
    """
    rows = (
        (row for path in files.paths for row in _iter_json_rows(path, files.regions.columns)) if files.regions else ()
    )
    return sum(_convert_region(files.regions, row, "") is None for row in rows)


def _convert_region(regions: RegionRows | None, row: Row | DataError, where: str) -> Row | DataError | None:
    """The row as it is, or as a row of SCaR; None if it is left out, the error if it cannot be read."""
    if regions is None or isinstance(row, DataError):
        return row
    try:
        return regions.convert_row(row, where)
    except DataError as error:
        return error


def _find_images(task: Task, paths: tuple[Path, ...], folders: Sequence[Path]) -> TaskFiles:
    """Make the `TaskFiles`; the image root is the first of ``folders`` that holds the first row's image.

    If none holds it, the image root is the first one that exists, and the error is raised when the rows are read.
    """
    fallback = next((folder for folder in folders if folder.is_dir()), folders[-1])
    files = TaskFiles(task, paths, fallback)
    row = next((row for _, row in iter_rows_or_errors(files, batch_size=1)), None)
    if row is None or isinstance(row, DataError) or (name := _find_first_image(row)) is None:
        return files
    for folder in folders:
        if is_file(folder / name):
            return TaskFiles(task, paths, folder)
    return TaskFiles(task, paths, fallback, tuple(folders))


def _find_first_image(row: Row) -> str | None:
    """The first image that a row names; None if there is none."""
    targets = row.get("tgt_img_path")
    names = [row.get("qry_img_path"), row.get("qry_image_path"), *(targets if isinstance(targets, list) else ())]
    return next((name for name in names if isinstance(name, str) and name), None)


def is_file(path: Path) -> bool:
    """Whether the path is an existing file; False for a name that the file system refuses."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_column_names(path: Path) -> Sequence[str] | Row:
    """Names of a file's columns."""
    if path.suffix != ".jsonl":
        return _read_parquet_columns(path)
    row = next(_iter_json_rows(path, ()), {})
    if isinstance(row, DataError):
        raise row
    return row


def _read_parquet_columns(path: Path) -> Sequence[str]:
    """Names of a parquet file's columns."""
    from scar.common.arrow import UNREADABLE, open_parquet

    try:
        names: list[str] = open_parquet(path).schema_arrow.names
    except UNREADABLE as error:
        raise _unreadable_error(path, "parquet file", error) from error
    return names


def _iter_parquet_rows(path: Path, columns: Sequence[str], batch_size: int) -> Iterator[Row]:
    """Yield the rows of a parquet file; those with a box have the size of their mask too, if there are masks."""
    from scar.common.arrow import UNREADABLE, open_parquet

    try:
        with open_parquet(path) as file:
            _require_columns(columns, file.schema_arrow.names, str(path))
            has_masks = "bbox" in columns and "segmentation" in file.schema_arrow.names
            wanted = [*columns, "segmentation.size"] if has_masks else list(columns)
            for part in file.iter_batches(batch_size=batch_size, columns=wanted):
                yield from part.to_pylist()
    except UNREADABLE as error:
        raise _unreadable_error(path, "parquet file", error) from error


def _iter_json_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | DataError]:
    """Yield the rows of a file with one JSON object a line, or the error of a line that cannot be read."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file):
                try:
                    yield _parse_json_row(line, columns, f"{path}, row {number}")
                except DataError as error:
                    yield error
    except OSError as error:
        raise _unreadable_error(path, "file of JSON lines", error) from error


def _parse_json_row(line: bytes, columns: Sequence[str], where: str) -> Row:
    """Parse a line of JSON; it must hold an object with these columns."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not a readable file of JSON lines: {_format_error(error)}") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a JSON object, found {type(row).__name__}.")
    _require_columns(columns, row, where)
    return row


def _unreadable_error(path: Path, kind: str, error: BaseException) -> DataError:
    """The error for a file that a library cannot read."""
    return DataError(f"{path}: not a readable {kind}: {_format_error(error)}")


def _require_columns(columns: Sequence[str], found: Sequence[str] | Row, where: str) -> None:
    """Raise `DataError` if a column is missing."""
    if missing := [column for column in columns if column not in found]:
        raise DataError(f"{where}: no column {', '.join(missing)}; found {', '.join(found)}.")


def _format_error(error: BaseException) -> str:
    """The message of a library's error, without line breaks."""
    return " ".join(str(error).split())
