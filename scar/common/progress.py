"""Progress of long steps: a caller may pass a `Track` that shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Yields things and shows how many of them are done, under the label ``what``; ``total`` is their number."""

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
