"""What tells vectors apart: who made them (`identity`), and of what (`Keys`)."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmeb_eval.embedder import Embedder, Item, Points, Prompt, layout_of, prompts_of, settings_of
from mmeb_eval.run.versions import versions
from scar.common.files import FileHash, HashCache, hash_file
from scar.common.prefetch import WORKERS
from scar.errors import DataError
from scar.sample import Box

SETTLED_NS = 2_000_000_000
"""A file this much older than its digest cannot have changed since without its time showing it."""

_COLUMNS = ("path", "size", "mtime_ns", "sha256")


def identity(embedder: Embedder) -> dict[str, Any]:
    """All that can change an embedder's vectors, as JSON values: name, settings, its own code and the libraries'."""
    return {
        "embedder": embedder.name,
        "layout": layout_of(embedder),
        "prompts": sorted(prompts_of(embedder)),
        "settings": settings_of(embedder),
        "code": _code(embedder),
        "versions": versions(),
    }


class Keys:
    """Digests of items by content: two paths of one picture are one, two boxes on one picture are two.

    Args:
        memory: a parquet file that remembers digests of images by path, size and time; none is needed.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._hashes = HashCache(("st_size", "st_mtime_ns"), _remembered(memory))

    def of(self, item: Item) -> bytes:
        """16 bytes that stand for the item's text, the bytes of its image and its prompt.

        Raises:
            DataError: the image cannot be read.
        """
        image = None if item.image is None else self._image(item.image)
        content = json.dumps([item.text, image, None if item.prompt is None else _prompt(item.prompt)])
        return hashlib.blake2b(content.encode(), digest_size=16).digest()

    def look(self, images: Iterable[Path]) -> None:
        """Digest images that were never seen, several at a time: hashing leaves other threads to run.

        Raises:
            DataError: one cannot be read.
        """
        fresh = [path for path in dict.fromkeys(images) if str(path) not in self._hashes.known]
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._image, fresh))

    def save(self) -> None:
        """Write the memory, if it has one and there is something new in it."""
        if self._memory is None or not self._hashes.computed:
            return
        import pyarrow as pa

        from scar.common.files import write_table

        now = time.time_ns()
        settled = [
            (path, *entry.state, entry.sha256)
            for path, entry in sorted(self._hashes.known.items())
            if now - entry.state[1] > SETTLED_NS
        ]
        columns = {name: [row[column] for row in settled] for column, name in enumerate(_COLUMNS)}
        write_table(pa.table(columns), self._memory)
        self._hashes.computed.clear()

    def _image(self, path: Path) -> str:
        """SHA-256 of the image file, computed again only when its size or time has changed."""
        name = str(path)
        if name in self._hashes.used:
            return self._hashes.known[name].sha256
        try:
            return self._hashes.hash_file(path)
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _remembered(memory: Path | None) -> dict[str, FileHash]:
    """What a memory holds; one that cannot be read is no loss, as digests are computed again."""
    if memory is None or not memory.is_file():
        return {}
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(memory, columns=list(_COLUMNS)).to_pylist()
    except (OSError, pa.ArrowException):
        return {}
    return {row["path"]: FileHash((row["size"], row["mtime_ns"]), row["sha256"]) for row in rows}


def _prompt(prompt: Prompt) -> list[Any]:
    """A prompt as JSON values; equal prompts give equal ones, whatever the type of their numbers."""
    if isinstance(prompt, Box):
        return ["box", *map(float, (prompt.x0, prompt.y0, prompt.x1, prompt.y1))]
    if isinstance(prompt, Points):
        box = None if prompt.box is None else _prompt(prompt.box)
        return ["points", [[float(x), float(y)] for x, y in prompt.xy], list(prompt.labels), box]
    return ["mask", list(prompt.size), prompt.counts]


def _code(embedder: Embedder) -> dict[str, str]:
    """Digests of the files that define the embedder and what it wraps: an edit makes another embedder of it."""
    digests = {}
    inner: object = embedder
    while inner is not None:
        with contextlib.suppress(TypeError, OSError):  # made in a notebook or in C: its name has to tell versions apart
            file = Path(inspect.getfile(type(inner)))
            digests[file.name] = hash_file(file)
        inner = getattr(inner, "inner", None)
    return digests
