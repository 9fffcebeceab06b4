"""One process on one output folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmeb_eval.errors import EvalError


@contextmanager
def only_one(folder: Path, rank: int = 0) -> Iterator[None]:
    """Keep a folder to this process; the system lets go of it when the process ends, however it ends.

    Args:
        folder: is made if it is not there.
        rank: number of this process among those that share the folder; none of another run may have the same.

    Raises:
        EvalError: another process has it, or it cannot be written to.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / f".lock-{rank}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise EvalError(
            f"{folder}: another mmeb-eval is writing here; wait for it or choose another --output."
        ) from error
    except OSError as error:
        raise EvalError(f"{folder}: cannot be written: {error.strerror}; choose another --output.") from error
    try:
        yield
    finally:
        lock.release()
