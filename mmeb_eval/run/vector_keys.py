"""The keys of items in a store of vectors: digests of their content."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmeb_eval.item import XY, Item, Lasso, Phrase, Points, Polygon, Prompt, Scribble
from scar.common.files import FileHash, HashCache
from scar.common.image_bytes import ImageBytes, ImageFile
from scar.common.prefetch import WORKERS
from scar.errors import DataError
from scar.sample import Box, Mask

SETTLED_NS = 2_000_000_000
"""Digests of files changed less than this ago are not saved: another change might keep the file's times."""

_STATE_FIELDS = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
"""What shows a change of an image: copying tools restore the mtime, and nothing restores the ctime."""

_COLUMNS = ("path", "size", "mtime_ns", "ctime_ns", "inode", "sha256")


class ItemKeys:
    """Makes the keys of items: digests of their content. Two copies of an image give one key, two boxes on it give two.

    Args:
        path: a parquet file in which digests of image files are kept from run to run; one is used again if the file's
            size, times and inode are the same. None keeps none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._hashes = HashCache(_STATE_FIELDS, _read_digests(path))

    def make_key(self, item: Item) -> bytes:
        """16-byte digest of an item: of its text, its prompt, the bytes of its image, its instruction and its side.

        An item without instruction and side has the digest that it had before items knew them.

        Raises:
            DataError: the image cannot be read.
        """
        image = None if item.image is None else self._hash_image(item.image)
        parts = [item.text, image, None if item.prompt is None else _prompt_to_json(item.prompt)]
        if item.instruction or item.side:
            parts += [item.instruction, item.side]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()

    def hash_images(self, images: Iterable[ImageFile]) -> None:
        """Hash the image files that have no digest yet, in several threads, so that `make_key` finds the digests.

        Raises:
            DataError: an image cannot be read.
        """
        new = [path for path in dict.fromkeys(images) if isinstance(path, Path) and str(path) not in self._hashes.known]
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._hash_image, new))

    def save_digests(self) -> None:
        """Write the digests of image files to the parquet file, if there is one and some digests are new.

        Raises:
            EvalError: the file cannot be written.
        """
        if self._path is None or not self._hashes.computed:
            return
        import pyarrow as pa

        from scar.common.files import write_table

        now = time.time_ns()
        settled = [
            (path, *entry.state, entry.sha256)
            for path, entry in sorted(self._hashes.known.items())
            if now - max(entry.state[1:3]) > SETTLED_NS
        ]
        columns = {name: [row[column] for row in settled] for column, name in enumerate(_COLUMNS)}
        write_table(pa.table(columns), self._path)
        self._hashes.computed.clear()

    def _hash_image(self, path: ImageFile) -> str:
        """SHA-256 of an image file, computed again only if its size, times or inode have changed."""
        if isinstance(path, ImageBytes):
            return path.sha256
        name = str(path)
        if name in self._hashes.used:
            return self._hashes.known[name].sha256
        try:
            return self._hashes.hash_file(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _read_digests(path: Path | None) -> dict[str, FileHash]:
    """Read the stored digests by path; empty if the file is missing or damaged, as digests can be computed again."""
    if path is None or not path.is_file():
        return {}
    from scar.common.arrow import UNREADABLE, read_table

    try:
        rows = read_table(path, _COLUMNS).to_pylist()
    except UNREADABLE:
        return {}
    if rows and rows[0].keys() != set(_COLUMNS):
        return {}  # of an earlier version
    return {row["path"]: FileHash(tuple(row[name] for name in _COLUMNS[1:-1]), row["sha256"]) for row in rows}


def _prompt_to_json(prompt: Prompt) -> list[Any]:
    """A prompt as JSON values; equal prompts give equal values, whether their numbers are int or float."""
    match prompt:
        case Box(x0=x0, y0=y0, x1=x1, y1=y1):
            return ["box", *map(float, (x0, y0, x1, y1))]
        case Points(xy, labels, box):
            return ["points", _list_pairs(xy), list(labels), None if box is None else _prompt_to_json(box)]
        case Mask(size=size, counts=counts):
            return ["mask", list(size), counts]
        case Polygon(xy) | Lasso(xy):
            return [type(prompt).__name__.lower(), _list_pairs(xy)]
        case Scribble(strokes, beside):
            return ["scribble", *([_list_pairs(stroke) for stroke in each] for each in (strokes, beside))]
        case Phrase(words):
            return ["phrase", words]


def _list_pairs(xy: XY) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in xy]
