"""Turns the values of ``--tasks`` into tasks with their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from mmeb_eval.data.check_data import TaskReading, read_task
from mmeb_eval.data.files import TaskFiles, find_scar_tasks, find_task_files
from mmeb_eval.data.manifest import verify_files
from mmeb_eval.data.own_tasks import read_task_file
from mmeb_eval.data.tasks import TASK_SETS, Task, get_tasks, is_task_name, split_names, tasks
from scar.common.files import describe_no_folder
from scar.common.progress import Track, track_silently
from scar.errors import DataError, EvalError, UnknownName

MAX_LINES = 5
"""Number of tasks whose problems stand in one message."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen tasks: those that can be scored, and those that cannot.

    Attributes:
        usable: the tasks that can be scored, with their data.
        problems: name of each task that cannot be scored -> what is wrong with its data, one line a problem.
        readings: name of each usable task -> what was read of it; empty before `check_choice`.
    """

    usable: tuple[TaskFiles, ...]
    problems: Mapping[str, Sequence[str]]
    readings: Mapping[str, TaskReading] = field(default_factory=dict)

    def list_problems(self) -> list[str]:
        """One line for each task that cannot be scored: its first problem, and how many more it has."""
        return [f"{name}: {_shorten_list(own)}" for name, own in self.problems.items()]

    def describe_problems(self) -> str:
        """One line about all problems: how many there are, and the first one of each of the first `MAX_LINES` tasks."""
        lines = self.list_problems()
        if len(lines) == 1:
            return lines[0]
        total = sum(map(len, self.problems.values()))
        more = f" | and {len(lines) - MAX_LINES} tasks more" if len(lines) > MAX_LINES else ""
        tasks_found = len(lines) + len(self.usable)
        return f"{total:,} problems in {len(lines)} of {tasks_found} tasks: {' | '.join(lines[:MAX_LINES])}{more}"


def select_tasks(choices: Sequence[str], data: Path | None, images: Path | None) -> list[TaskFiles]:
    """The tasks that the values of ``--tasks`` name, with their data; rows are not read.

    For the arguments, see `find_choice`.

    Raises:
        DataError: data of a task are missing, or have changed since they were fetched; the message describes all such
            tasks.
        EvalError: see `find_choice`.
    """
    choice = find_choice(choices, data, images)
    if choice.problems:
        raise DataError(choice.describe_problems())
    return list(choice.usable)


def find_choice(
    choices: Sequence[str], data: Path | None, images: Path | None, own: Sequence[TaskFiles] = ()
) -> Choice:
    """Find the tasks that the values of ``--tasks`` name, and their data; rows are not read.

    Args:
        choices: values of ``--tasks``: each is a SCaR folder; a task file, see `mmeb_eval.data.own_tasks`; or names of
            tasks or of `mmeb_eval.data.tasks.TASK_SETS`, separated by commas.
        data: folder that holds the data of tasks given by name; None if all choices are folders.
        images: folder that the rows' image paths are relative to; None means a usual folder, see
            `mmeb_eval.data.files.find_task_files`.
        own: tasks of the user's task files. ``choices`` may name some of them; if none is named, all are chosen.

    Returns:
        The choice. Its problems are the tasks given by name whose data are missing, or have changed since they were
        fetched.

    Raises:
        UnknownName: a choice is neither a task nor a folder.
        DataError: a folder is missing, or a SCaR folder cannot be used.
        EvalError: a choice names tasks, and ``data`` is None; or none does, and ``data`` is given; or two tasks have
            one name.
    """
    found: list[TaskFiles] = []
    problems: dict[str, Sequence[str]] = {}
    named = 0
    chosen: set[str] = set()
    named_own: list[TaskFiles] = []
    for given in choices:
        names = split_names(given)
        named_own += [files for files in own if files.task.name in names and files not in named_own]
        others = [name for name in names if name not in {files.task.name for files in own}]
        if not others:
            continue
        choice = given if len(others) == len(names) else ",".join(others)
        if choice.endswith(".toml"):
            found += read_task_file(Path(choice), images)
            continue
        folder = Path(choice)
        known = any(map(is_task_name, split_names(choice)))
        if not known and (folder.exists() or len(folder.parts) > 1):
            found += find_scar_tasks(folder, images)
            continue
        if not known and "," not in choice:
            _refuse_unknown(choice, own, "there is no such folder either; ")
        wanted = [task for task in get_tasks(choice) if task.name not in chosen]
        chosen |= {task.name for task in wanted}
        named += len(wanted)
        if data is None:
            raise EvalError(f"--tasks {choice}: where are the data? Give --data DIR, or --tasks DIR for a SCaR folder.")
        if not data.is_dir():
            raise DataError(f"--data {data}: {describe_no_folder(data)}; `mmeb-eval fetch --data {data}` fills one.")
        for task in wanted:
            try:
                files = find_task_files(task, data, images)
                verify_files([files], data)
                found.append(files)
            except DataError as error:
                problems[task.name] = [str(error)]
    if data is not None and choices and not named:
        raise EvalError(f"--data {data}: --tasks names folders alone, which hold their data; leave --data out.")
    usable = (*found, *(named_own or own))
    _refuse_clashes(usable)
    return Choice(usable, problems)


def split_choice(names: str, own: Sequence[TaskFiles]) -> tuple[list[Task], list[TaskFiles]]:
    """The tasks of the table and the user's own tasks that a list of names with commas chooses.

    Raises:
        UnknownName: there is no such task; the message proposes the nearest name.
    """
    given = split_names(names)
    chosen = [files for files in own if files.task.name in given]
    others = [name for name in given if name not in {files.task.name for files in own}]
    for name in others:
        if not is_task_name(name):
            _refuse_unknown(name, own)
    return get_tasks(others) if others else [], chosen


def _refuse_unknown(name: str, own: Sequence[TaskFiles], also: str = "") -> NoReturn:
    """Raise the error for a name that is no task of the table and none of the user's own."""
    known = (*(files.task.name for files in own), *tasks(), *TASK_SETS)
    mine = f", and your task file has {', '.join(known[: len(own)])}" if own else ""
    raise UnknownName("task", name, known, f"{also}`mmeb-eval tasks` shows them all{mine}.")


