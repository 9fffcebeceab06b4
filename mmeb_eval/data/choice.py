"""Turns the values of ``--tasks`` into tasks with their data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmeb_eval.data.files import TaskFiles, find_scar_tasks, find_task_files
from mmeb_eval.data.manifest import verify_files
from mmeb_eval.data.tasks import TASK_SETS, get_tasks, tasks
from scar.errors import EvalError, UnknownName


def select_tasks(choices: Sequence[str], data: Path | None, images: Path | None) -> list[TaskFiles]:
    """The tasks that the values of ``--tasks`` name, with their data.

    Args:
        choices: values of ``--tasks``: each is a SCaR folder, task names separated by commas, ``all`` or ``lite``.
        data: folder that holds the data of tasks given by name; None if all choices are folders.
        images: folder that the rows' image paths start from; None means one of the usual folders.

    Raises:
        UnknownName: a choice is neither a task nor a folder.
        DataError: data are missing, or have changed since they were fetched.
        EvalError: a choice names tasks, and ``data`` is None.
    """
    found: list[TaskFiles] = []
    for choice in choices:
        folder = Path(choice)
        known = choice in TASK_SETS or choice in tasks()
        if not known and (folder.is_dir() or len(folder.parts) > 1):
            found += find_scar_tasks(folder, images)
            continue
        if not known and "," not in choice:
            way_out = "there is no such folder either; `mmeb-eval tasks` shows them all."
            raise UnknownName("task", choice, tasks(), way_out)
        wanted = get_tasks(choice)
        if data is None:
            raise EvalError(f"--tasks {choice}: where are the data? Give --data DIR, or --tasks DIR for a SCaR folder.")
        named = [find_task_files(task, data, images) for task in wanted]
        verify_files(named, data)
        found += named
    return found
