"""What can go wrong, as a tree.

ScarError                every failure that is expected; the CLI prints one line and exits 2
├── InputError           a file, record, image or option that cannot be used; names place, value and way out
│   └── BadRecord        one record of many; `--skip-bad` drops it and counts it under its reason
├── RecipeError          a recipe or a source table that does not validate
├── LeakageError         images of an eval split are in a train split
├── BuildInterrupted     a build that stopped before its end; the same command goes on where it was
├── HubError             the Hub refuses, cannot be reached, or holds something else than was sent
└── AccountingError      records read and records accounted for differ: a bug worth reporting, nothing is published
"""

from __future__ import annotations

from typing import Self


class ScarError(Exception):
    """Something the user can act on; the message names the place, the value and the way out."""


class InputError(ScarError):
    """A file, a record in it, an image or an option that cannot be used."""


class BadRecord(InputError):  # noqa: N818 - reads as what it is: raise BadRecord(place, problem, reason)
    """One record that cannot be used.

    Attributes:
        place: file and record.
        problem: what is wrong with it, with the value.
        reason: the short name under which a build counts it.

    >>> str(BadRecord("instances.json, annotation 7", "box (5, 5, 0, 9) has no area", "empty_box"))
    "instances.json, annotation 7: box (5, 5, 0, 9) has no area; `--skip-bad` drops it and counts it as 'empty_box'."
    """

    def __init__(self, place: str, problem: str, reason: str) -> None:
        super().__init__(f"{place}: {problem}; `--skip-bad` drops it and counts it as {reason!r}.")
        self.place = place
        self.problem = problem
        self.reason = reason

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """Pickled by what it was made of, so that a worker may raise it."""
        return type(self), (self.place, self.problem, self.reason)


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
