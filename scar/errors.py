"""What can go wrong in the three packages, as one tree.

ScarError                every expected failure; the command lines print it as one line and exit 2
├── InputError           a file, record, image or option that cannot be used
│   └── BadRecord        one record; `--skip-bad` drops it and counts it under its reason
├── RecipeError          a recipe or a source table that does not validate
├── LeakageError         images of an eval split are in a train split
├── BuildInterrupted     a build that was interrupted; the same command continues it
├── HubError             the Hub refuses, cannot be reached, or has other files than were sent
├── AccountingError      some records are unaccounted for: a bug to report; nothing is written
└── EvalError            every expected failure of an evaluation
    ├── UnknownName      a task, model or option value that does not exist; proposes the nearest
    ├── DataError        task data that is missing or has another shape
    ├── ContractError    an embedder that breaks its contract: wrong shape, NaN, norm or type
    ├── WriteError       a file that cannot be written; its old content is kept
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
    """A failure that the user can act on; the message names where it is, the value, and the way out."""


class InputError(ScarError):
    """A file, a record in it, an image or an option that cannot be used."""


class BadRecord(InputError):  # noqa: N818 - named after what is bad
    """One record that cannot be used.

    Attributes:
        where: file and record.
        problem: what is wrong with it, with the value.
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
        """Pickle the arguments, so that a worker process may raise it."""
        return type(self), (self.where, self.problem, self.reason)


class RecipeError(ScarError):
    """A recipe that does not validate."""


class LeakageError(ScarError):
    """Images of an eval split are in a train split."""


class BuildInterrupted(ScarError):  # noqa: N818 - says what happened, not what is wrong
    """A build that was interrupted: a worker was killed, or the disk is full. Finished shards are kept."""


class HubError(ScarError):
    """The Hub refuses, cannot be reached, or has other files than were sent."""


class AccountingError(ScarError):
    """Records that were read differ from records that were counted."""


class EvalError(ScarError):
    """An expected failure of an evaluation."""


class UnknownName(EvalError):  # noqa: N818 - named after what is unknown
    """A name that is not in a list; the message proposes the nearest.

    >>> str(UnknownName("task", "VOC2017", ["VOC2007", "GQA"], "`mmeb-eval tasks` shows all."))
    "unknown task 'VOC2017': did you mean VOC2007? `mmeb-eval tasks` shows all."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], way_out: str) -> None:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}{way_out}")


class DataError(EvalError):
    """Task data that is missing, unreadable or has another shape."""


class ContractError(EvalError):
    """An embedder that breaks its contract.

    Attributes:
        item: the one whose vector is wrong; None if no single item is at fault.
    """

    def __init__(self, message: str, item: object = None) -> None:
        super().__init__(message)
        self.item = item


class WriteError(EvalError):
    """A file that cannot be written; its old content is kept."""


class VirtueError(EvalError):
    """An expected failure of VIRTUE."""


class ItemError(VirtueError, ValueError):
    """An item that cannot be embedded.

    Attributes:
        reason: what is wrong with it.
        index: of the item among the given ones, once it is known.
    """

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason if index is None else f"item {index}: {reason}")
        self.reason = reason
        self.index = index


class ConfigError(VirtueError, ValueError):
    """A config that does not validate."""


class TrainError(VirtueError):
    """A training run that cannot start or continue."""


class CheckpointError(VirtueError, ValueError):
    """Weights that cannot be used."""
