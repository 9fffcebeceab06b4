"""What can go wrong, as a tree.

EvalError                every failure that is expected; the CLI prints one line and exits 2
├── UnknownName          a task, model or option value that does not exist; carries the nearest names
├── DataError            task data that is missing or of another shape; names file, row and column
└── ContractError        an embedder that breaks its contract: wrong shape, NaN, norm or type
"""

import difflib
from collections.abc import Iterable


class EvalError(Exception):
    """Something the user can act on; the message names the place, the value and the way out."""


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
