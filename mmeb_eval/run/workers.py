"""Processes that ``torchrun`` or ``accelerate launch`` started together: their ranks, heartbeats and waiting."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scar.errors import EvalError

_FAILED, _DONE = "failed ", "done"
"""Beginnings of lines in a heartbeat's file that are no digests of models."""

POLL_S = 0.05
"""Seconds between two checks of the other workers' progress."""

HEARTBEAT_S = 2.0
"""Seconds between two heartbeats of a worker."""

HEARTBEAT_TIMEOUT_S = 120.0
"""A worker without a heartbeat for this many seconds counts as dead; loading a model may delay the first one."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that share the work through a folder.

    Attributes:
        rank: number of this worker, from 0; only worker 0 writes results.
        size: number of workers.
    """

    rank: int = 0
    size: int = 1


def read_worker(environment: Mapping[str, str] = os.environ) -> Worker:
    """This process as the launcher's variables ``RANK`` and ``WORLD_SIZE`` describe it; without them, it is alone.

    Raises:
        EvalError: the rank is not below the size, or a value is no number.

    >>> read_worker({"RANK": "1", "WORLD_SIZE": "3"})
    Worker(rank=1, size=3)
    """
    rank, size = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise EvalError(f"RANK={rank} WORLD_SIZE={size}: expected a rank below the size; unset both to run alone.")
    return Worker(int(rank), int(size))


def select_device(environment: MutableMapping[str, str] = os.environ) -> None:
    """Give each worker of a machine a GPU of its own, by setting ``CUDA_VISIBLE_DEVICES`` in ``environment``.

    Call it before CUDA is first used. Models take the first visible GPU, and launchers make all GPUs visible to every
    worker. Nothing changes without the launcher's variable ``LOCAL_RANK``. If ``CUDA_VISIBLE_DEVICES`` lists fewer GPUs
    than there are workers, some workers share one.

    >>> variables = {"LOCAL_RANK": "1", "CUDA_VISIBLE_DEVICES": "4,5"}
    >>> select_device(variables)
    >>> variables["CUDA_VISIBLE_DEVICES"]
    '5'
    """
    rank = environment.get("LOCAL_RANK", "")
    if not rank.isdecimal():
        return
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    devices = [rank] if visible is None else visible.split(",")
    environment["CUDA_VISIBLE_DEVICES"] = devices[int(rank) % len(devices)]


class OtherWorkerFailed(EvalError):  # noqa: N818 - it is news of an error, not one of this worker
    """Another worker has failed on the task of this one."""


