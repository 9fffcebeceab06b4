"""Progress of long steps: functions take a `Track`, by which the caller chooses how progress is shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """A function that yields ``things`` and may show, under the label ``what``, how many of ``total`` are done."""

    def __call__(self, things: Iterable[T], what: str, total: int) -> Iterator[T]: ...


def track_silently(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield the things; show nothing."""
    yield from things


def show_progress(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield the things; show a progress bar on stderr if it is a terminal."""
    if not sys.stderr.isatty():
        yield from things
        return
    from rich.console import Console  # here, since it takes a tenth of a second
    from rich.progress import track

    yield from track(things, what, total, console=Console(stderr=True))
