"""What can go wrong in the three packages, as one tree.

ScarError                every expected failure; the command lines print it as one line and exit 2
├── InputError           a file, record, image or option that cannot be used; names place, value and way out
│   └── BadRecord        one record of many; `--skip-bad` drops it and counts it under its reason
├── RecipeError          a recipe or a source table that does not validate
├── LeakageError         images of an eval split are in a train split
├── BuildInterrupted     a build that stopped before its end; the same command goes on where it was
├── HubError             the Hub refuses, cannot be reached, or holds something else than was sent
├── AccountingError      records read and records accounted for differ: a bug worth reporting, nothing is published
└── EvalError            every expected failure of an evaluation
    ├── UnknownName      a task, model or option value that does not exist; proposes the nearest name
    ├── DataError        task data that is missing or of another shape; names file, row and column
    ├── ContractError    an embedder that breaks its contract: wrong shape, NaN, norm or type
    ├── WriteError       a file that cannot be written; the file that was there before is kept
    └── VirtueError      every expected failure of VIRTUE
        ├── ItemError        an item that cannot be embedded; names its index. Also a ValueError
        ├── ConfigError      a config file or a name that is none. Also a ValueError
        ├── TrainError       a run that cannot start or go on; names step and batch, and what is kept
        └── CheckpointError  weights that are missing, foreign or run code; names file and keys. Also a ValueError
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self


class ScarError(Exception):
    """Something the user can act on; the message names the place, the value and the way out."""


class InputError(ScarError):
    """A file, a record in it, an image or an option that cannot be used."""


class BadRecord(InputError):  # noqa: N818 - reads as what it is: raise BadRecord(place, problem, reason)
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
        """Pickled by what it was made of, so that a worker may raise it."""
        return type(self), (self.where, self.problem, self.reason)


class RecipeError(ScarError):
    """A recipe that does not validate."""


class LeakageError(ScarError):
    """Images of an eval split are in a train split."""


class BuildInterrupted(ScarError):  # noqa: N818 - says what happened, not what is wrong
    """A build stopped before its end: a worker was killed, or the disk is full. What is finished is kept."""


class HubError(ScarError):
    """The Hub refuses, cannot be reached, or holds something else than was sent."""


class AccountingError(ScarError):
    """Records read and records accounted for differ."""


class EvalError(ScarError):
    """An expected failure of an evaluation."""


class UnknownName(EvalError):  # noqa: N818 - reads as what it is: UnknownName("task", ...)
    """A name that is not in a list; the message proposes the nearest one.

    >>> str(UnknownName("task", "VOC2017", ["VOC2007", "GQA"], "`mmeb-eval tasks` shows all."))
    "unknown task 'VOC2017': did you mean VOC2007? `mmeb-eval tasks` shows all."
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], way_out: str) -> None:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}{way_out}")


class DataError(EvalError):
    """Task data that is missing, unreadable or of another shape."""


class ContractError(EvalError):
    """An embedder that breaks its contract.

    Attributes:
        item: the one whose vector is wrong; None if the fault is not one item's.
    """

    def __init__(self, message: str, item: object = None) -> None:
        super().__init__(message)
        self.item = item


class WriteError(EvalError):
    """A file that cannot be written; an evaluation that runs again makes the rest."""


class VirtueError(EvalError):
    """An expected failure of VIRTUE."""


class ItemError(VirtueError, ValueError):
    """An item that cannot be embedded.

    Attributes:
        reason: what is wrong with it.
        index: of the item among those given, once that is known.
    """

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason if index is None else f"item {index}: {reason}")
        self.reason = reason
        self.index = index


class ConfigError(VirtueError, ValueError):
    """A config that does not validate."""


class TrainError(VirtueError):
    """A training run that cannot start or go on."""


class CheckpointError(VirtueError, ValueError):
    """Weights that cannot be used."""
