"""Reads a task file: TOML tables of a user's own tasks, whose data are local or on the Hub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mmeb_eval.data.files import TaskFiles, count_left_out
from mmeb_eval.data.region_rows import INSTRUCTION, BoxForm, RegionRows
from mmeb_eval.data.tasks import CandidateParts, Join, QueryParts, Task, TaskFamily, is_task_name
from scar.common.files import describe_missing, describe_no_folder
from scar.common.tables import make_record, read_toml
from scar.errors import DataError, HubError


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTask:
    """A table of a task file.

    Attributes:
        name: name of the table and of the task.
        format: ``regions``, ``FG-OVD`` (see `mmeb_eval.data.region_rows`), or ``MMEB``: rows with the columns of
            ziyjiang/MMEB_Test_Instruct.
        rows: path of the rows, JSON lines or parquet; from the folder of the task file, or in the data set on the Hub.
        images: folder that image paths are relative to; from the folder of the task file if it is there, else in the
            data set.
        hub: id of a data set on the Hub; empty for local rows.
        revision: commit or tag of the data set; empty takes the newest, whose commit is recorded.
        instruction: instruction of each query of regions.
        box: see `mmeb_eval.data.region_rows.RegionRows`, also for ``leaked``.
        leaked: by default COCO's training images for FG-OVD.
        family: of MMEB rows: which fields are used and how they are joined, see `mmeb_eval.data.tasks.Task`; also
            ``query``, ``join``, ``candidates`` and ``key``.
    """

    name: str
    format: Literal["regions", "FG-OVD", "MMEB"]
    rows: str
    images: str = "."
    hub: str = ""
    revision: str = ""
    instruction: str = INSTRUCTION
    box: BoxForm = "xywh"
    leaked: str = ""
    family: TaskFamily = "region"
    query: QueryParts = "image+text"
    join: Join = "newline"
    candidates: CandidateParts = "text"
    key: CandidateParts = "text"


def read_task_file(path: Path, images: Path | None = None) -> list[TaskFiles]:
    """The tasks of a task file, with their data; see `OwnTask` for its columns.

    Args:
        path: the TOML file.
        images: folder that image paths are relative to, for all its tasks; None takes that of each task.

    Raises:
        DataError: the file cannot be read; or a column, a value or a name is wrong, or files are missing.
        HubError: a data set cannot be had from the Hub.
    """
    tables = read_toml(path, DataError)
    if not tables:
        raise DataError(f"{path}: no tables; give each task one, such as [my-task].")
    found = []
    for name, table in tables.items():
        where = f"{path.name}, [{name}]"
        if is_task_name(name):
            raise DataError(
                f"{where}: {name} is a name of `mmeb-eval tasks`, so its scores would pass for official ones."
            )
        if name.strip() != name or not name or "," in name or name.endswith(".toml"):
            raise DataError(f"{where}: no name for a task; it has no comma, no space at its ends and no ending .toml.")
        own = make_record(table, OwnTask, where, DataError, what="column", given={"name": name})
        found.append(_find_own_files(own, path.parent, images, where))
    return found


def _find_own_files(own: OwnTask, folder: Path, images: Path | None, where: str) -> TaskFiles:
    """Find the data of a task."""
    root, dataset = folder, ""
    if own.hub:
        root, commit = _fetch_data(own)
        dataset = f"{own.hub}@{commit}"
    rows = root / own.rows
    if not rows.is_file():
        raise DataError(f"{where}: rows = {own.rows!r}: {rows.absolute()} {describe_missing(rows)}.")
    local = folder / own.images
    image_root = images or (local if own.hub == "" or (own.images != "." and local.is_dir()) else root / own.images)
    if not image_root.is_dir():
        raise DataError(f"{where}: images = {own.images!r}: {describe_no_folder(image_root)}.")
    task = Task(
        name=own.name,
        benchmark="own",
        family=own.family,
        dataset=dataset,
        query=own.query if own.format == "MMEB" else "image+text+box",
        join=own.join if own.format == "MMEB" else "region",
        candidates=own.candidates,
        key=own.key,
        choices=0,
    )
    if own.format == "MMEB":
        return TaskFiles(task, (rows,), image_root)
    leaked = own.leaked or ("train2017/" if own.format == "FG-OVD" else "")
    regions = RegionRows(own.format, own.instruction, own.box, leaked)
    files = TaskFiles(task, (rows,), image_root, regions=regions)
    if rows.suffix != ".jsonl":
        raise DataError(f"{where}: rows = {own.rows!r}: rows of regions are JSON lines, in a file *.jsonl.")
    return replace(files, left_out=count_left_out(files))


def _fetch_data(own: OwnTask) -> tuple[Path, str]:
    """Folder and commit of a data set in the cache of the Hub's client; missing files are downloaded."""
    from huggingface_hub import snapshot_download

    wanted = [own.rows, *([] if own.images == "." else [f"{own.images.strip('/')}/*"])]
    try:
        folder = Path(
            snapshot_download(own.hub, repo_type="dataset", revision=own.revision or None, allow_patterns=wanted)
        )
    except Exception as error:  # the client raises errors of several libraries
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise HubError(f"{own.name}: {own.hub}{'@' * bool(own.revision)}{own.revision}: {reason}") from error
    return folder, folder.name
