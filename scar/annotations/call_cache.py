"""Cache the results of functions that read files, so that sources that share a file read it only once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class CallCache:
    """Calls each function once for the same arguments. Make a new cache when files have changed."""

    def __init__(self) -> None:
        self._results: dict[tuple[Hashable, ...], Any] = {}

    def __call__(self, function: Callable[..., T], *arguments: Hashable) -> T:
        """The result of the function for these arguments; later calls return the same object."""
        key = (function, *arguments)
        if key not in self._results:
            self._results[key] = function(*arguments)
        result: T = self._results[key]
        return result
