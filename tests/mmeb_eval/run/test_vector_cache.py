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

from mmeb_eval.item import Item, Points, Prompt
from mmeb_eval.run import vector_cache as cache_module
from mmeb_eval.run.embed import VectorsInMemory, embed_items
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.vector_keys import ItemKeys
from mmeb_eval.run.workers import Worker
from scar.common.files import hash_file
from scar.errors import DataError, EvalError
from scar.sample import Box, Mask


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


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "pictures" / "one.png"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path


def _texts(count: int) -> list[Item]:
    return [Item(text=f"text {number}") for number in range(count)]


def _embed(embedder: Counting, items: Sequence[Item], root: Path, **options: Any) -> NDArray[np.float32]:
    return embed_items(embedder, items, 3, None, VectorCache(root, embedder, **options), Worker())


def test_what_is_stored_is_not_made_again_and_is_the_same(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    made = _embed(first, _texts(10), tmp_path)
    assert np.array_equal(made, embed_items(Counting(), _texts(10), 3, None, VectorsInMemory(), Worker()))
    assert np.array_equal(_embed(second, _texts(14)[::-1], tmp_path)[::-1][:10], made)
    assert second.asked == _texts(14)[:9:-1]


def test_an_interrupted_run_makes_only_the_rest(tmp_path: Path) -> None:
    class Stopped(Counting):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            if len(self.asked) == 6:
                raise KeyboardInterrupt("stop")
            return super().embed(items)

    with pytest.raises(KeyboardInterrupt, match="stop"):
        _embed(Stopped(), _texts(10), tmp_path)
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    resumed = Counting()
    _embed(resumed, _texts(10), tmp_path)
    assert resumed.asked == _texts(10)[6:]
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


def test_no_two_prompts_share_a_key_and_equal_ones_do(picture: Path) -> None:
    keys = ItemKeys()
    left = np.zeros((4, 4), dtype=np.bool_)
    left[:, :2] = True
    prompts: list[Prompt | None] = [
        None,
        Box(1, 2, 3, 4),
        Box(1, 2, 3, 4.5),
        Points(((1, 2),), (1,)),
        Points(((1, 2),), (0,)),
        Points(((1, 2),), (1,), Box(1, 2, 3, 4)),
        Mask.from_array(left),
        Mask.from_array(~left),
    ]
    made = {keys.make_key(Item("text", picture, prompt)) for prompt in prompts}
    assert len(made) == len(prompts)
    assert keys.make_key(Item("text", picture, Box(1.0, 2.0, 3.0, 4.0))) in made
    assert keys.make_key(Item("text\ud800")) != keys.make_key(Item("text"))
    assert keys.make_key(Item("")) != keys.make_key(Item("", picture))


def test_a_picture_is_its_bytes_whatever_its_name(picture: Path, tmp_path: Path) -> None:
    copy, other = picture.with_name("copy.png"), picture.with_name("other.png")
    copy.write_bytes(b"one")
    other.write_bytes(b"two")
    embedder = Counting()
    vectors = _embed(embedder, [Item(image=picture), Item(image=copy), Item(image=other)], tmp_path)
    assert embedder.asked == [Item(image=picture), Item(image=other)]
    assert np.array_equal(vectors[0], vectors[1])


def test_a_picture_that_changes_is_another_one(picture: Path, tmp_path: Path) -> None:
    memory = tmp_path / "images.parquet"
    os.utime(picture, ns=(1, 1))
    keys = ItemKeys(memory)
    before = keys.make_key(Item(image=picture))
    keys.save_digests()
    picture.write_bytes(b"two")
    assert ItemKeys(memory).make_key(Item(image=picture)) != before
    picture.write_bytes(b"one")
    assert ItemKeys(memory).make_key(Item(image=picture)) == before


def test_digests_of_pictures_are_remembered_once_they_have_settled(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "images.parquet"
    fresh = picture.with_name("fresh.png")
    fresh.write_bytes(b"three")
    os.utime(picture, ns=(1, 1))
    keys = ItemKeys(memory)
    before = keys.make_key(Item(image=picture)), keys.make_key(Item(image=fresh))
    keys.save_digests()
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return hash_file(path)

    monkeypatch.setattr("scar.common.files.hash_file", counted)
    again = ItemKeys(memory)
    assert (again.make_key(Item(image=picture)), again.make_key(Item(image=fresh))) == before
    assert read == ["fresh.png"]
    memory.write_bytes(b"damaged")
    assert ItemKeys(memory).make_key(Item(image=picture)) == before[0]


def test_a_picture_that_is_gone_is_named(picture: Path) -> None:
    picture.unlink()
    with pytest.raises(DataError, match=r"one.png: cannot be read: No such file"):
        ItemKeys().make_key(Item(image=picture))


def test_vectors_of_another_version_are_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "CACHE_FORMAT", 0)
    _embed(Counting(), _texts(4), tmp_path)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"about.json: vectors of another version than 1; rerun with --refresh"):
        VectorCache(tmp_path, Counting())
    embedder = Counting()
    _embed(embedder, _texts(4), tmp_path, refresh=True)
    assert embedder.asked == _texts(4)
    assert VectorCache(tmp_path, Counting()).select_missing(_texts(4)) == []


