"""Sources that share a file look at it once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class CallCache:
    """Calls functions, each with the same arguments once; lives as long as the files do not change."""

    def __init__(self) -> None:
        self._results: dict[tuple[Hashable, ...], Any] = {}

    def __call__(self, function: Callable[..., T], *arguments: Hashable) -> T:
        """What the function returns for the arguments, or has returned before."""
        key = (function, *arguments)
        if key not in self._results:
            self._results[key] = function(*arguments)
        found: T = self._results[key]
        return found
