"""Cache the features of recent images, so that another item about one needs no encoder pass; open image files ahead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scar.common.files import HashCache
from scar.common.image_bytes import ImageFile
from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import ItemError
from virtue_ref.inference.batching import Collator
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.batch import ImageBatch
from virtue_ref.model.virtue import Virtue

_HASHES = HashCache(("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"))  # tools restore the mtime


class ImageCache:
    """Keeps the features of the images used last, by content, on the model's device; threads open image files ahead.

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
        self._features: OrderedDict[str, ImageFeatures] = OrderedDict()
        self._workers = ThreadPoolExecutor(WORKERS)
        self._opening = self._prefetch(())

    def __len__(self) -> int:
        return len(self._features)

    def expect_images(self, images: Iterable[ImageFile]) -> None:
        """Announce the images that `get_features` will be asked for, in this order; threads open a few of them ahead.

        A new call replaces what an earlier one announced. Images that are missing or cached are passed over.
        """
        self._opening.stop()
        self._opening = self._prefetch(images)
        self._opening.start_loading()

    def get_features(self, image: ImageFile) -> ImageFeatures:
        """Return the features of an image, from the cache or computed now; a file that has changed is encoded again.

        Raises:
            ItemError: the file is missing or cannot be decoded; the message names the file and no index.
        """
        key = make_content_key(image)
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

    def _prefetch(self, images: Iterable[ImageFile]) -> Prefetcher[tuple[ImageFile, str], ImageBatch]:
        return Prefetcher(
            lambda expected: self._collator.open_images([expected[0]]),
            self._iter_new(images),
            self._workers,
            limit=WORKERS,  # all images of a batch would be hundreds of MiB
            weigh=lambda _: 1,
        )

    def _iter_new(self, images: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, str]]:
        """Yield each image that is not in the cache, once; missing files are left out: `get_features` reports them."""
        passed: set[str] = set()
        for image in images:
            try:
                key = make_content_key(image)
            except ItemError:
                continue
            if key not in self._features and key not in passed:
                passed.add(key)
                yield image, key


def make_content_key(image: ImageFile) -> str:
    """SHA-256 of the content; a file is hashed again only if its size, times or inode have changed."""
    if not isinstance(image, Path):
        return image.sha256
    try:
        return _HASHES.hash_file(image)
    except OSError as error:
        raise ItemError(f"{image}: no such image any more.") from error
