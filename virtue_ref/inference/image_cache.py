"""Images that were encoded, so that the next question about one costs no encoder pass; and images on their way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import ItemError
from virtue_ref.inference.batching import Collator, Pictures
from virtue_ref.model.virtue import Seen, Virtue

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
        self._workers = ThreadPoolExecutor(WORKERS)
        self._coming = self._prefetch(())

    def __len__(self) -> int:
        return len(self._seen)

    def expect(self, images: Iterable[Path]) -> None:
        """Say which images will be asked for, in order; a few of them are opened ahead."""
        self._coming.stop()
        self._coming = self._prefetch(images)
        self._coming.start_loading()

    def see(self, image: Path) -> Seen:
        """The image as the encoders see it, now or before; a file that changed is another image.

        Raises:
            ItemError: the file is gone or cannot be decoded.
        """
        key = _key(image)
        if key not in self._seen:
            pictures = self._coming.take((image, key))
            self._seen[key] = self._model.look(pictures.to(self._model.device, self._model.dtype))[0]
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key)
        return self._seen[key]

    def forget(self) -> None:
        """Drop all images."""
        self._seen.clear()

    def _prefetch(self, images: Iterable[Path]) -> Prefetcher[tuple[Path, Key], Pictures]:
        return Prefetcher(
            lambda expected: self._collator.pictures([expected[0]]),
            self._iter_unseen(images),
            self._workers,
            limit=WORKERS,  # all images of a batch would be hundreds of MiB
            weigh=lambda _: 1,
        )

    def _iter_unseen(self, images: Iterable[Path]) -> Iterator[tuple[Path, Key]]:
        """Each image that is not remembered, once; one that is gone is left to `see`."""
        passed: set[Key] = set()
        for image in images:
            try:
                key = _key(image)
            except ItemError:
                continue
            if key not in self._seen and key not in passed:
                passed.add(key)
                yield image, key


def _key(image: Path) -> Key:
    try:
        stat = image.stat()
    except OSError as error:
        raise ItemError(f"{image}: no such image any more.") from error
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
