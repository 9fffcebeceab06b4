"""Let one process at a time train in a folder; processes that were launched together count as one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scar.errors import TrainError

LOCK_FILE = ".lock"
_held: set[Path] = set()


@contextmanager
def lock_run(run: Path) -> Iterator[None]:
    """Lock the folder of a run until the context ends, or the process ends, even if it is killed.

    Of several processes that were launched together, the first one holds the lock for all. Locks of one folder in one
    process may be nested.

    Args:
        run: the folder; it is created if it does not exist.

    Raises:
        TrainError: another process trains there.
        OSError: the folder cannot be made or written to.
    """
    folder = run.absolute()
    if os.environ.get("RANK", "0") != "0" or folder in _held:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise TrainError(f"{run}: another process trains here; wait for it, or name another folder.") from None
    _held.add(folder)
    try:
        yield
    finally:
        _held.discard(folder)
        lock.release()