def _refuse_clashes(found: Sequence[TaskFiles]) -> None:
    """Check that no two tasks have one name.

    Raises:
        EvalError: two have; the message names their files.
    """
    first: dict[str, TaskFiles] = {}
    for files in found:
        if (other := first.setdefault(files.task.name, files)) is not files:
            both, way_out = f", of {other.paths[0]} and {files.paths[0]}", "give one of them another name"
            if [path.absolute() for path in other.paths] == [path.absolute() for path in files.paths]:
                both, way_out = f", both of {files.paths[0]}", "give it once"
            raise EvalError(f"two tasks are called {files.task.name!r}{both}; {way_out}.")


def limit_choice(choice: Choice, limit: int | None) -> Choice:
    """The choice with at most ``limit`` queries of each task, the first ones; None means all."""
    return Choice(tuple(replace(files, limit=limit) for files in choice.usable), choice.problems)


def check_choice(choice: Choice, track: Track = track_silently) -> Choice:
    """Read all rows of the usable tasks, and look for their images, without decoding these.

    Args:
        choice: what `find_choice` returned.
        track: shows progress over the tasks.

    Returns:
        A new choice. A task in which problems were found is no longer usable; its problems are added to the old ones.
    """
    usable: list[TaskFiles] = []
    problems, readings = dict(choice.problems), {}
    for files in track(choice.usable, "checking rows", len(choice.usable)):
        reading = read_task(files, {})
        if reading.problems:
            problems[files.task.name] = reading.problems
        else:
            usable.append(files)
            readings[files.task.name] = reading
    return Choice(tuple(usable), problems, readings)


def _shorten_list(problems: Sequence[str]) -> str:
    """The first problem, and how many more there are."""
    more = len(problems) - 1
    return f"{problems[0].removesuffix('.')}{f' (and {more:,} more)' if more else ''}"
