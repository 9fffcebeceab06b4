"""Where shards are built: in this process, in others of this machine, or on a Ray cluster.

An engine takes shards and yields what `build_shard` makes of them, in their order. It takes a shard when somebody is
free for it, and never holds more than a few.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, Literal, TypeAlias

from scar.errors import BuildInterrupted, InputError
from scar.shard import Job, Shard, build_shard

Engine: TypeAlias = Callable[[Iterable[Shard]], Iterator[bytes]]

EngineName: TypeAlias = Literal["local", "ray"]

_NEEDED = ["scar.shard", "scar.complete", "scar.negatives.draw"]
"""What every worker imports; it is imported once, before they part."""

_AHEAD = 4
"""How many shards for each worker may be done before the first one of them is."""


def open_engine(name: EngineName, workers: int, stack: ExitStack) -> Engine:
    """An engine that is closed together with a stack.

    Args:
        name: ``local`` or ``ray``.
        workers: processes of this machine, for the engine ``local``; 1 is this one.
        stack: ends the processes.
    """
    if name == "ray":
        return cluster
    if workers == 1:
        return here
    crew: list[_Worker] = []

    def dismiss() -> None:
        for worker in crew:
            worker.dismiss()

    def engine(shards: Iterable[Shard]) -> Iterator[bytes]:
        if not crew:
            crew.extend(_Worker(_context()) for _ in range(workers))
        return _in_turn(shards, crew)

    stack.callback(dismiss)
    return engine


def here(shards: Iterable[Shard]) -> Iterator[bytes]:
    """Build in this process."""
    return map(build_shard, shards)


def cluster(shards: Iterable[Shard]) -> Iterator[bytes]:
    """Build on the Ray cluster that this process has joined, or that ``RAY_ADDRESS`` names, else on one it starts here.

    Its nodes must see the images under the same path.

    Raises:
        InputError: Ray is not installed.
        BuildInterrupted: the cluster lost a shard's worker, and those that tried it again.
    """
    try:
        import ray as installed
    except ImportError:
        raise InputError("--engine ray: Ray is not installed; `pip install 'scar-virtue[ray]'` adds it.") from None
    ray: Any = installed  # it has types for some of its functions only
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    task = ray.remote(build_shard)
    window = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    remaining, running = iter(shards), deque[Any]()
    try:
        while True:
            running.extend(task.remote(shard) for shard in islice(remaining, window - len(running)))
            if not running:
                return
            yield ray.get(running.popleft())
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise BuildInterrupted(f"Ray lost a worker ({type(error).__name__})") from None
    finally:
        for reference in running:
            ray.cancel(reference)


def _context() -> ForkServerContext | SpawnContext:
    """Processes that inherit nothing of this one but, where that is possible, what they all import."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_NEEDED)
    resource_tracker.ensure_running()  # it unblocks Ctrl-C when it starts
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()  # Ctrl-C is its parent's to handle, while it imports too
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return context


class _Worker:
    """A process that builds one shard at a time."""

    def __init__(self, context: ForkServerContext | SpawnContext) -> None:
        self.line, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that the line ends when the worker does
        self.place: int | None = None

    def start(self, place: int, shard: Shard) -> None:
        """Give it a shard, the one at a place among all."""
        try:
            self.line.send(shard)
        except BrokenPipeError:
            raise self._lost() from None
        self.place = place

    def result(self) -> tuple[int, bytes | Exception]:
        """The place of its shard, and what it made of it or what went wrong."""
        place, self.place = self.place, None
        try:
            return place or 0, self.line.recv()
        except (EOFError, ConnectionResetError):
            raise self._lost() from None

    def dismiss(self) -> None:
        self._process.terminate()
        self._process.join()
        self.line.close()

    def _lost(self) -> BuildInterrupted:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return BuildInterrupted(f"a worker ended {how}; was there too little memory? Fewer --workers need less")


def _in_turn(shards: Iterable[Shard], crew: list[_Worker]) -> Iterator[bytes]:
    """Keep the crew busy and yield what it makes in the order of the shards."""
    remaining = enumerate(shards)
    made: dict[int, bytes | Exception] = {}
    turn = 0
    while True:
        for worker in crew:
            if worker.place is None and len(made) < _AHEAD * len(crew):
                for place, shard in islice(remaining, 1):
                    worker.start(place, shard)
        busy = {worker.line: worker for worker in crew if worker.place is not None}
        if not busy and turn not in made:
            return
        for line in wait(list(busy), timeout=0 if turn in made else None):
            place, result = busy[line].result()  # type: ignore[index]  # it is a Connection
            made[place] = result
        if turn in made:
            content = made.pop(turn)
            if isinstance(content, Exception):
                raise content
            turn += 1
            yield content


def _work(line: Connection) -> None:
    """A worker's life: Ctrl-C is its parent's to handle, and without a parent there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job: Job | None = None
    while True:
        try:
            shard: Shard = line.recv()
        except EOFError:
            return
        if job is None or job.digest != shard.job.digest:
            job = shard.job
        shard = dataclasses.replace(shard, job=job)  # what its generator keeps serves the next shard too
        result: bytes | Exception
        try:
            result = build_shard(shard)
        except Exception as error:  # noqa: BLE001 - the parent raises it
            error.add_note("".join(traceback.format_tb(error.__traceback__)))
            result = error
        try:
            line.send(result)
        except BrokenPipeError:
            return
