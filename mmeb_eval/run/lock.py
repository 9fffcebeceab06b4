"""Lets one run use an output folder: a single process, or the workers that were started together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mmeb_eval.run.workers import Worker
from scar.errors import EvalError

LAUNCH_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
"""Environment variables whose values are the same in all workers of one launch."""

ENTRY_TIMEOUT_S = 30.0
"""Seconds to wait while other processes enter the folder; each needs milliseconds."""


@contextmanager
def lock_folder(
    folder: Path,
    worker: Worker = Worker(),  # noqa: B008 - it is frozen
    work: str = "",
    environment: Mapping[str, str] = os.environ,
) -> Iterator[None]:
    """Lock a folder for one run during the ``with`` block.

    Workers of one run may enter together: they have the same ``work``, number of workers and `LAUNCH_VARIABLES`. The
    system releases the lock of a process that is killed.

    Args:
        folder: the folder; it is created if it does not exist.
        worker: this process, one of those that share the run.
        work: description of what the run does.
        environment: environment variables, of which `LAUNCH_VARIABLES` are read.

    Raises:
        EvalError: another run uses the folder, or it cannot be written to.
    """
    from filelock import FileLock, Timeout

    alone = str(os.getpid()) if worker.size == 1 else ""
    run = repr((worker.size, alone, work, [environment.get(name) for name in LAUNCH_VARIABLES]))
    own = FileLock(folder / f".lock-{worker.rank}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=ENTRY_TIMEOUT_S):  # one process enters at a time
            own.acquire(timeout=0)
            try:
                _refuse_other_runs(folder, worker.rank, run)
                (folder / f".run-{worker.rank}").write_text(run, encoding="utf-8", errors="surrogateescape")
            except BaseException:
                own.release()
                raise
    except Timeout as error:
        raise _locked_error(folder) from error
    except OSError as error:
        raise EvalError(f"{folder}: cannot be written: {error.strerror}; choose another --output.") from error
    try:
        yield
    finally:
        own.release()


def _refuse_other_runs(folder: Path, rank: int, run: str) -> None:
    """Raise `EvalError` if a process of another run holds a lock."""
    from filelock import FileLock, Timeout

    for lock in sorted(folder.glob(".lock-*")):
        other = lock.name.removeprefix(".lock-")
        if other == str(rank):
            continue
        try:
            with FileLock(lock, timeout=0):
                continue  # its process has ended
        except Timeout:
            path = folder / f".run-{other}"
            if not path.is_file() or path.read_text(encoding="utf-8", errors="surrogateescape") != run:
                raise _locked_error(folder) from None


def _locked_error(folder: Path) -> EvalError:
    """The error for a folder that another run uses."""
    return EvalError(f"{folder}: another mmeb-eval is writing here; wait for it or choose another --output.")
