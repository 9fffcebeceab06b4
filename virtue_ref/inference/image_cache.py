"""Cache the features of recent images, so that another item about one needs no encoder pass; open image files ahead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scar.common.files import HashCache
from scar.common.image_bytes import ImageFile
from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import ItemError
from virtue_ref.inference.batching import Collator
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.batch import ImageBatch, join_images
from virtue_ref.model.virtue import Virtue

_HASHES = HashCache(("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"))  # tools restore the mtime

PASS_FLOATS = 2**22
"""Most floats of the images that a CPU encodes in one pass: eight for the demo model, one for a large one.

Larger passes overflow its caches. An image has the same features, bit by bit, in a pass of any size; on other devices
it might not, so they encode images one by one.
"""


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

    def get_features(self, images: Sequence[ImageFile]) -> list[ImageFeatures]:
        """Return the features of images, from the cache or computed now; a file that has changed is encoded again.

        Raises:
            ItemError: a file is missing or cannot be decoded; the message names the file, and its index in `images`.
        """
        keys: list[str] = []
        for index, image in enumerate(images):
            with _number(index):
                keys.append(make_content_key(image))
        found = {key: self._features[key] for key in keys if key in self._features}
        new = {key: index for index, key in enumerate(keys) if key not in found}
        found |= self._encode(images, new)
        for key in keys:
            self._features[key] = found[key]
            self._features.move_to_end(key)
            if len(self._features) > self._size:
                self._features.popitem(last=False)
        return [found[key] for key in keys]

    def _encode(self, images: Sequence[ImageFile], new: Mapping[str, int]) -> dict[str, ImageFeatures]:
        """Encode the images with these keys and indices, several in a pass."""
        limit = PASS_FLOATS if self._model.device.type == "cpu" else 0
        found: dict[str, ImageFeatures] = {}
        group: dict[str, ImageBatch] = {}
        for key, index in new.items():
            with _number(index):
                opened = self._opening.take((images[index], key))
            if group and sum(map(_count_floats, (*group.values(), opened))) > limit:
                found |= self._encode_group(group)
                group = {}
            group[key] = opened
        return found | self._encode_group(group) if group else found

    def _encode_group(self, group: Mapping[str, ImageBatch]) -> dict[str, ImageFeatures]:
        joined = join_images(list(group.values())).to(self._model.device, self._model.dtype)
        return dict(zip(group, self._model.encode_images(joined), strict=True))

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


@contextmanager
def _number(index: int) -> Iterator[None]:
    """Give errors the index of an image."""
    try:
        yield
    except ItemError as error:
        raise ItemError(error.reason, index) from error


def _count_floats(images: ImageBatch) -> int:
    return images.patches.numel() + (0 if images.squares is None else images.squares.numel())


def make_content_key(image: ImageFile) -> str:
    """SHA-256 of the content; a file is hashed again only if its size, times or inode have changed."""
    if not isinstance(image, Path):
        return image.sha256
    try:
        return _HASHES.hash_file(image)
    except OSError as error:
        raise ItemError(f"{image}: no such image any more.") from error
