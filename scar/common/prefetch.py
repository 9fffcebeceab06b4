"""Load values in threads before the caller takes them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

WORKERS = min(4, os.cpu_count() or 1)
"""Number of threads that load at the same time."""


class Prefetcher(Generic[K, V]):
    """Loads values in threads, in the order in which the caller will take them.

    Args:
        load: makes the value of a key; runs in threads.
        keys: the keys in the order in which their values will be taken, each once.
        pool: runs the threads; at most `WORKERS` of them are used at a time.
        limit: loading pauses while the loaded values that were not yet taken weigh this much or more.
        weigh: returns the weight of a value, such as its size in bytes.
    """

    def __init__(
        self,
        load: Callable[[K], V],
        keys: Iterable[K],
        pool: ThreadPoolExecutor,
        *,
        limit: int,
        weigh: Callable[[V], int],
    ) -> None:
        self._load = load
        self._keys = iter(keys)
        self._pool = pool
        self._limit = limit
        self._weigh = weigh
        self._lock = threading.RLock()
        self._loading: dict[K, Future[V]] = {}
        self._waiting: dict[K, int] = {}  # weights of the values that are loaded and not yet taken
        self._busy = 0

    def start_loading(self) -> None:
        """Start to load now; without this call, loading starts when the first value is taken."""
        with self._lock:
            self._load_more()

    def take(self, key: K) -> V:
        """Return the value of a key, and wait for it if it is still loading. Raises what ``load`` raised for it.

        A key that no thread has begun to load is loaded in the caller's thread.
        """
        with self._lock:
            if not self._loading:
                self._load_more()
            loading = self._loading.pop(key, None)
            self._waiting.pop(key, None)
            self._load_more()
        return self._load(key) if loading is None else loading.result()

    def stop(self) -> None:
        """Start no more loads, and cancel those that have not begun; those that have begun go on.

        It returns at once. Take no value afterwards: that of a cancelled load raises `CancelledError`.
        """
        with self._lock:
            self._keys = iter(())
            for loading in self._loading.values():
                loading.cancel()

    def _load_more(self) -> None:
        while self._busy < WORKERS and sum(self._waiting.values()) < self._limit:
            try:
                key = next(self._keys)
            except StopIteration:
                return
            self._busy += 1
            self._loading[key] = self._pool.submit(self._load, key)
            self._loading[key].add_done_callback(partial(self._note_loaded, key))

    def _note_loaded(self, key: K, value: Future[V]) -> None:
        with self._lock:
            self._busy -= 1
            if key in self._loading and not value.cancelled() and value.exception() is None:
                self._waiting[key] = self._weigh(value.result())
            self._load_more()
