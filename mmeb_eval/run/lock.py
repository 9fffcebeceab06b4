"""One run on one output folder: a process alone, or the workers that were started together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mmeb_eval.run.workers import Worker
from scar.errors import EvalError

LAUNCH_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
"""What launchers tell all workers of one start, and no others."""

ENTRY_TIMEOUT_S = 30.0
"""How long others may take to enter the folder; each needs some milliseconds."""


@contextmanager
def lock_folder(
    folder: Path,
    worker: Worker = Worker(),  # noqa: B008 - it is frozen
    work: str = "",
    environment: Mapping[str, str] = os.environ,
) -> Iterator[None]:
    """Keep a folder to one run; the system lets go of it when a process ends, however it ends.

    Args:
        folder: is made if it is not there.
        worker: which process of the run this one is; none of another run may be inside.
        work: what is done; workers that belong together do the same.
        environment: tells runs apart.

    Raises:
        EvalError: another run has it, or it cannot be written to.
    """
    from filelock import FileLock, Timeout

    alone = str(os.getpid()) if worker.size == 1 else ""
    run = repr((worker.size, alone, work, [environment.get(name) for name in LAUNCH_VARIABLES]))
    own = FileLock(folder / f".lock-{worker.rank}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=ENTRY_TIMEOUT_S):  # one enters at a time
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
    """See that whoever else is inside belongs to this run."""
    from filelock import FileLock, Timeout

    for path in sorted(folder.glob(".lock-*")):
        other = path.name.removeprefix(".lock-")
        if other == str(rank):
            continue
        try:
            with FileLock(path, timeout=0):
                continue  # whoever held it has ended
        except Timeout:
            sign = folder / f".run-{other}"
            if not sign.is_file() or sign.read_text(encoding="utf-8", errors="surrogateescape") != run:
                raise _locked_error(folder) from None


def _locked_error(folder: Path) -> EvalError:
    return EvalError(f"{folder}: another mmeb-eval is writing here; wait for it or choose another --output.")
