"""Vectors on disk: each batch is a safetensors shard with a parquet index, kept apart by who made it and of what."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.embedder import Embedder, Item
from mmeb_eval.run.vector_keys import Keys, identity
from scar.common.files import write_bytes, write_table
from scar.errors import DataError, EvalError

FORMAT = 1
"""Version of what is written; a folder of another one is refused."""

SMALL_ROWS = 4096
"""A shard with fewer rows is merged with others."""

MANY = 64
"""So many small shards are merged."""


class VectorCache:
    """The vectors of one embedder; a second process may add shards at the same time.

    A shard is ``<name>.safetensors`` with ``vectors`` (n, D), and ``<name>.parquet`` with the ``key`` of each row. The
    index is written last: what a killed process leaves behind is whole shards, or a file that nobody reads.

    Args:
        root: folder of all embedders' vectors.
        embedder: whose vectors; another revision, setting or version of its code has a folder of its own.
        refresh: throw away what is stored of it.
        writer: name of this process, if several share the folder.

    Attributes:
        folder: below ``root``.
        shared: ``root``, where workers meet.
        width: numbers in a vector; None while there is none.
        made: vectors that were put since the folder was opened.

    Raises:
        DataError: what is stored was written by another version, or is damaged.
    """

    def __init__(self, root: Path, embedder: Embedder, *, refresh: bool = False, writer: str = "0") -> None:
        about = identity(embedder)
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        self.folder = root / digest[:16]
        self.shared = root
        self.width: int | None = None
        self.made = 0
        self._asked: set[bytes] = set()
        self._writer = writer
        self._written = 0
        self._keys = Keys(root / "images.parquet")
        self._keyed: dict[Item, bytes] = {}
        self._place: dict[bytes, tuple[str, int]] = {}
        self._sizes: dict[str, int] = {}
        if refresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._introduce({"format": FORMAT, **about})
        self.reload()

    @property
    def asked(self) -> int:
        """How many different items were asked for since the folder was opened."""
        return len(self._asked)

    def distinct(self, items: Iterable[Item]) -> list[Item]:
        """The first item of each content."""
        items = list(items)
        self._keys.look(item.image for item in items if item.image is not None)
        self._keyed = {item: self._keys.of(item) for item in items}
        first: dict[bytes, Item] = {}
        for item, key in self._keyed.items():
            first.setdefault(key, item)
        self._asked.update(first)
        return list(first.values())

    def missing(self, items: Iterable[Item]) -> list[Item]:
        """Those of distinct items that have no vector yet."""
        return [item for item in items if self._key(item) not in self._place]

    def put(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> None:
        """Store the vectors of a batch; when this returns, they outlive the process.

        Raises:
            EvalError: they cannot be written, such as on a full disk.
        """
        self._write([self._key(item) for item in items], vectors)
        self.made += len(items)

    def take(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) vectors of items that are stored.

        Raises:
            DataError: a shard is damaged.
        """
        wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, item in enumerate(items):
            shard, row = self._place[self._key(item)]
            wanted[shard].append((index, row))
        vectors = np.empty((len(items), self.width or 0), dtype=np.float32)
        for shard, pairs in wanted.items():
            indices, rows = zip(*pairs, strict=True)
            vectors[list(indices)] = self._read(shard)[list(rows)]
        return vectors

    def reload(self) -> None:
        """See the shards that other processes have finished."""
        import pyarrow as pa
        from pyarrow import parquet

        for index in sorted(self.folder.glob("*.parquet")):
            if index.stem in self._sizes:
                continue
            try:
                keys = parquet.read_table(index, columns=["key"])["key"].to_pylist()
            except (OSError, pa.ArrowException) as error:
                raise self._damaged(index, error) from error
            self._enter(index.stem, keys)
            if self.width is None:
                self.width = int(self._read(index.stem).shape[1])

    def tidy(self) -> None:
        """Remember the images' digests, and merge small shards if they are many; for a process that is alone."""
        self._keys.save()
        small = [shard for shard, rows in self._sizes.items() if rows < SMALL_ROWS]
        if len(small) <= MANY:
            return
        keys: dict[str, list[bytes]] = {shard: [b""] * self._sizes[shard] for shard in small}
        for key, (shard, row) in self._place.items():
            if shard in keys:
                keys[shard][row] = key
        group: list[str] = []
        for shard in small:
            group.append(shard)
            if sum(self._sizes[one] for one in group) >= SMALL_ROWS or shard == small[-1]:
                self._write([key for one in group for key in keys[one]], np.concatenate([*map(self._read, group)]))
                for one in group:
                    (self.folder / f"{one}.parquet").unlink()  # the index first: without it a shard is not read
                    (self.folder / f"{one}.safetensors").unlink()
                    del self._sizes[one]
                group = []

    def _write(self, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """One shard, then its index."""
        import pyarrow as pa
        from safetensors.numpy import save

        while (self.folder / f"{self._writer}-{self._written:07}.parquet").exists():
            self._written += 1
        name = f"{self._writer}-{self._written:07}"
        write_bytes(save({"vectors": np.ascontiguousarray(vectors)}), self.folder / f"{name}.safetensors")
        write_table(pa.table({"key": pa.array(keys, pa.binary(16))}), self.folder / f"{name}.parquet")
        self.width = vectors.shape[1]
        self._enter(name, keys)

    def _key(self, item: Item) -> bytes:
        """What stands for an item, computed again only if it is none of those that `distinct` saw last."""
        return self._keyed.get(item) or self._keys.of(item)

    def _enter(self, shard: str, keys: Sequence[bytes]) -> None:
        """Note where each key's vector is."""
        self._sizes[shard] = len(keys)
        self._place.update((key, (shard, row)) for row, key in enumerate(keys))

    def _read(self, shard: str) -> NDArray[np.float32]:
        """The vectors of a shard, as many as its index has keys."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.folder / f"{shard}.safetensors"
        try:
            vectors: NDArray[np.float32] = load_file(path)["vectors"]
        except (OSError, KeyError, SafetensorError) as error:
            raise self._damaged(path, error) from error
        if vectors.ndim != 2 or len(vectors) != self._sizes[shard] or self.width not in (None, vectors.shape[1]):
            raise self._damaged(path, f"it holds an array of shape {vectors.shape}")
        return vectors

    def _introduce(self, about: dict[str, Any]) -> None:
        """Say in ``about.json`` whose vectors these are, or find that it says so."""
        path = self.folder / "about.json"
        content = f"{json.dumps(about, indent=1, sort_keys=True)}\n"
        try:
            found = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            write_bytes(content.encode(), path)
            return
        except (OSError, ValueError) as error:
            raise self._damaged(path, error) from error
        if found != content:
            raise DataError(f"{path}: vectors of another version than {FORMAT}; rerun with --refresh to make new ones.")

    def _damaged(self, path: Path, error: object) -> EvalError:
        return DataError(f"{path}: damaged: {' '.join(str(error).split())}; rerun with --refresh to make new vectors.")