@pytest.mark.parametrize("kind", ["parquet", "safetensors"])
def test_a_damaged_shard_is_named_with_a_way_out(tmp_path: Path, kind: str) -> None:
    _embed(Counting(), _texts(4), tmp_path)
    for path in tmp_path.rglob(f"0-*.{kind}"):
        path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match=rf"0-0000000.{kind}: damaged: .*rerun with --refresh"):
        VectorCache(tmp_path, Counting()).get_vectors(_texts(4))


def test_an_index_without_its_vectors_and_vectors_without_their_index(tmp_path: Path) -> None:
    _embed(Counting(), _texts(9), tmp_path)
    shards = sorted(tmp_path.rglob("0-*"))
    assert [path.suffix for path in shards] == [".parquet", ".safetensors"] * 3
    shards[4].unlink()  # killed between the two files of the last batch
    assert VectorCache(tmp_path, Counting()).select_missing(_texts(9)) == _texts(9)[6:]
    shards[1].unlink()
    with pytest.raises(DataError, match=r"0-0000000.safetensors: damaged: .*rerun with --refresh"):
        VectorCache(tmp_path, Counting())


def test_a_full_disk_is_one_clear_line_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = VectorCache(tmp_path, Counting())
    cache.add_vectors(_texts(2), Counting().embed(_texts(2)))

    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EvalError, match=r"cannot be written: No space left on device; what was stored before is kept"):
        cache.add_vectors([Item("new")], Counting().embed([Item("new")]))
    monkeypatch.undo()
    assert list(tmp_path.rglob("*.tmp")) == []
    assert VectorCache(tmp_path, Counting()).select_missing([*_texts(2), Item("new")]) == [Item("new")]


def test_many_small_shards_become_few_and_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_SHARD_ROWS", 20)
    items = _texts(200)
    made = _embed(Counting(), items, tmp_path)
    cache = VectorCache(tmp_path, Counting())
    assert len(list(tmp_path.rglob("*.safetensors"))) == 67
    cache.compact_shards()
    assert len(list(tmp_path.rglob("*.safetensors"))) == len(list(tmp_path.rglob("0-*.parquet"))) == 10
    for opened in (cache, VectorCache(tmp_path, Counting())):
        assert np.array_equal(opened.get_vectors(items), made)
    more = Counting()
    _embed(more, _texts(203), tmp_path)
    assert more.asked == _texts(203)[200:]
    assert np.array_equal(VectorCache(tmp_path, Counting()).get_vectors(items), made)


def test_workers_share_a_folder_and_make_the_batches_that_one_alone_makes(tmp_path: Path) -> None:
    class Neighbours(Counting):
        """A model whose vectors depend on the batch."""

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            self.asked += items
            turned = np.array([[len(items), hash(items[0]) % 97, len(item.text)] for item in items], dtype=np.float32)
            return _unit(turned)

    from concurrent.futures import ThreadPoolExecutor

    items = _texts(25)
    alone = embed_items(Neighbours(), items, 4, None, VectorsInMemory(), Worker())
    for size in (1, 2, 3):
        embedders = [Neighbours() for _ in range(size)]

        def work(rank: int, embedders: list[Neighbours] = embedders, size: int = size) -> NDArray[np.float32]:
            cache = VectorCache(tmp_path / str(size), embedders[rank], writer=str(rank))
            return embed_items(embedders[rank], items, 4, None, cache, Worker(rank, size))

        with ThreadPoolExecutor(size) as pool:
            for vectors in pool.map(work, range(size)):
                assert np.array_equal(vectors, alone)
        assert sum(len(embedder.asked) for embedder in embedders) == len(items)
        assert all(embedder.asked for embedder in embedders)
