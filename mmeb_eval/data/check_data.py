"""Read every row and decode every image of task data before any model runs; list all that is missing or broken."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mmeb_eval.data.cases import CaseReader, ImageFinder
from mmeb_eval.data.files import TaskFiles, find_all_task_files, find_row_format, find_task_files, iter_rows_or_errors
from mmeb_eval.data.images import open_rgb
from mmeb_eval.data.manifest import verify_files
from mmeb_eval.data.tasks import Task
from mmeb_eval.item import Item
from mmeb_eval.templates.fused import LAYOUTS
from scar.common.progress import Track, track_silently
from scar.errors import DataError

IMAGES_IN_FLIGHT = 1024
"""Number of images that are handed to the threads at once."""


@dataclass(frozen=True, slots=True)
class DataCheck:
    """What was checked, and the problems found.

    Attributes:
        tasks: number of tasks with data, usable or not.
        rows: number of rows read; a task whose files have changed since they were fetched is not read.
        images: number of distinct image files that the rows name; missing ones do not count.
        problems: a line for each task, row or distinct image that cannot be used; empty if there are none.
    """

    tasks: int
    rows: int
    images: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskReading:
    """What was read of a task.

    Attributes:
        rows: number of rows that could be read.
        items: number of distinct queries plus that of distinct candidates; the layouts of models may merge a few more.
        images: number of those with an image.
        problems: a line for each problem.
    """

    rows: int
    items: int
    images: int
    problems: tuple[str, ...]


def check_data(
    data: Path | None,
    tasks: Iterable[Task] | None = None,
    images: Path | None = None,
    track: Track = track_silently,
    own: Sequence[TaskFiles] = (),
) -> DataCheck:
    """Read all rows of a data folder, and of a user's own tasks, and decode each distinct image once.

    Args:
        data: the data folder; None checks the user's own tasks alone.
        tasks: the tasks that the folder must hold; None checks every task that it holds.
        images: folder that the rows' image paths are relative to; None means a usual folder, see `find_task_files`.
        track: shows progress.
        own: tasks of task files, with their data.

    Raises:
        DataError: ``tasks`` is None and the folder holds no data of any task.
    """
    problems: list[str] = []
    found: list[TaskFiles] = []
    if data is not None and tasks is None:
        found = find_all_task_files(data, images, problems)
    elif data is not None:
        for task in tasks or ():
            try:
                found.append(find_task_files(task, data, images))
            except DataError as error:
                problems.append(str(error))
    found += own
    named_at: dict[Path, str] = {}
    count = 0
    for files in track(found, "reading rows", len(found)):
        try:
            if data is not None and files not in own:
                verify_files([files], data)
        except DataError as error:
            problems.append(str(error))
            continue
        reading = read_task(files, named_at)
        count += reading.rows
        problems += reading.problems
    problems += _find_broken_images(named_at, track)
    return DataCheck(len(found), count, len(named_at), tuple(dict.fromkeys(problems)))


def read_task(files: TaskFiles, named_at: dict[Path, str]) -> TaskReading:
    """Read a task's rows and look for their images, without decoding these.

    Args:
        files: the task and its data.
        named_at: a mapping that this function fills: path of each image found -> the first ``<file>, row <number>:
            <column>`` that names it.

    Returns:
        What was read; its problems are a line each.
    """
    find_existing = ImageFinder(files)
    missing: set[object] = set()
    problems: list[str] = []

    def find_image(where: str, column: str, relative: object) -> Path:
        """Like `ImageFinder`, but add a missing image to the problems and go on, so that the whole row is checked."""
        if relative in missing:
            return files.image_root
        try:
            path = find_existing(where, column, relative)
        except DataError as error:
            if not isinstance(relative, str) or not relative:
                raise
            problems.append(str(error))
            missing.add(relative)
            return files.image_root
        named_at.setdefault(path, f"{where}: {column}")
        return path

    try:
        form = find_row_format(files)
    except DataError as error:
        return TaskReading(0, 0, 0, (str(error),))
    reader = CaseReader(files, form, LAYOUTS["plain"], box_as_prompt=True, box_in_text=False, find_image=find_image)
    count = 0
    queries: set[Item] = set()
    for where, row in iter_rows_or_errors(files):
        if isinstance(row, DataError):
            problems.append(str(row))
            continue
        count += 1
        try:
            queries.add(reader.read_case(where, row).query)
        except DataError as error:
            problems.append(str(error))
    items = [*queries, *reader.candidates_by_key.values()]
    return TaskReading(count, len(items), sum(item.image is not None for item in items), tuple(problems))


def _find_broken_images(named_at: dict[Path, str], track: Track) -> list[str]:
    """A line for each image that does not decode, with the first row that names it."""
    paths = list(named_at)

    def iter_problems() -> Iterable[str | None]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(paths), IMAGES_IN_FLIGHT):
                yield from pool.map(_find_image_problem, paths[start : start + IMAGES_IN_FLIGHT])

    with warnings.catch_warnings():  # all threads share the filters, so they are set and restored here
        warnings.simplefilter("ignore")
        problems = list(track(iter_problems(), "decoding images", len(paths)))
    return [f"{named_at[path]}: {problem}" for path, problem in zip(paths, problems, strict=True) if problem]


def _find_image_problem(path: Path) -> str | None:
    """What is wrong with an image; None if it decodes."""
    try:
        open_rgb(path)
    except DataError as error:
        return str(error)
    return None
