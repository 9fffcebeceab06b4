"""Vectors on disk: nothing is lost, nothing is mixed up, and what cannot be used is said in one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.item import Item
from mmeb_eval.run import vector_cache as cache_module
from mmeb_eval.run.embed import VectorsInMemory, embed_items
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker
from scar.errors import DataError, EvalError


class Counting:
    """Vectors drawn from the item, and how often each was asked for."""

    def __init__(self, name: str = "counting@1", **settings: Any) -> None:
        self.name = name
        self.settings = settings
        self.prompts = ("box", "points", "mask")
        self.asked: list[Item] = []

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.asked += items
        rows = np.stack([np.random.default_rng(abs(hash(item)) % 2**32).standard_normal(8) for item in items])
        return _unit(rows)


def _unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _texts(count: int) -> list[Item]:
    return [Item(text=f"text {number}") for number in range(count)]


def _embed(embedder: Counting, items: Sequence[Item], root: Path, **options: Any) -> Any:
    return embed_items(embedder, items, 3, "Task", VectorCache(root, embedder, **options), Worker())


def _missing(cache: VectorCache, items: Sequence[Item]) -> list[Item]:
    keys = cache.make_keys(items)
    missing = cache.select_missing(keys)
    return [item for item, key in zip(items, keys, strict=True) if key in missing]


def _stored(cache: VectorCache, items: Sequence[Item]) -> Any:
    return cache.get_vectors(cache.make_keys(items))


def test_what_is_stored_is_not_made_again_and_is_the_same(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    made = _embed(first, _texts(10), tmp_path)
    in_memory: Any = embed_items(Counting(), _texts(10), 3, "Task", VectorsInMemory(), Worker())
    assert np.array_equal(made, in_memory)
    assert np.array_equal(_embed(second, _texts(14)[::-1], tmp_path)[::-1][:10], made)
    checked = [_texts(10)[number] for number in (9, 6, 3, 0)]
    assert second.asked == [*checked, *_texts(14)[:9:-1]]


def test_an_interrupted_run_makes_only_the_rest(tmp_path: Path) -> None:
    class Stopping(VectorCache):
        def add_vectors(self, keys: Sequence[bytes], vectors: Any) -> None:
            if self.added_count == 6:
                raise KeyboardInterrupt("stop")
            super().add_vectors(keys, vectors)

    with pytest.raises(KeyboardInterrupt, match="stop"):
        embed_items(Counting(), _texts(10), 3, "Task", Stopping(tmp_path, Counting()), Worker())
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    resumed = Counting()
    _embed(resumed, _texts(10), tmp_path)
    checked = [_texts(10)[number] for number in (0, 1, 3, 5)]
    assert resumed.asked == [*checked, *_texts(10)[6:]]
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [folder]


@pytest.mark.parametrize(
    "other",
    [Counting("counting@2"), Counting(dtype="bfloat16"), Counting(pixels=1)],
    ids=["revision", "dtype", "pixels"],
)
def test_another_revision_or_setting_shares_nothing(tmp_path: Path, other: Counting) -> None:
    _embed(Counting(), _texts(4), tmp_path)
    other.asked.clear()
    _embed(other, _texts(4), tmp_path)
    assert other.asked == _texts(4)


def test_an_edit_of_the_embedders_own_file_makes_new_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import sys

    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    code = "import numpy as np\nclass Mine:\n name='mine'\n def embed(self, items):\n  return None  # {}\n"
    folders = []
    for version in ("one", "two"):
        (tmp_path / "edited_embedder.py").write_text(code.format(version))
        module = importlib.import_module("edited_embedder")
        folders.append(VectorCache(tmp_path / "root", module.Mine()).folder)
    assert folders[0] != folders[1]


def test_a_picture_is_its_bytes_whatever_its_name(picture: Path, tmp_path: Path) -> None:
    copy, other = picture.with_name("copy.png"), picture.with_name("other.png")
    copy.write_bytes(b"one")
    other.write_bytes(b"two")
    embedder = Counting()
    vectors = _embed(embedder, [Item(image=picture), Item(image=copy), Item(image=other)], tmp_path)
    assert embedder.asked == [Item(image=picture), Item(image=other)]
    assert np.array_equal(vectors[0], vectors[1])


def test_vectors_of_another_version_are_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CACHE_FORMAT", 0)
    _embed(Counting(), _texts(4), tmp_path)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"about.json: vectors of another version than 1; rerun with --refresh"):
        VectorCache(tmp_path, Counting())
    embedder = Counting()
    _embed(embedder, _texts(4), tmp_path, refresh=True)
    assert embedder.asked == _texts(4)
    assert _missing(VectorCache(tmp_path, Counting()), _texts(4)) == []


@pytest.mark.parametrize("kind", ["parquet", "safetensors"])
def test_a_damaged_shard_is_named_with_a_way_out(tmp_path: Path, kind: str) -> None:
    _embed(Counting(), _texts(4), tmp_path)
    for path in tmp_path.rglob(f"0-*.{kind}"):
        path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match=rf"0-0000000.{kind}: damaged: .*rerun with --refresh"):
        _stored(VectorCache(tmp_path, Counting()), _texts(4))


def test_an_index_without_its_vectors_and_vectors_without_their_index(tmp_path: Path) -> None:
    _embed(Counting(), _texts(9), tmp_path)
    shards = sorted(tmp_path.rglob("0-*"))
    assert [path.suffix for path in shards] == [".parquet", ".safetensors"] * 3
    shards[4].unlink()  # killed between the two files of the last batch
    assert _missing(VectorCache(tmp_path, Counting()), _texts(9)) == _texts(9)[6:]
    shards[1].unlink()
    with pytest.raises(DataError, match=r"0-0000000.safetensors: damaged: .*rerun with --refresh"):
        VectorCache(tmp_path, Counting())


def test_a_full_disk_is_one_clear_line_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = VectorCache(tmp_path, Counting())
    cache.add_vectors(cache.make_keys(_texts(2)), Counting().embed(_texts(2)))

    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EvalError, match=r"cannot be written: No space left on device; what was stored before is kept"):
        cache.add_vectors(cache.make_keys([Item("new")]), Counting().embed([Item("new")]))
    monkeypatch.undo()
    assert list(tmp_path.rglob("*.tmp")) == []
    assert _missing(VectorCache(tmp_path, Counting()), [*_texts(2), Item("new")]) == [Item("new")]


def test_many_small_shards_become_few_and_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_SHARD_ROWS", 20)
    items = _texts(200)
    made = _embed(Counting(), items, tmp_path)
    cache = VectorCache(tmp_path, Counting())
    assert len(list(tmp_path.rglob("*.safetensors"))) == 67
    cache.compact_shards()
    assert len(list(tmp_path.rglob("*.safetensors"))) == len(list(tmp_path.rglob("0-*.parquet"))) == 10
    for opened in (cache, VectorCache(tmp_path, Counting())):
        assert np.array_equal(_stored(opened, items), made)
    more = Counting()
    _embed(more, _texts(203), tmp_path)
    assert more.asked[4:] == _texts(203)[200:]
    assert np.array_equal(_stored(VectorCache(tmp_path, Counting()), items), made)
