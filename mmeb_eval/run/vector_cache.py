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

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from mmeb_eval.run.vector_keys import ItemKeys, describe_identity
from scar.common.files import write_bytes, write_table
from scar.errors import DataError, EvalError

CACHE_FORMAT = 1
"""Version of what is written; a folder of another one is refused."""

SMALL_SHARD_ROWS = 4096
"""A shard with fewer rows is merged with others."""

MAX_SMALL_SHARDS = 64
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
        worker_folder: ``root``, where workers meet.
        width: numbers in a vector; None while there is none.
        added_count: vectors that were put since the folder was opened.

    Raises:
        DataError: what is stored was written by another version, or is damaged.
    """

    def __init__(self, root: Path, embedder: Embedder, *, refresh: bool = False, writer: str = "0") -> None:
        about = describe_identity(embedder)
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        self.folder = root / digest[:16]
        self.worker_folder = root
        self.width: int | None = None
        self.added_count = 0
        self._requested_keys: set[bytes] = set()
        self._writer = writer
        self._shard_number = 0
        self._item_keys = ItemKeys(root / "images.parquet")
        self._keys_by_item: dict[Item, bytes] = {}
        self._locations: dict[bytes, tuple[str, int]] = {}
        self._shard_rows: dict[str, int] = {}
        if refresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._check_identity({"format": CACHE_FORMAT, **about})
        self.reload()

    @property
    def requested_count(self) -> int:
        """How many different items were asked for since the folder was opened."""
        return len(self._requested_keys)

    def select_distinct(self, items: Iterable[Item]) -> list[Item]:
        """The first item of each content."""
        items = list(items)
        self._item_keys.hash_images(item.image for item in items if item.image is not None)
        self._keys_by_item = {item: self._item_keys.make_key(item) for item in items}
        first: dict[bytes, Item] = {}
        for item, key in self._keys_by_item.items():
            first.setdefault(key, item)
        self._requested_keys.update(first)
        return list(first.values())

    def select_missing(self, items: Iterable[Item]) -> list[Item]:
        """Those of distinct items that have no vector yet."""
        return [item for item in items if self._find_key(item) not in self._locations]

    def add_vectors(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> None:
        """Store the vectors of a batch; when this returns, they outlive the process.

        Raises:
            EvalError: they cannot be written, such as on a full disk.
        """
        self._write_shard([self._find_key(item) for item in items], vectors)
        self.added_count += len(items)

    def get_vectors(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """(len(items), D) vectors of items that are stored.

        Raises:
            DataError: a shard is damaged.
        """
        wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, item in enumerate(items):
            shard, row = self._locations[self._find_key(item)]
            wanted[shard].append((index, row))
        vectors = np.empty((len(items), self.width or 0), dtype=np.float32)
        for shard, pairs in wanted.items():
            indices, rows = zip(*pairs, strict=True)
            vectors[list(indices)] = self._read_shard(shard)[list(rows)]
        return vectors

    def reload(self) -> None:
        """See the shards that other processes have finished."""
        import pyarrow as pa
        from pyarrow import parquet

        for index in sorted(self.folder.glob("*.parquet")):
            if index.stem in self._shard_rows:
                continue
            try:
                keys = parquet.read_table(index, columns=["key"])["key"].to_pylist()
            except (OSError, pa.ArrowException) as error:
                raise self._damaged_error(index, error) from error
            self._index_shard(index.stem, keys)
            if self.width is None:
                self.width = int(self._read_shard(index.stem).shape[1])

    def compact_shards(self) -> None:
        """Remember the images' digests, and merge small shards if they are many; for a process that is alone."""
        self._item_keys.save_digests()
        small = [shard for shard, rows in self._shard_rows.items() if rows < SMALL_SHARD_ROWS]
        if len(small) <= MAX_SMALL_SHARDS:
            return
        keys: dict[str, list[bytes]] = {shard: [b""] * self._shard_rows[shard] for shard in small}
        for key, (shard, row) in self._locations.items():
            if shard in keys:
                keys[shard][row] = key
        group: list[str] = []
        for shard in small:
            group.append(shard)
            if sum(self._shard_rows[one] for one in group) >= SMALL_SHARD_ROWS or shard == small[-1]:
                self._write_shard(
                    [key for one in group for key in keys[one]], np.concatenate([*map(self._read_shard, group)])
                )
                for one in group:
                    (self.folder / f"{one}.parquet").unlink()  # the index first: without it a shard is not read
                    (self.folder / f"{one}.safetensors").unlink()
                    del self._shard_rows[one]
                group = []

    def _write_shard(self, keys: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """One shard, then its index."""
        import pyarrow as pa
        from safetensors.numpy import save

        while (self.folder / f"{self._writer}-{self._shard_number:07}.parquet").exists():
            self._shard_number += 1
        name = f"{self._writer}-{self._shard_number:07}"
        write_bytes(save({"vectors": np.ascontiguousarray(vectors)}), self.folder / f"{name}.safetensors")
        write_table(pa.table({"key": pa.array(keys, pa.binary(16))}), self.folder / f"{name}.parquet")
        self.width = vectors.shape[1]
        self._index_shard(name, keys)

    def _find_key(self, item: Item) -> bytes:
        """What stands for an item, computed again only if it is none of those that `select_distinct` saw last."""
        return self._keys_by_item.get(item) or self._item_keys.make_key(item)

    def _index_shard(self, shard: str, keys: Sequence[bytes]) -> None:
        """Note where each key's vector is."""
        self._shard_rows[shard] = len(keys)
        self._locations.update((key, (shard, row)) for row, key in enumerate(keys))

    def _read_shard(self, shard: str) -> NDArray[np.float32]:
        """The vectors of a shard, as many as its index has keys."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.folder / f"{shard}.safetensors"
        try:
            vectors: NDArray[np.float32] = load_file(path)["vectors"]
        except (OSError, KeyError, SafetensorError) as error:
            raise self._damaged_error(path, error) from error
        if vectors.ndim != 2 or len(vectors) != self._shard_rows[shard] or self.width not in (None, vectors.shape[1]):
            raise self._damaged_error(path, f"it holds an array of shape {vectors.shape}")
        return vectors

    def _check_identity(self, about: dict[str, Any]) -> None:
        """Say in ``about.json`` whose vectors these are, or find that it says so."""
        path = self.folder / "about.json"
        content = f"{json.dumps(about, indent=1, sort_keys=True)}\n"
        try:
            found = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            write_bytes(content.encode(), path)
            return
        except (OSError, ValueError) as error:
            raise self._damaged_error(path, error) from error
        if found != content:
            raise DataError(
                f"{path}: vectors of another version than {CACHE_FORMAT}; rerun with --refresh to make new ones."
            )

    def _damaged_error(self, path: Path, error: object) -> EvalError:
        return DataError(f"{path}: damaged: {' '.join(str(error).split())}; rerun with --refresh to make new vectors.")
