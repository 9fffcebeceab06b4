"""Images that were encoded, so that the next question about one costs no encoder pass; and images on their way."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from scar.errors import ItemError
from virtue_ref.inference.batching import Collator, Pictures
from virtue_ref.model.virtue import Seen, Virtue

WORKERS = min(4, os.cpu_count() or 1)
AHEAD = 2 * WORKERS
"""Images that are opened before they are asked for. All of a batch's would be hundreds of MiB."""

Key: TypeAlias = tuple[int, ...]


class Memory:
    """Remembers the newest encoded images. Files are opened and resized by threads while the model is busy.

    Args:
        model: that looks at images.
        collator: that opens them for it.
        size: how many to remember.
    """

    def __init__(self, model: Virtue, collator: Collator, size: int) -> None:
        self._model = model
        self._collator = collator
        self._size = size
        self._seen: OrderedDict[Key, Seen] = OrderedDict()
        self._coming: dict[Key, Future[Pictures]] = {}
        self._route: Iterator[Path] = iter(())
        self._workers = ThreadPoolExecutor(WORKERS)

    def __len__(self) -> int:
        return len(self._seen)

    def expect(self, images: Iterable[Path]) -> None:
        """Say which images will be asked for, in order; a few of them are opened ahead."""
        self._coming.clear()
        self._route = iter(images)
        self._open_ahead()

    def see(self, image: Path) -> Seen:
        """The image as the encoders see it, now or before; a file that changed is another image.

        Raises:
            ItemError: the file is gone or cannot be decoded.
        """
        key = _key(image)
        if key not in self._seen:
            coming = self._coming.pop(key, None)
            self._open_ahead()
            pictures = self._collator.pictures([image]) if coming is None else coming.result()
            self._seen[key] = self._model.look(pictures.to(self._model.device, self._model.dtype))[0]
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key)
        return self._seen[key]

    def forget(self) -> None:
        """Drop all images."""
        self._seen.clear()

    def _open_ahead(self) -> None:
        while len(self._coming) < AHEAD and (image := next(self._route, None)) is not None:
            key = _key(image)
            if key not in self._seen and key not in self._coming:
                self._coming[key] = self._workers.submit(self._collator.pictures, [image])


def _key(image: Path) -> Key:
    try:
        stat = image.stat()
    except OSError as error:
        raise ItemError(f"{image}: no such image any more.") from error
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
