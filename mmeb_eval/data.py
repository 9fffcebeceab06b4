"""Where a task's rows and images lie, and reading the rows: parquet or JSON lines in the published formats."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mmeb_eval.errors import DataError
from mmeb_eval.tasks import Benchmark, Task, scar_task

Row: TypeAlias = Mapping[str, Any]

COLUMNS: Mapping[Benchmark, tuple[str, ...]] = {
    "MMEB": ("qry_inst", "qry_text", "qry_img_path", "tgt_inst", "tgt_text", "tgt_img_path"),
    "SCaR": ("qry_text", "qry_image_path", "bbox", "tgt_text"),
}
"""The columns that are read; others are let be."""

_SCAR_FILE = re.compile(r"SCaR_eval_(?P<ours>.+)|SCAR_(?P<official>.+)_val_filtered")


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """A task and where its data lie.

    Attributes:
        task: what the rows ask.
        files: parquet or ``.jsonl`` files, in the order of their rows.
        images: the folder that the rows' image paths start from.
    """

    task: Task
    files: tuple[Path, ...]
    images: Path


def scar_folder(folder: Path, images: Path | None = None) -> list[TaskFiles]:
    """The tasks of a SCaR folder, ours or the published one: each ``SCaR-eval/*.parquet`` is one.

    Args:
        folder: what ``scar build`` wrote, or its ``SCaR-eval``.
        images: the image root, if it is not the folder that holds ``SCaR-eval``.

    Raises:
        DataError: no such folder, or no evaluation file in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; `scar build` writes one.")
    rows = folder / "SCaR-eval" if (folder / "SCaR-eval").is_dir() else folder
    root = images or (rows.resolve().parent if rows.resolve().name == "SCaR-eval" else folder)
    sources = {path: match for path in sorted(rows.glob("*.parquet")) if (match := _SCAR_FILE.fullmatch(path.stem))}
    if not sources:
        raise DataError(f"{rows}: no SCaR_eval_*.parquet here; `scar build ... --split eval` writes it.")
    return [TaskFiles(scar_task(match["ours"] or match["official"]), (path,), root) for path, match in sources.items()]


def task_files(task: Task, data: Path, images: Path | None = None) -> TaskFiles:
    """The files of one of the 41 tasks below a data folder.

    They are ``<name>.parquet``, ``<name>.jsonl`` or all parquet files in ``<name>/`` as the hub has them; for SCaR
    those of `scar_folder`. Images are in the task's ``images`` folder if there is one, else in the data folder.

    Raises:
        DataError: there are none; says where it looked.
    """
    if task.benchmark == "SCaR":
        found = [files for files in scar_folder(data, images) if files.task == task]
        if found:
            return found[0]
        raise DataError(f"{data}: no SCaR_eval_{task.source}.parquet for task {task.name}.")
    for pattern in (f"{task.name}.parquet", f"{task.name}.jsonl", f"{task.name}/*.parquet"):
        if files := tuple(sorted(data.glob(pattern))):
            root = data / task.images
            return TaskFiles(task, files, images or (root if root.is_dir() else data))
    looked = f"{task.name}.parquet, {task.name}.jsonl and {task.name}/*.parquet"
    raise DataError(f"{data}: no data for task {task.name}: looked for {looked}.")


def rows(files: TaskFiles) -> Iterator[tuple[str, Row]]:
    """Read the rows one by one, each with its place for messages: ``<file>, row <number from 0>``.

    Raises:
        DataError: a file is missing, unreadable, truncated or empty, or has not the task's columns.
    """
    columns = COLUMNS[files.task.benchmark]
    for path in files.files:
        read = _json_lines if path.suffix == ".jsonl" else _parquet
        number = -1
        for number, row in enumerate(read(path, columns)):
            yield f"{path}, row {number}", row
        if number < 0:
            raise DataError(f"{path}: no rows; a task needs at least one.")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Rows of a parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            _need(columns, file.schema_arrow.names, str(path))
            for batch in file.iter_batches(batch_size=256, columns=list(columns)):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: not a readable parquet file: {_one_line(error)}") from error


def _json_lines(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Rows of a file with one JSON object a line."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise DataError(f"{path}, row {number}: expected a JSON object, found {type(row).__name__}.")
                _need(columns, row, f"{path}, row {number}")
                yield row
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable file of JSON lines: {_one_line(error)}") from error


def _need(columns: Sequence[str], found: Sequence[str] | Row, place: str) -> None:
    """Every column is there."""
    if missing := [column for column in columns if column not in found]:
        raise DataError(f"{place}: no column {', '.join(missing)}; found {', '.join(found)}.")


def _one_line(error: BaseException) -> str:
    """An error of a library, without line breaks."""
    return " ".join(str(error).split())
