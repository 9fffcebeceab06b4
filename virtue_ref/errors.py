"""What can go wrong, as a tree.

VirtueError              every failure that is expected; a child of EvalError, so every CLI prints one line and exits 2
├── InputError          an item that cannot be embedded; names its index. Also a ValueError
├── ConfigError         a config file or a name that is none. Also a ValueError
├── TrainError          a run that cannot start or go on; names step and batch, and what is kept
└── CheckpointError     weights that are missing, foreign or ask to run code; names file and keys. Also a ValueError
"""

from mmeb_eval.errors import EvalError


class VirtueError(EvalError):
    """Something the user can act on; the message names the place, the value and the way out."""


class InputError(VirtueError, ValueError):
    """An item that cannot be embedded.

    Attributes:
        reason: what is wrong with it.
        index: its place among the items given, once that is known.
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