@contextmanager
def heartbeat(folder: Path, worker: Worker) -> Iterator[None]:
    """During the ``with`` block, touch a file in ``folder`` regularly: it tells other workers that this one runs.

    The file is removed at the end. A worker that is alone touches nothing.
    """
    if worker.size == 1:
        yield
        return
    path, done = _get_heartbeat_path(folder, worker.rank), threading.Event()

    def touch_regularly() -> None:
        while not done.wait(HEARTBEAT_S):
            path.touch()

    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")  # nothing that a killed worker has announced
    thread = threading.Thread(target=touch_regularly, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        path.unlink(missing_ok=True)


def announce_model(folder: Path, rank: int, digest: str) -> None:
    """Tell other workers which model this worker scores next, before it does so.

    Args:
        folder: folder of the workers' heartbeats.
        rank: rank of this worker.
        digest: what stands for the model; it is added to the heartbeat's file as a line.
    """
    with _get_heartbeat_path(folder, rank).open("a", encoding="utf-8") as file:
        file.write(f"{digest}\n")


def announce_failure(folder: Path, rank: int, model: str, task: str, message: str) -> None:
    """Tell other workers that this one has failed on a task, so that they do not wait for its share."""
    with _get_heartbeat_path(folder, rank).open("a", encoding="utf-8") as file:
        file.write(f"{_FAILED}{json.dumps([model, task, message])}\n")


def refuse_failed_task(folder: Path, worker: Worker, model: str, task: str) -> None:
    """Check that no other worker has failed on a task.

    Raises:
        OtherWorkerFailed: one has; the message is that of its error.
    """
    for rank in range(worker.size):
        if rank == worker.rank:
            continue
        for line in _read_lines(folder, rank):
            failed = json.loads(line.removeprefix(_FAILED)) if line.startswith(_FAILED) and line.endswith("]") else None
            if failed and failed[:2] == [model, task]:
                raise OtherWorkerFailed(f"worker {rank}: {failed[2]}")


def leave_together(folder: Path, worker: Worker) -> None:
    """Announce the end of this worker's run, and wait until all other workers have come to theirs, or one has died.

    A launcher such as torchrun ends all workers once one has ended with a failure. So none ends before the others have
    done their work and read what it has announced.

    Args:
        folder: folder of the workers' heartbeats.
        worker: this process; a single worker returns at once.
    """
    if worker.size == 1:
        return
    with _get_heartbeat_path(folder, worker.rank).open("a", encoding="utf-8") as file:
        file.write(f"{_DONE}\n")
    with contextlib.suppress(EvalError):  # a worker that has ended is not waited for
        wait_for_workers(
            folder, worker.size, lambda: {rank for rank in range(worker.size) if _DONE not in _read_lines(folder, rank)}
        )


def find_other_model(folder: Path, rank: int, size: int) -> tuple[int, str] | None:
    """Find a worker that scores another model than worker ``rank`` in the same turn: the lowest rank, and its digest.

    A worker's turns are the models that it has announced, in order. The turn of worker ``rank`` is its last one.
    Workers that have not come so far are passed over. None if no such worker is found.
    """
    own = _read_announced(folder, rank)
    for other in range(size) if own else ():
        announced = _read_announced(folder, other)
        if len(announced) >= len(own) and announced[len(own) - 1] != own[-1]:
            return other, announced[len(own) - 1]
    return None


def wait_for_workers(folder: Path, size: int, find_pending: Callable[[], Collection[int]]) -> None:
    """Wait until all workers have finished their share; each worker calls this after its own share.

    Args:
        folder: folder of the workers' heartbeats.
        size: number of workers, the caller included.
        find_pending: returns the ranks of workers that have not finished their share.

    Raises:
        EvalError: a pending worker has ended, or its heartbeat has stopped.
    """
    began = time.monotonic()
    last_beats: dict[int, tuple[int, float]] = {}  # rank -> its last heartbeat, and when this was first seen
    while True:
        beats = [_read_mtime(_get_heartbeat_path(folder, rank)) for rank in range(size)]
        pending = find_pending()  # after the heartbeats: a worker that ended in between has finished its share
        if not pending:
            return
        now = time.monotonic()
        for rank in pending:
            beat = beats[rank]
            last, since = last_beats.get(rank, (None, began))
            if beat is not None and beat != last:
                last_beats[rank] = beat, now
            elif now - since > HEARTBEAT_TIMEOUT_S or (beat is None and last is not None):
                raise EvalError(
                    f"worker {rank} of {size} ended, or its heartbeat stopped, before its share was done; stored "
                    "vectors are kept: read its messages, and run again."
                )
        time.sleep(POLL_S)


def _get_heartbeat_path(folder: Path, rank: int) -> Path:
    """The file that a worker touches as its heartbeat."""
    return folder / f".worker-{rank}"


def _read_announced(folder: Path, rank: int) -> list[str]:
    """The digests that a worker has announced; empty if it has ended or not begun."""
    return [line for line in _read_lines(folder, rank) if not line.startswith((_FAILED, _DONE))]


def _read_lines(folder: Path, rank: int) -> list[str]:
    """The lines of a worker's heartbeat file; empty if it has ended, has not begun, or left the file when killed."""
    path = _get_heartbeat_path(folder, rank)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    beat = _read_mtime(path) or 0
    newest = max([beat, *(_read_mtime(other) or 0 for other in folder.glob(".worker-*"))])
    return lines if newest - beat < HEARTBEAT_TIMEOUT_S * 1e9 else []


def _read_mtime(path: Path) -> int | None:
    """The file's time of modification; None if there is no file."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
