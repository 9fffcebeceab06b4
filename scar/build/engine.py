"""Where the work is done: in this process, in others of this machine, or on a Ray cluster.

An engine takes tasks, such as shards, and yields what they return, in their order. It takes a task when somebody is
free for it, and never holds more than a few.
"""

from __future__ import annotations

import dataclasses
import gc
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
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from scar.build.shard import Job, Shard
from scar.errors import BuildInterrupted, InputError

T = TypeVar("T")

Task: TypeAlias = Callable[[], T]
"""Some work: a pure function of what it holds and of files that it names, which can be pickled, as its result can."""


class Engine(Protocol):
    """What does tasks."""

    def __call__(self, tasks: Iterable[Task[T]], /) -> Iterator[T]:
        """What each returns, in their order."""


EngineName: TypeAlias = Literal["local", "ray"]

_PRELOADED = ["pandas", "scar.build.shard", "scar.generators.rules.true_caption", "scar.generators.rules.negatives"]
"""What every worker imports; it is imported once, before they part."""

_TASKS_AHEAD_PER_WORKER = 4
"""How many tasks for each worker may be done before the first one of them is."""


def open_engine(name: EngineName, workers: int, stack: ExitStack) -> Engine:
    """An engine that is closed together with a stack.

    Args:
        name: ``local`` or ``ray``.
        workers: processes of this machine, for the engine ``local``; 1 is this one.
        stack: ends the processes.
    """
    if name == "ray":
        return run_on_ray
    if workers == 1:
        return run_here
    crew: list[_Worker] = []

    def stop_workers() -> None:
        for worker in crew:
            worker.stop()

    def run_on_workers(tasks: Iterable[Task[T]], /) -> Iterator[T]:
        if not crew:
            crew.extend(_Worker(_make_context()) for _ in range(workers))
        return _iter_results(tasks, crew)

    stack.callback(stop_workers)
    return run_on_workers


def run_here(tasks: Iterable[Task[T]], /) -> Iterator[T]:
    """Work in this process."""
    return (task() for task in tasks)


def run_on_ray(tasks: Iterable[Task[T]], /) -> Iterator[T]:
    """Work on the Ray cluster that this process has joined, or that ``RAY_ADDRESS`` names, else on one it starts here.

    Its nodes must see the images under the same path.

    Raises:
        InputError: Ray is not installed.
        BuildInterrupted: the cluster lost a task's worker, and those that tried it again.
    """
    try:
        import ray as installed
    except ImportError:
        raise InputError("--engine ray: Ray is not installed; `pip install 'scar-virtue[ray]'` adds it.") from None
    ray: Any = installed  # it has types for some of its functions only
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    remote = ray.remote(_run_task)
    window = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    remaining, running = iter(tasks), deque[Any]()
    try:
        while True:
            running.extend(remote.remote(task) for task in islice(remaining, window - len(running)))
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


def _run_task(task: Task[T]) -> T:
    """What a task returns."""
    return task()


def _make_context() -> ForkServerContext | SpawnContext:
    """Processes that inherit nothing of this one but, where that is possible, what they all import."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    resource_tracker.ensure_running()  # it unblocks Ctrl-C when it starts
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()  # Ctrl-C is its parent's to handle, while it imports too
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return context


class _Worker:
    """A process that does one task at a time."""

    def __init__(self, context: ForkServerContext | SpawnContext) -> None:
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_run_worker, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that the line ends when the worker does
        self.task_index: int | None = None

    def start_task(self, index: int, task: Task[Any]) -> None:
        """Give it a task, the one at a place among all."""
        try:
            self.connection.send(task)
        except BrokenPipeError:
            raise self._lost_error() from None
        self.task_index = index

    def receive_result(self) -> tuple[int, Any]:
        """The place of its task, and what came of it: a result or what went wrong."""
        place, self.task_index = self.task_index, None
        try:
            return place or 0, self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self._lost_error() from None

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()
        self.connection.close()

    def _lost_error(self) -> BuildInterrupted:
        self._process.join()
        code = self._process.exitcode or 0
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return BuildInterrupted(f"a worker ended {how}; was there too little memory? Fewer --workers need less")


def _iter_results(tasks: Iterable[Task[T]], workers: list[_Worker]) -> Iterator[T]:
    """Keep the crew busy and yield what it makes in the order of the tasks."""
    remaining = enumerate(tasks)
    made: dict[int, T | Exception] = {}
    turn = 0
    while True:
        for worker in workers:
            if worker.task_index is None and len(made) < _TASKS_AHEAD_PER_WORKER * len(workers):
                for place, task in islice(remaining, 1):
                    worker.start_task(place, task)
        busy = {worker.connection: worker for worker in workers if worker.task_index is not None}
        if not busy and turn not in made:
            return
        for line in wait(list(busy), timeout=0 if turn in made else None):
            place, came = busy[line].receive_result()  # type: ignore[index]  # it is a Connection
            made[place] = came
        if turn in made:
            result = made.pop(turn)
            if isinstance(result, Exception):
                raise result
            turn += 1
            yield result


def _run_worker(connection: Connection) -> None:
    """A worker's life: Ctrl-C is its parent's to handle, and without a parent there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # what it makes and keeps has no cycles, and to look for some among all that is kept takes long
    job: Job | None = None
    while True:
        try:
            task: Task[Any] = connection.recv()
        except EOFError:
            return
        if isinstance(task, Shard):
            if job is None or job.digest != task.job.digest:
                job = task.job
            task = dataclasses.replace(task, job=job)  # what its generator keeps serves the next shard too
        result: Any
        try:
            result = task()
        except Exception as error:  # noqa: BLE001 - the parent raises it
            error.add_note("".join(traceback.format_tb(error.__traceback__)))
            result = error
        try:
            connection.send(result)
        except BrokenPipeError:
            return
