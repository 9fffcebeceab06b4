"""How long steps tell how far they are: whoever starts one may pass a `Track`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Passes things on and shows how many of them went by."""

    def __call__(self, things: Iterable[T], what: str, total: int) -> Iterator[T]: ...


def track_silently(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Show nothing."""
    yield from things


def show_progress(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """A progress bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(things, what, total, console=console, disable=not console.is_terminal)
