"""Opening an item's image, for adapters; threads open the next ones while a model is busy."""

from __future__ import annotations

import os
import struct
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scar.common.images import FORMATS, MAX_PIXELS
from scar.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

WORKERS = min(4, os.cpu_count() or 1)
"""Threads that open images ahead."""

AHEAD_BYTES = 128 * 2**20
"""No further image is opened while so much waits to be asked for."""


def open_rgb(path: Path) -> Image:
    """The image, decoded to its last row, as RGB; inside of `opened_ahead` it may have been opened before.

    Raises:
        DataError: it is missing, truncated, damaged, no image, or larger than `scar.common.images.MAX_PIXELS`.
    """
    ahead = _AHEAD.get()
    return decode(path) if ahead is None else ahead.open(path)


@contextmanager
def opened_ahead(paths: Iterable[Path]) -> Iterator[None]:
    """Let `open_rgb` be asked for these images, in this order, one as often as it is shown.

    Nothing is opened before it is asked for one of them: what opens images in its own way pays nothing.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        ahead = _Ahead(paths, pool)
        token = _AHEAD.set(ahead)
        try:
            yield
        finally:
            _AHEAD.reset(token)
            ahead.stop()


def decode(path: Path) -> Image:
    """As `open_rgb`, at once and in this thread."""
    with _header(path) as image:
        return image.convert("RGB")


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of an image in pixels, without decoding it.

    Raises:
        DataError: as of `open_rgb`, as far as its header tells.
    """
    with _header(path) as image:
        return image.size


@contextmanager
def _header(path: Path) -> Iterator[Image]:
    """An image that is not yet decoded; what goes wrong while it is open is said as `open_rgb` does."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked below, and odd metadata harms nobody
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are decoded.")
                yield image
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error) as error:
        raise DataError(f"{path}: not an image that can be decoded: {' '.join(str(error).split())}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: more than the {MAX_PIXELS:,} pixels that are decoded.") from error


class _Ahead:
    """Images on their way."""

    def __init__(self, paths: Iterable[Path], pool: ThreadPoolExecutor) -> None:
        self._times = Counter(paths)
        self._route = iter(tuple(self._times))
        self._pool = pool
        self._lock = threading.RLock()
        self._coming: dict[Path, Future[Image]] = {}
        self._waiting: dict[Path, int] = {}  # bytes of those that have come
        self._busy = 0
        self._last: tuple[Path, Image] | None = None

    def open(self, path: Path) -> Image:
        """The image; one that several items show, one after the other, is decoded once."""
        if self._last is not None and self._last[0] == path:
            return self._last[1].copy()
        with self._lock:
            coming = self._coming.pop(path, None)
            self._waiting.pop(path, None)
            self._go_on()
        image = decode(path) if coming is None else coming.result()
        if self._times[path] < 2:
            return image
        self._last = path, image
        return image.copy()

    def stop(self) -> None:
        """Open no more."""
        with self._lock:
            self._route = iter(())
            for coming in self._coming.values():
                coming.cancel()

    def _go_on(self) -> None:
        """Set threads to work that have none."""
        while self._busy < WORKERS and sum(self._waiting.values()) < AHEAD_BYTES:
            path = next(self._route, None)
            if path is None:
                return
            self._busy += 1
            self._coming[path] = self._pool.submit(decode, path)
            self._coming[path].add_done_callback(partial(self._came, path))

    def _came(self, path: Path, image: Future[Image]) -> None:
        with self._lock:
            self._busy -= 1
            if path in self._coming and not image.cancelled() and image.exception() is None:
                self._waiting[path] = 3 * image.result().width * image.result().height
            self._go_on()


_AHEAD: ContextVar[_Ahead | None] = ContextVar("ahead", default=None)
"""What was set by `opened_ahead`; threads of an adapter's own see none, and open for themselves."""
