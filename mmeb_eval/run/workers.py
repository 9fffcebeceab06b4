"""Several processes that ``torchrun`` or ``accelerate launch`` started together: who is who, and who still runs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scar.errors import EvalError

POLL_S = 0.05
"""How often a worker looks whether the others are done."""

HEARTBEAT_S = 2.0
"""How often a worker shows that it runs."""

HEARTBEAT_TIMEOUT_S = 120.0
"""A worker that has shown nothing for so long is taken for dead; one may load its model so much longer than another."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that share the work through a folder that all of them see.

    Attributes:
        rank: its number; 0 alone writes results.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1


def read_worker(environment: Mapping[str, str] = os.environ) -> Worker:
    """What the launcher said in ``RANK`` and ``WORLD_SIZE``; without a launcher the only one.

    Raises:
        EvalError: values that make no sense.

    >>> this_worker({"RANK": "1", "WORLD_SIZE": "3"})
    Worker(rank=1, size=3)
    """
    rank, size = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise EvalError(f"RANK={rank} WORLD_SIZE={size}: expected a rank below the size; unset both to run alone.")
    return Worker(int(rank), int(size))


def select_device(environment: MutableMapping[str, str] = os.environ) -> None:
    """Show each of several workers of a machine a GPU of its own; to be called before CUDA is first used.

    Models take the first GPU that they see, and launchers show all of them to every worker.

    >>> seen = {"LOCAL_RANK": "1", "CUDA_VISIBLE_DEVICES": "4,5"}
    >>> take_device(seen)
    >>> seen["CUDA_VISIBLE_DEVICES"]
    '5'
    """
    rank = environment.get("LOCAL_RANK", "")
    if not rank.isdecimal():
        return
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    devices = [rank] if visible is None else visible.split(",")
    environment["CUDA_VISIBLE_DEVICES"] = devices[int(rank) % len(devices)]


@contextmanager
def heartbeat(folder: Path, worker: Worker) -> Iterator[None]:
    """Show the other workers that this one runs, by a file that changes again and again."""
    if worker.size == 1:
        yield
        return
    sign, done = _get_heartbeat_path(folder, worker.rank), threading.Event()

    def touch_regularly() -> None:
        while not done.wait(HEARTBEAT_S):
            sign.touch()

    folder.mkdir(parents=True, exist_ok=True)
    sign.touch()
    beating = threading.Thread(target=touch_regularly, daemon=True)
    beating.start()
    try:
        yield
    finally:
        done.set()
        beating.join()
        sign.unlink(missing_ok=True)


def wait_for_workers(folder: Path, size: int, find_pending: Callable[[], Collection[int]]) -> None:
    """Wait for other workers.

    Args:
        folder: where they are `shown`.
        size: how many there are.
        find_pending: ranks of those that have not done their share.

    Raises:
        EvalError: one of them has ended, or shows no sign of life.
    """
    began = time.monotonic()
    changed: dict[int, tuple[int, float]] = {}  # the last sign of each, and when it was new
    while True:
        signs = [_read_mtime(_get_heartbeat_path(folder, rank)) for rank in range(size)]
        owed = find_pending()  # after the signs: one that ended in between has done its share
        if not owed:
            return
        now = time.monotonic()
        for rank in owed:
            sign = signs[rank]
            last, since = changed.get(rank, (None, began))
            if sign is not None and sign != last:
                changed[rank] = sign, now
            elif now - since > HEARTBEAT_TIMEOUT_S or (sign is None and last is not None):
                raise EvalError(
                    f"worker {rank} of {size} ended, or has shown no sign of life, before its share was done; what was "
                    "stored is kept: see what it said, and run again."
                )
        time.sleep(POLL_S)


def _get_heartbeat_path(folder: Path, rank: int) -> Path:
    """The file of a worker."""
    return folder / f".worker-{rank}"


def _read_mtime(path: Path) -> int | None:
    """When the file was last touched; None if there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
