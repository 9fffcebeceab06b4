"""Stores vectors on disk: each batch as a safetensors shard with a parquet index, each embedder in its own folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from mmeb_eval.multi_vectors import MultiVectors, Vectors, gather_vectors, get_width
from mmeb_eval.run.identity import describe_identity, digest_identity, digest_model, list_changes
from mmeb_eval.run.vector_keys import ItemKeys
from mmeb_eval.run.workers import find_other_model
from scar.common.files import write_bytes, write_table
from scar.errors import DataError, EvalError

CACHE_FORMAT = 1
"""Version of the files' format; a folder with another version is refused."""

SMALL_SHARD_ROWS = 4096
"""A shard with fewer rows counts as small."""

MAX_SMALL_SHARDS = 64
"""If there are more small shards than this, they are merged."""

MAX_NAMES = 8
"""Two models can differ in many files and attributes: a line names at most this many."""


class VectorCache:
    """The stored vectors of one embedder. A key is the digest of an item's content. Several processes may add vectors.

    A shard is ``<name>.safetensors`` with ``vectors`` (n, D), or, of several vectors an item, with their ``rows`` in
    half precision and the ``starts`` of the items (see `mmeb_eval.multi_vectors.MultiVectors`); and its index
    ``<name>.parquet`` with the ``key`` of each item and, in merged shards, the number of the ``batch`` that it was made
    in. The index is written last: a killed
    process leaves whole shards, or a file that is never read.

    Args:
        root: folder of the vectors of all embedders.
        embedder: the embedder whose vectors are stored; after a change of its revision, settings or code it has another
            folder.
        refresh: whether to delete its stored vectors first.
        trust: whether vectors of earlier runs are used without a check.
        writer: rank of this process among several, as text; the names of its shards begin with it.

    Attributes:
        folder: the embedder's folder, ``root`` and a digest of `mmeb_eval.run.identity.describe_identity`.
        worker_folder: ``root``, in which workers leave heartbeats.
        width: number of components of a vector; None while the store is empty.
        added_count: number of vectors added since the store was opened.
        trusts: whether vectors of earlier runs are used without a check.
        checked_count: number of vectors that were checked, see `mmeb_eval.run.stored_check`.
        checked_kinds: names of the kinds of items of which vectors were checked.
        lowest_cosine: lowest cosine of a checked vector and the item's vector of now; 1 before any check.
        fingerprint: digest of the model, as it stands in results; see `mmeb_eval.run.identity.digest_model`.
        changes: names of what has changed in the embedder since the newest vectors under its name were stored; empty if
            its own folder existed, or none has vectors under its name.

    Raises:
        DataError: the stored vectors are of another version of the format, or are damaged.
        EvalError: the folder cannot be written.
    """

    def __init__(
        self, root: Path, embedder: Embedder, *, refresh: bool = False, trust: bool = False, writer: str = "0"
    ) -> None:
        about = describe_identity(embedder)
        self._about = about
        self.fingerprint = digest_model(about)
        self.folder = root / digest_identity(about)
        self.worker_folder = root
        self.width: int | None = None
        self.added_count = 0
        self.trusts = trust
        self.checked_count = 0
        self.checked_kinds: set[str] = set()
        self.lowest_cosine = 1.0
        self.changes: tuple[str, ...] = ()
        self._requested_keys: set[bytes] = set()
        self._writer = writer
        self._shard_number = 0
        self._item_keys = ItemKeys(root / "images.parquet")
        self._locations: dict[bytes, tuple[str, int]] = {}
        self._batches: dict[str, list[int]] = {}
        self._shard_rows: dict[str, int] = {}
        self._own_shards: set[str] = set()
        self._has_several = bool(getattr(embedder, "multi_vector", False))
        if refresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._check_identity({"format": CACHE_FORMAT, **about})
        self.reload()

    @property
    def unread(self) -> tuple[str, ...]:
        """What of the embedder could not be read, each as "<where>: <what>"; a change in it is not noticed."""
        return tuple(self._about["unread"])

    def list_changed_attributes(self) -> list[str]:
        """Those of `changes` that are values of attributes or globals; empty if anything else has changed, too."""
        are_values = all(name in self._about["state"] for name in self.changes)
        return list(self.changes) if are_values else []

    @property
    def requested_count(self) -> int:
        """Number of distinct items for which keys were made since the store was opened."""
        return len(self._requested_keys)

    def make_keys(self, items: Sequence[Item]) -> list[bytes]:
        """The digest of each item's content, in which an image counts by its file's bytes, not by its path.

        Raises:
            DataError: an image cannot be read.
        """
        self._item_keys.hash_images(item.image for item in items if item.image is not None)
        keys = [self._item_keys.make_key(item) for item in items]
        self._requested_keys.update(keys)
        return keys

    def select_missing(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those of the keys that have no vector in the store, in the order given."""
        return [key for key in keys if key not in self._locations]

    def select_earlier(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those of the keys that have a vector which this process did not add since the store was opened."""
        return [key for key in keys if key in self._locations and self._locations[key][0] not in self._own_shards]

    def count_trusted(self, keys: Sequence[bytes]) -> int:
        """Number of distinct keys whose vectors are of earlier runs and may be of another model, as none is checked.

        It is 0 if vectors of earlier runs are checked, and no run added vectors to others without a check.
        """
        return len(self.select_earlier(list(set(keys)))) if self.trusts or self._trust_mark.exists() else 0

    def add_vectors(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Write the (len(keys), D) vectors of a batch, or several rows for each key, to disk.

        Raises:
            EvalError: the files cannot be written, for example because the disk is full.
        """
        if self.trusts and not self._trust_mark.exists() and self._shard_rows.keys() - self._own_shards:
            write_bytes(b"", self._trust_mark)  # from now on nothing tells which of its vectors are of which model
        self._own_shards.add(self._write_shard(keys, vectors))
        self.added_count += len(keys)

    def get_batch(self, key: bytes) -> list[bytes]:
        """The keys of the batch in which a stored key's vector was made, itself included, in the batch's order."""
        shard, row = self._locations[key]
        batches = self._batches[shard]
        keys = {at: other for other, (name, at) in self._locations.items() if name == shard}
        return [keys[at] for at in sorted(keys) if batches[at] == batches[row]]

    def get_vectors(self, keys: Sequence[bytes]) -> Vectors:
        """(len(keys), D) stored vectors, or several rows for each key; every key must have some.

        Raises:
            DataError: a shard is damaged.
        """
        by_shard: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, key in enumerate(keys):
            shard, row = self._locations[key]
            by_shard[shard].append((index, row))
        vectors = np.empty((len(keys), self.width or 0), dtype=np.float32)
        several: dict[int, NDArray[np.float16]] = {}
        for shard, pairs in by_shard.items():
            stored = self._read_shard(shard)
            if isinstance(stored, MultiVectors):
                several.update((index, stored[row]) for index, row in pairs)
                continue
            indices, rows = zip(*pairs, strict=True)
            vectors[list(indices)] = stored[list(rows)]
        return gather_vectors([several[index] for index in range(len(keys))]) if several else vectors

    def reload(self) -> None:
        """Read the indices of shards that are not yet known, such as those that other processes have finished.

        Raises:
            DataError: a shard is damaged.
        """
        from scar.common.arrow import UNREADABLE, read_table

        for index in sorted(self.folder.glob("*.parquet")):
            if index.stem in self._shard_rows:
                continue
            try:
                table = read_table(index)
                keys = table["key"].to_pylist()
                batches = table["batch"].to_pylist() if "batch" in table.column_names else [0] * len(keys)
            except (*UNREADABLE, KeyError) as error:
                raise self._damaged_error(index, error) from error
            self._index_shard(index.stem, keys, batches)
            if self.width is None:
                self.width = get_width(self._read_shard(index.stem))

    def refuse_other_models(self, size: int) -> None:
        """Check that no other worker has loaded another model in place of this one.

        The vectors of another model lie in another folder, so that this worker would wait for its share in vain. A
        worker that has not loaded its model yet passes.

        Args:
            size: number of workers, this one included.

        Raises:
            EvalError: another worker has loaded another model; the message names what differs.
        """
        rank = int(self._writer)
        if (found := find_other_model(self.worker_folder, rank, size)) is None:
            return
        other, folder = found
        try:
            about = json.loads((self.worker_folder / folder / "about.json").read_bytes())
        except (OSError, ValueError):
            about = {}
        names = ", ".join(list_changes(about, self._about)[:MAX_NAMES]) or "its name"
        raise EvalError(
            f"{self._about['embedder']}: workers {rank} and {other} have loaded different models, which differ in: "
            f"{names}; give random weights a seed and load the same files everywhere. Name attributes that change no "
            "vector, such as an id or a time, in volatile = (...) of the embedder's class: those do not count."
        )

    def compact_shards(self) -> None:
        """Save the images' digests, and merge small shards if there are many; no other process may use the folder.

        Raises:
            DataError: a shard is damaged.
            EvalError: the files cannot be written.
        """
        self._item_keys.save_digests()
        if self._has_several:
            return  # a shard of them is large already
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
                    [key for one in group for key in keys[one]],
                    np.concatenate([shard for shard in map(self._read_shard, group) if isinstance(shard, np.ndarray)]),
                    _number_batches([self._batches[one] for one in group]),
                )
                for one in group:
                    (self.folder / f"{one}.parquet").unlink()  # the index first: without it a shard is not read
                    (self.folder / f"{one}.safetensors").unlink()
                    del self._shard_rows[one]
                group = []

    @property
    def _trust_mark(self) -> Path:
        """A file that says that vectors were added to others that were not checked."""
        return self.folder / "unchecked"

    def _write_shard(self, keys: Sequence[bytes], vectors: Vectors, batches: Sequence[int] | None = None) -> str:
        """Write a shard, then its index; return its name. ``batches`` numbers the batch of each row; None is one."""
        import pyarrow as pa
        from safetensors.numpy import save

        while (self.folder / f"{self._writer}-{self._shard_number:07}.parquet").exists():
            self._shard_number += 1
        name = f"{self._writer}-{self._shard_number:07}"
        if isinstance(vectors, MultiVectors):
            arrays: dict[str, NDArray[Any]] = {"rows": vectors.rows, "starts": vectors.starts}
        else:
            arrays = {"vectors": np.ascontiguousarray(vectors)}
        write_bytes(save(arrays), self.folder / f"{name}.safetensors")
        columns = {"key": pa.array(keys, pa.binary(16))}
        if batches is not None:
            columns["batch"] = pa.array(batches, pa.int32())
        write_table(pa.table(columns), self.folder / f"{name}.parquet")
        self.width = get_width(vectors)
        self._index_shard(name, keys, batches or [0] * len(keys))
        return name

    def _index_shard(self, shard: str, keys: Sequence[bytes], batches: Sequence[int]) -> None:
        """Record the shard and row of each key, and the batch of each row."""
        self._batches[shard] = list(batches)
        self._shard_rows[shard] = len(keys)
        self._locations.update((key, (shard, row)) for row, key in enumerate(keys))

    def _read_shard(self, shard: str) -> Vectors:
        """Read the vectors of a shard; their number must be that of its keys."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self.folder / f"{shard}.safetensors"
        try:
            arrays = load_file(path)
            several = "rows" in arrays
            vectors = MultiVectors(arrays["rows"], arrays["starts"]) if several else arrays["vectors"]
        except (OSError, KeyError, SafetensorError) as error:
            raise self._damaged_error(path, error) from error
        shape = arrays["rows" if several else "vectors"].shape
        if len(shape) != 2 or len(vectors) != self._shard_rows[shard] or self.width not in (None, shape[1]):
            raise self._damaged_error(path, f"it holds an array of shape {shape}")
        return vectors

    def _check_identity(self, about: dict[str, Any]) -> None:
        """Write ``about.json``, or compare it with what an earlier run wrote."""
        path = self.folder / "about.json"
        content = f"{json.dumps(about, indent=1, sort_keys=True)}\n"
        try:
            found = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.changes = _list_changes_since(self.folder.parent, about)
            write_bytes(content.encode(), path)
            return
        except (OSError, ValueError) as error:
            raise self._damaged_error(path, error) from error
        if found != content:
            raise DataError(
                f"{path}: vectors of another version than {CACHE_FORMAT}; rerun with --refresh to make new ones."
            )
        with contextlib.suppress(OSError):
            os.utime(path)  # when the vectors were last used, see `mmeb_eval.run.stored_folders`

    def _damaged_error(self, path: Path, error: object) -> EvalError:
        return DataError(f"{path}: damaged: {' '.join(str(error).split())}; rerun with --refresh to make new vectors.")


def _number_batches(shards: Sequence[Sequence[int]]) -> list[int]:
    """Number the batches of shards in one sequence; each shard numbers its own from 0.

    >>> _number_batches([[0, 0], [0, 1, 1], [0]])
    [0, 0, 1, 2, 2, 3]
    """
    numbers: list[int] = []
    for batches in shards:
        first = numbers[-1] + 1 if numbers else 0
        numbers += [first + number for number in batches]
    return numbers


def _list_changes_since(root: Path, about: dict[str, Any]) -> tuple[str, ...]:
    """What differs between an embedder and the one of its name whose vectors were stored last; empty if none was."""
    paths = sorted(root.glob("*/about.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in paths:
        try:
            before = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(before, dict) and before.get("embedder") == about["embedder"]:
            return tuple(list_changes(before, about))
    return ()
