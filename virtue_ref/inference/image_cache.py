"""Images that were encoded, so that the next question about one costs no encoder pass; and images on their way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import ItemError
from virtue_ref.inference.batching import Collator, ImageBatch
from virtue_ref.model.virtue import ImageFeatures, Virtue

FileKey: TypeAlias = tuple[int, ...]


class ImageCache:
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
        self._features: OrderedDict[FileKey, ImageFeatures] = OrderedDict()
        self._workers = ThreadPoolExecutor(WORKERS)
        self._opening = self._prefetch(())

    def __len__(self) -> int:
        return len(self._features)

    def expect_images(self, images: Iterable[Path]) -> None:
        """Say which images will be asked for, in order; a few of them are opened ahead."""
        self._opening.stop()
        self._opening = self._prefetch(images)
        self._opening.start_loading()

    def get_features(self, image: Path) -> ImageFeatures:
        """The image as the encoders see it, now or before; a file that changed is another image.

        Raises:
            ItemError: the file is gone or cannot be decoded.
        """
        key = _make_key(image)
        if key not in self._features:
            pictures = self._opening.take((image, key))
            self._features[key] = self._model.encode_images(pictures.to(self._model.device, self._model.dtype))[0]
            if len(self._features) > self._size:
                self._features.popitem(last=False)
        self._features.move_to_end(key)
        return self._features[key]

    def clear(self) -> None:
        """Drop all images."""
        self._features.clear()

    def _prefetch(self, images: Iterable[Path]) -> Prefetcher[tuple[Path, FileKey], ImageBatch]:
        return Prefetcher(
            lambda expected: self._collator.open_images([expected[0]]),
            self._iter_unseen(images),
            self._workers,
            limit=WORKERS,  # all images of a batch would be hundreds of MiB
            weigh=lambda _: 1,
        )

    def _iter_unseen(self, images: Iterable[Path]) -> Iterator[tuple[Path, FileKey]]:
        """Each image that is not remembered, once; one that is gone is left to `get_features`."""
        passed: set[FileKey] = set()
        for image in images:
            try:
                key = _make_key(image)
            except ItemError:
                continue
            if key not in self._features and key not in passed:
                passed.add(key)
                yield image, key


def _make_key(image: Path) -> FileKey:
    try:
        stat = image.stat()
    except OSError as error:
        raise ItemError(f"{image}: no such image any more.") from error
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
