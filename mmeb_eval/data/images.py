"""Opens the images of items for adapters; threads open the next images while a model is busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from scar.common import pixels
from scar.common.image_bytes import ImageFile
from scar.common.image_header import ImageHeader, read_header
from scar.common.images import BROKEN
from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_WAITING_BYTES = 128 * 2**20
"""Threads pause while the opened images that wait to be used have this many bytes or more."""


def open_rgb(path: ImageFile) -> Image:
    """Open an image as it is displayed, in RGB of 8 bits; inside `prefetch_images`, a thread may have done so already.

    EXIF turns it upright. Pixels of more than 8 bits and transparency follow the rule of `scar.common.pixels`.

    Raises:
        DataError: the file is missing, truncated, damaged, no image, too large, or
            its pixels have no known brightness.
    """
    prefetcher = _PREFETCHER.get()
    return decode_rgb(path) if prefetcher is None else prefetcher.open_image(path)


@contextmanager
def prefetch_images(paths: Iterable[ImageFile]) -> Iterator[None]:
    """Inside the ``with`` block, threads open the next images before `open_rgb` is called for them.

    Threads start at the first call of `open_rgb`: an adapter that opens images in its own way pays nothing.

    Args:
        paths: the images in the order in which `open_rgb` will be called; an image that is used twice stands twice.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        prefetcher = _ImagePrefetcher(paths, pool)
        token = _PREFETCHER.set(prefetcher)
        try:
            yield
        finally:
            _PREFETCHER.reset(token)
            prefetcher.stop()


def decode_rgb(path: ImageFile) -> Image:
    """Like `open_rgb`, but the calling thread always decodes the image, also inside `prefetch_images`."""
    with _name_image(path):
        return pixels.decode_rgb(path)


def read_image_header(path: ImageFile) -> ImageHeader:
    """Size and EXIF orientation of an image, without decoding it; `ImageHeader.size` is the displayed size.

    Raises:
        DataError: the file is missing, no image, or too large; damage behind its header is not noticed.
    """
    with _name_image(path):
        return read_header(path)


@contextmanager
def _name_image(path: ImageFile) -> Iterator[None]:
    """Errors of an image that cannot be opened or displayed, raised inside, become a `DataError` that names it."""
    from PIL import Image

    try:
        yield
    except pixels.UnclearPixels as error:
        raise DataError(f"{path}: {error}.") from error
    except BROKEN as error:
        raise DataError(f"{path}: not an image that can be decoded: {' '.join(str(error).split())}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: {error}.") from error


class _ImagePrefetcher:
    """Opens images ahead of their use; an image that is used several times in a row is decoded once."""

    def __init__(self, paths: Iterable[ImageFile], pool: ThreadPoolExecutor) -> None:
        self._use_counts = Counter(paths)
        self._futures = Prefetcher(
            decode_rgb, tuple(self._use_counts), pool, limit=MAX_WAITING_BYTES, weigh=_count_bytes
        )
        self._last: tuple[ImageFile, Image] | None = None

    def open_image(self, path: ImageFile) -> Image:
        if self._last is not None and self._last[0] == path:
            return self._last[1].copy()
        image = self._futures.take(path)
        if self._use_counts[path] < 2:
            return image
        self._last = path, image
        return image.copy()

    def stop(self) -> None:
        self._futures.stop()


def _count_bytes(image: Image) -> int:
    return 3 * image.width * image.height


_PREFETCHER: ContextVar[_ImagePrefetcher | None] = ContextVar("prefetcher", default=None)
"""The prefetcher that `open_rgb` uses; set by `prefetch_images`. In threads that an adapter starts it is None."""
