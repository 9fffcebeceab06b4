"""Look at every row and every image of task data before any model runs, and list all that is missing or broken."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mmeb_eval.data.cases import Images, Reader
from mmeb_eval.data.files import TaskFiles, all_task_files, attempts, row_format, task_files
from mmeb_eval.data.images import open_rgb
from mmeb_eval.data.manifest import verify
from mmeb_eval.data.tasks import Task
from mmeb_eval.templates.fused import LAYOUTS
from scar.common.progress import Track, silent
from scar.errors import DataError

AT_ONCE = 1024
"""Images that wait for a thread at one time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what is wrong with it.

    Attributes:
        tasks: how many tasks have data.
        rows: how many rows were read.
        images: how many distinct images there are.
        problems: a line for each task, row or distinct image that cannot be used.
    """

    tasks: int
    rows: int
    images: int
    problems: tuple[str, ...]


def check_data(
    data: Path, wanted: Iterable[Task] | None = None, images: Path | None = None, track: Track = silent
) -> Checked:
    """Read all rows and decode each distinct image once.

    Args:
        data: the data folder.
        wanted: the tasks that must be there; None is every task that is.
        images: the image root, if it is not one of the usual places.
        track: shows how far it is.

    Raises:
        DataError: nothing is wanted and nothing is there.
    """
    problems: list[str] = []
    found: list[TaskFiles] = []
    if wanted is None:
        found = all_task_files(data, images)
    else:
        for task in wanted:
            try:
                found.append(task_files(task, data, images))
            except DataError as error:
                problems.append(str(error))
    pictures: dict[Path, str] = {}
    count = 0
    for files in track(found, "reading rows", len(found)):
        count += _read(files, data, pictures, problems)
    problems += _broken(pictures, track)
    return Checked(len(found), count, len(pictures), tuple(dict.fromkeys(problems)))


def _read(files: TaskFiles, data: Path, pictures: dict[Path, str], problems: list[str]) -> int:
    """Read a task's rows and note its images and problems; returns how many rows there are."""
    images = Images(files)
    lost: set[object] = set()

    def locate(place: str, column: str, relative: object) -> Path:
        """Go on behind an image that is missing, so that the rest of the row is seen too."""
        try:
            path = images(place, column, relative)
        except DataError as error:
            if not isinstance(relative, str) or not relative:
                raise
            if relative not in lost:
                problems.append(str(error))
                lost.add(relative)
            return files.images
        pictures.setdefault(path, f"{place}: {column}")
        return path

    try:
        verify([files], data)
        form = row_format(files)
    except DataError as error:
        problems.append(str(error))
        return 0
    reader = Reader(files, form, LAYOUTS["plain"], shows_box=True, tells_box=False, locate=locate)
    count = 0
    for place, row in attempts(files):
        if isinstance(row, DataError):
            problems.append(str(row))
            continue
        count += 1
        try:
            reader.case(place, row)
        except DataError as error:
            problems.append(str(error))
    return count


def _broken(pictures: dict[Path, str], track: Track) -> list[str]:
    """A line for each image that does not decode, with the first row that names it."""
    paths = list(pictures)

    def look() -> Iterable[str | None]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(paths), AT_ONCE):
                yield from pool.map(_problem, paths[start : start + AT_ONCE])

    with warnings.catch_warnings():  # the filters of all threads are one: they are set here, and so put back in order
        warnings.simplefilter("ignore")
        found = list(track(look(), "decoding images", len(paths)))
    return [f"{pictures[path]}: {problem}" for path, problem in zip(paths, found, strict=True) if problem]


def _problem(path: Path) -> str | None:
    """What is wrong with an image; None if nothing is."""
    try:
        open_rgb(path)
    except DataError as error:
        return str(error)
    return None
