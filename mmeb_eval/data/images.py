"""Opening an item's image, for adapters; threads open the next ones while a model is busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from scar.common.images import BROKEN, open_image
from scar.common.prefetch import WORKERS, Prefetcher
from scar.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_WAITING_BYTES = 128 * 2**20
"""No further image is opened while so much waits to be asked for."""


def open_rgb(path: Path) -> Image:
    """The image, decoded to its last row, as RGB; inside of `prefetch_images` it may have been opened before.

    Raises:
        DataError: it is missing, truncated, damaged, no image, or larger than `scar.common.images.MAX_PIXELS`.
    """
    ahead = _PREFETCHER.get()
    return decode_rgb(path) if ahead is None else ahead.open_image(path)


@contextmanager
def prefetch_images(paths: Iterable[Path]) -> Iterator[None]:
    """Let `open_rgb` be asked for these images, in this order, one as often as it is shown.

    Nothing is opened before it is asked for one of them: what opens images in its own way pays nothing.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        ahead = _ImagePrefetcher(paths, pool)
        token = _PREFETCHER.set(ahead)
        try:
            yield
        finally:
            _PREFETCHER.reset(token)
            ahead.stop()


def decode_rgb(path: Path) -> Image:
    """As `open_rgb`, at once and in this thread."""
    with _open_header(path) as image:
        return image.convert("RGB")


def read_image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image in pixels, without decoding it.

    Raises:
        DataError: as of `open_rgb`, as far as its header tells.
    """
    with _open_header(path) as image:
        return image.size


@contextmanager
def _open_header(path: Path) -> Iterator[Image]:
    """An image that is not yet decoded; what goes wrong while it is open is said as `open_rgb` does."""
    from PIL import Image

    try:
        with open_image(path) as image:
            yield image
    except BROKEN as error:
        raise DataError(f"{path}: not an image that can be decoded: {' '.join(str(error).split())}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: {error}.") from error


class _ImagePrefetcher:
    """Images on their way; one that several items show, one after the other, is decoded once."""

    def __init__(self, paths: Iterable[Path], pool: ThreadPoolExecutor) -> None:
        self._use_counts = Counter(paths)
        self._futures = Prefetcher(
            decode_rgb, tuple(self._use_counts), pool, limit=MAX_WAITING_BYTES, weigh=_count_bytes
        )
        self._last: tuple[Path, Image] | None = None

    def open_image(self, path: Path) -> Image:
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


_PREFETCHER: ContextVar[_ImagePrefetcher | None] = ContextVar("ahead", default=None)
"""What was set by `prefetch_images`; threads of an adapter's own see none, and open for themselves."""
