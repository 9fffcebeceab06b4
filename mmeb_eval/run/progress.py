"""Shows how far a run is, over all its tasks: bars on a terminal, in a log a line at the start and one each minute."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from mmeb_eval.item import Item
from mmeb_eval.run.cost import EmbedClock

SECONDS_BETWEEN_LINES = 60.0
"""Seconds between two lines in a log."""


class Workload(NamedTuple):
    """Number of distinct items of a task: texts alone, and items with an image."""

    texts: int
    images: int


def count_items(items: Sequence[Item]) -> Workload:
    """The workload of distinct items."""
    images = sum(item.image is not None for item in items)
    return Workload(len(items) - images, images)


class RunProgress:
    """The progress of one model over the tasks of a run.

    Args:
        model: name of the model, for titles.
        share: part of all work that this process does: 1 / number of workers.
        shown: whether anything is shown.

    Attributes:
        pending: the tasks that come after the one that is watched; whoever runs the tasks sets it before each.
    """

    def __init__(self, model: str, share: float = 1.0, *, shown: bool = True) -> None:
        self._model = model
        self._share = share
        self._shown = shown
        self._clock = EmbedClock()
        self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
        self.pending: Sequence[Workload] = ()

    @contextmanager
    def watch(self, title: str, total: int, missing: Workload, clock: EmbedClock) -> Iterator[Callable[[], None]]:
        """Show the progress of a task inside the ``with`` block.

        Args:
            title: name of the task.
            total: number of its items, stored ones included.
            missing: the items that this process will embed.
            clock: counts them while they are embedded.

        Yields:
            A function to call after each batch.
        """
        if not self._shown:
            yield lambda: None
            return
        task = _TaskProgress(f"{self._model}: {title}", total, missing, clock, self._estimate_left)
        try:
            with _show_bars(task) if sys.stderr.isatty() else self._write_lines(task) as show:
                yield show
        finally:
            self._clock.add_clock(clock)

    def _estimate_left(self, missing: Workload, clock: EmbedClock) -> float | None:
        """Seconds until all tasks are done; None while the time of an image, or of a text, is unknown."""
        rates = EmbedClock()
        rates.add_clock(self._clock)
        rates.add_clock(clock)
        texts = missing.texts - clock.items[0] + self._share * sum(workload.texts for workload in self.pending)
        images = missing.images - clock.items[1] + self._share * sum(workload.images for workload in self.pending)
        return rates.estimate_seconds(texts, images)

    @contextmanager
    def _write_lines(self, task: _TaskProgress) -> Iterator[Callable[[], None]]:
        """Write a line to stderr each minute, also while a batch takes longer, or tasks take less."""
        ended = threading.Event()

        def write_when_due() -> None:
            while not ended.wait(max(0.0, self._next_line - time.monotonic())):
                sys.stderr.write(f"{time.strftime('%H:%M:%S')} {task.describe()}\n")
                sys.stderr.flush()
                self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES

        thread = threading.Thread(target=write_when_due, daemon=True)
        thread.start()
        try:
            yield lambda: None
        finally:
            ended.set()
            thread.join()


class _TaskProgress(NamedTuple):
    """What is shown of a task."""

    title: str
    total: int
    missing: Workload
    clock: EmbedClock
    estimate_left: Callable[[Workload, EmbedClock], float | None]

    @property
    def done(self) -> int:
        """Number of items with a vector."""
        return self.total - sum(self.missing) + sum(self.clock.items)

    def describe_left(self) -> str:
        """The time that all tasks will take, in words."""
        seconds = self.estimate_left(self.missing, self.clock)
        return "time left not known yet" if seconds is None else f"all tasks: about {format_duration(seconds)} left"

    def describe(self) -> str:
        """One line for a log."""
        items, seconds = sum(self.clock.items), sum(self.clock.seconds)
        rate = f", {items / seconds:,.1f} items/s" if seconds else ""
        return f"{self.title}: {self.done:,} of {self.total:,} items{rate}; {self.describe_left()}"


def format_duration(seconds: float) -> str:
    """Seconds in words, rounded.

    >>> format_duration(42), format_duration(160), format_duration(9000)
    ('42 s', '3 min', '2.5 h')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


@contextmanager
def _show_bars(task: _TaskProgress) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal; the seconds beside it move even while a batch takes long."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[left]}"), console=Console(stderr=True)) as progress:
        bar = progress.add_task(task.title, total=task.total, completed=task.done, left="")
        yield lambda: progress.update(bar, completed=task.done, left=task.describe_left())
