"""Engines run tasks: in this process, in other processes of this machine, or on a Ray cluster.

An engine yields the results in the order of the tasks. It takes the next task only when a worker is free, so that
memory holds few tasks and results.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from scar.common.images import limit_pixels, max_pixels
from scar.errors import BuildInterrupted, InputError

T = TypeVar("T")

Task: TypeAlias = Callable[..., T]
"""A pure function of its arguments and of the files that it reads. Task and result can be pickled."""

EngineName: TypeAlias = Literal["local", "ray"]

_RESULTS_AHEAD_PER_WORKER = 4
"""Most finished results per worker that wait in memory while an earlier task is still running."""


class Engine(Protocol):
    """A function that runs tasks, here or in other processes, and yields their results."""

    def __call__(self, tasks: Iterable[Task[T]], /, shared: tuple[object, ...] = ()) -> Iterator[T]:
        """Call each task with the shared arguments and yield the results in the order of the tasks.

        Args:
            tasks: the tasks.
            shared: large arguments that all tasks have in common; each worker receives them once and keeps them.

        Raises:
            BuildInterrupted: a worker was lost.
            Exception: what a task raises. Errors come when results are taken, not at the call.
        """


def open_engine(name: EngineName, workers: int, stack: ExitStack, preload: Sequence[str] = ()) -> Engine:
    """Make an engine.

    Args:
        name: ``local`` or ``ray``.
        workers: number of processes on this machine, for the engine ``local``; 1 means this process.
        stack: ends the processes of the engine ``local`` when it is closed.
        preload: names of modules that the tasks need; they are imported once, before the processes fork.

    Returns:
        The engine; its processes start when it is first called. Ray is looked for when its first result is taken.
    """
    if name == "ray":
        return run_on_ray
    if workers == 1:
        return run_here
    crew: list[_Worker] = []

    def stop_workers() -> None:
        for worker in crew:
            worker.stop()

    def run_on_workers(tasks: Iterable[Task[T]], /, shared: tuple[object, ...] = ()) -> Iterator[T]:
        if not crew:
            crew.extend(_Worker(_make_context(preload)) for _ in range(workers))
        return _iter_results(tasks, shared, crew)

    stack.callback(stop_workers)
    return run_on_workers


def run_here(tasks: Iterable[Task[T]], /, shared: tuple[object, ...] = ()) -> Iterator[T]:
    """The engine that runs tasks in this process, one by one."""
    return (_run_task(task, *shared) for task in tasks)


def run_on_ray(tasks: Iterable[Task[T]], /, shared: tuple[object, ...] = ()) -> Iterator[T]:
    """Run tasks on a Ray cluster: the one that this process has joined, else ``RAY_ADDRESS``, else a new local one.

    All nodes must see the input files under the same paths.

    Raises:
        InputError: Ray is not installed.
        BuildInterrupted: the cluster lost the worker of a task, also in every retry.
        Exception: what a task raises. All errors come when results are taken, not at the call.
    """
    try:
        import ray as installed
    except ImportError:
        raise InputError("--engine ray: Ray is not installed; `pip install 'scar-virtue[ray]'` adds it.") from None
    ray: Any = installed  # only some of its functions have types
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    remote = ray.remote(_run_remote_task)
    references = [ray.put(argument) for argument in shared]
    window = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    remaining, running = iter(tasks), deque[Any]()
    try:
        while True:
            running.extend(
                remote.remote(max_pixels(), task, *references) for task in islice(remaining, window - len(running))
            )
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


def _run_task(task: Task[T], *shared: object) -> T:
    """Run a task without garbage collection.

    The records of a build have no reference cycles, and searching for some takes a fifth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return task(*shared)
    finally:
        if was_on:
            gc.enable()


def _run_remote_task(limit: int, task: Task[T], *shared: object) -> T:
    """Run a task on another machine, whose environment has no limit of pixels, within that of the build."""
    with limit_pixels(limit):
        return _run_task(task, *shared)


def _make_context(preload: Sequence[str]) -> ForkServerContext | SpawnContext:
    """Start method of the workers: fork from a small server that has imported the modules; spawn if it cannot fork."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # it unblocks Ctrl-C when it starts
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()  # this process handles Ctrl-C, also while the server imports
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return context


class _Worker:
    """A process that runs one task at a time."""

    def __init__(self, context: ForkServerContext | SpawnContext) -> None:
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_run_worker, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # so that the connection ends when the worker does
        self._shared: tuple[object, ...] = ()
        self.task_index: int | None = None

    def start_task(self, index: int, task: Task[Any], shared: tuple[object, ...]) -> None:
        """Send a task to the process, and the shared arguments unless the process has them.

        Args:
            index: index of the task among all tasks.
            task: the task.
            shared: the arguments of the task.
        """
        try:
            self.connection.send((task, None if shared is self._shared else shared))
        except BrokenPipeError:
            raise self._lost_error() from None
        self.task_index, self._shared = index, shared

    def receive_result(self) -> tuple[int, Any]:
        """Wait until the task ends; returns its index, and its result or the exception that it raised."""
        index, self.task_index = self.task_index, None
        try:
            return index or 0, self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self._lost_error() from None

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()
        self.connection.close()

    def _lost_error(self) -> BuildInterrupted:
        self._process.join()
        code = self._process.exitcode or 0
        cause = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return BuildInterrupted(f"a worker ended {cause}; was there too little memory? Fewer --workers need less")


def _iter_results(tasks: Iterable[Task[T]], shared: tuple[object, ...], workers: list[_Worker]) -> Iterator[T]:
    """Give a task to each free worker, and yield the results in the order of the tasks."""
    remaining = enumerate(tasks)
    results: dict[int, T | Exception] = {}
    next_index = 0
    while True:
        for worker in workers:
            if worker.task_index is None and len(results) < _RESULTS_AHEAD_PER_WORKER * len(workers):
                for index, task in islice(remaining, 1):
                    worker.start_task(index, task, shared)
        busy = {worker.connection: worker for worker in workers if worker.task_index is not None}
        if not busy and next_index not in results:
            return
        for connection in wait(list(busy), timeout=0 if next_index in results else None):
            index, result = busy[connection].receive_result()  # type: ignore[index]  # it is a Connection
            results[index] = result
        if next_index in results:
            result = results.pop(next_index)
            if isinstance(result, Exception):
                raise result
            next_index += 1
            yield result


def _run_worker(connection: Connection) -> None:
    """Run the tasks that arrive until the parent process ends; ignore Ctrl-C, which the parent handles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # between tasks too: their caches stay and grow
    shared: tuple[object, ...] = ()
    while True:
        try:
            task, new_shared = connection.recv()
        except EOFError:
            return
        shared = shared if new_shared is None else new_shared
        result: Any
        try:
            result = _run_task(task, *shared)
        except Exception as error:  # noqa: BLE001 - the parent raises it
            error.add_note("".join(traceback.format_tb(error.__traceback__)))
            result = error
        try:
            connection.send(result)
        except BrokenPipeError:
            return
