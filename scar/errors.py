"""What can go wrong in the three packages, as one tree.

ScarError                every expected failure; the command lines print it as one line and exit with code 2
├── InputError           a file, record, image or option that cannot be used
│   └── BadRecord        a record that cannot be used; `--skip-bad` drops it and counts it under its reason
├── RecipeError          a recipe or a source table that does not validate. Also a ValueError
├── LeakageError         images of an eval split are also in a train split
├── BuildInterrupted     a build that was interrupted; the same command continues it
├── HubError             the Hugging Face Hub refuses a request, cannot be reached, or has other files than were sent
├── AccountingError      records are lost or counted twice: a bug to report; the corpus is not written
└── EvalError            every expected failure of an evaluation
    ├── UnknownName      a task, model or option value that does not exist; proposes the nearest
    ├── DataError        task data that is missing, unreadable or not of the expected shape
    │   └── UnsuitedTask     a task with items that the model does not take, such as images
    ├── ContractError    an embedder that breaks its contract: wrong shape, NaN, norm or type
    ├── WriteError       a file that cannot be written; its old content is kept
    ├── NoAnswer         a server that does not answer, or not in time
    └── VirtueError      every expected failure of VIRTUE
        ├── ItemError        an item that cannot be embedded. Also a ValueError
        ├── ConfigError      a config file that does not validate, or an unknown name. Also a ValueError
        ├── TrainError       a training run that cannot start or continue
        └── CheckpointError  weights that are missing, of another model, or unsafe to load. Also a ValueError
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self


class ScarError(Exception):
    """A failure that the user can act on. The message names the file or option, the bad value, and what to do."""


class InputError(ScarError):
    """A file, a record in it, an image or an option that cannot be used."""


class BadRecord(InputError):  # noqa: N818 - named after what is bad
    """One record that cannot be used.

    Attributes:
        where: names the file and the record.
        problem: what is wrong with the record, with the bad value.
        reason: the short name under which a build counts it.

    >>> str(BadRecord("instances.json, annotation 7", "box (5, 5, 0, 9) has no area", "empty_box"))
    "instances.json, annotation 7: box (5, 5, 0, 9) has no area; `--skip-bad` drops it and counts it as 'empty_box'."
    """

    def __init__(self, where: str, problem: str, reason: str) -> None:
        super().__init__(f"{where}: {problem}; `--skip-bad` drops it and counts it as {reason!r}.")
        self.where = where
        self.problem = problem
        self.reason = reason

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """Pickle the constructor's arguments, so that the error of a worker process reaches the main process."""
        return type(self), (self.where, self.problem, self.reason)


class RecipeError(ScarError, ValueError):
    """A recipe that cannot be read or does not validate, or whose images lie where the build writes."""


class LeakageError(ScarError):
    """Images of an eval split are also in a train split."""


class BuildInterrupted(ScarError):  # noqa: N818 - says what happened, not what is wrong
    """A build that was interrupted: a worker was killed, or the disk is full. Finished shards are kept."""


class HubError(ScarError):
    """The Hugging Face Hub refuses a request, cannot be reached, or has other files than were sent."""


class AccountingError(ScarError):
    """Some records were neither written as samples nor counted as rejected, or were counted twice: a bug to report."""


class EvalError(ScarError):
    """An expected failure of an evaluation."""


class UnknownName(EvalError):  # noqa: N818 - named after what is unknown
    """A name that does not exist; the message proposes the nearest known name.

    Args:
        kind: what the name stands for, such as "task".
        name: the unknown name.
        known: the names that exist.
        way_out: last sentence of the message: how to see the names that exist.

    >>> str(UnknownName("task", "VOC2017", ["VOC2007", "GQA"], "`mmeb-eval tasks` shows all."))
    "unknown task 'VOC2017': did you mean VOC2007? `mmeb-eval tasks` shows all."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], way_out: str) -> None:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}{way_out}")


class DataError(EvalError):
    """Task data that is missing, unreadable or not of the expected shape.

    Attributes:
        item: the item that cannot be embedded; None if no single item is at fault.
    """

    def __init__(self, message: str, item: object = None) -> None:
        super().__init__(message)
        self.item = item


class UnsuitedTask(DataError):  # noqa: N818 - says what the task is
    """A task with items that the model does not take, such as images; its other tasks can be scored."""


class ContractError(EvalError):
    """An embedder that breaks its contract.

    Attributes:
        item: the item whose vector is wrong; None if no single item is at fault.
    """

    def __init__(self, message: str, item: object = None) -> None:
        super().__init__(message)
        self.item = item


class WriteError(EvalError):
    """A file that cannot be written; its old content is kept."""


class NoAnswer(EvalError):  # noqa: N818 - says what happened
    """A server that does not answer, or not in time."""


class VirtueError(EvalError):
    """An expected failure of VIRTUE."""


class ItemError(VirtueError, ValueError):
    """An item that cannot be embedded.

    Attributes:
        reason: what is wrong with the item.
        index: index of the item in the list to embed; None if it is not known.
    """

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason if index is None else f"item {index}: {reason}")
        self.reason = reason
        self.index = index


class ConfigError(VirtueError, ValueError):
    """A config that does not validate, or an unknown name in it."""


class TrainError(VirtueError):
    """A training run that cannot start or continue."""


class CheckpointError(VirtueError, ValueError):
    """Weights that are missing, of another model, or unsafe to load."""


def first_line(error: Exception) -> str:
    """First line of an error's message; some libraries add pages."""
    return str(error).lstrip().partition("\n")[0]
