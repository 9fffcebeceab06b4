"""Cache the features of recent images, so that another item about one needs no encoder pass; open image files ahead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import ItemError
from virtue_ref.inference.batching import Collator
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.batch import ImageBatch
from virtue_ref.model.virtue import Virtue

FileKey: TypeAlias = tuple[int, ...]


class ImageCache:
    """Keeps the features of the images used last, on the model's device; threads open image files ahead.

    Its length is the number of images whose features are kept.

    Args:
        model: the model that encodes images.
        collator: opens image files.
        size: most images whose features are kept; 0 keeps none.
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
        """Announce the images that `get_features` will be asked for, in this order; threads open a few of them ahead.

        A new call replaces what an earlier one announced. Images that are missing or cached are passed over.
        """
        self._opening.stop()
        self._opening = self._prefetch(images)
        self._opening.start_loading()

    def get_features(self, image: Path) -> ImageFeatures:
        """Return the features of an image, from the cache or computed now; a file that has changed is encoded again.

        Raises:
            ItemError: the file is missing or cannot be decoded; the message names the file and no index.
        """
        key = _make_key(image)
        features = self._features.get(key)
        if features is None:
            images = self._opening.take((image, key))
            features = self._model.encode_images(images.to(self._model.device, self._model.dtype))[0]
        self._features[key] = features
        self._features.move_to_end(key)
        if len(self._features) > self._size:
            self._features.popitem(last=False)
        return features

    def clear(self) -> None:
        """Drop the features of all images."""
        self._features.clear()

    def _prefetch(self, images: Iterable[Path]) -> Prefetcher[tuple[Path, FileKey], ImageBatch]:
        return Prefetcher(
            lambda expected: self._collator.open_images([expected[0]]),
            self._iter_new(images),
            self._workers,
            limit=WORKERS,  # all images of a batch would be hundreds of MiB
            weigh=lambda _: 1,
        )

    def _iter_new(self, images: Iterable[Path]) -> Iterator[tuple[Path, FileKey]]:
        """Yield each image that is not in the cache, once; missing files are left out: `get_features` reports them."""
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
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns  # tools restore the mtime
