"""Stored vectors are used only if the model still makes them: a few are made again and compared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.item import Item
from mmeb_eval.run.embed import embed_items
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker
from scar.errors import DataError
from scar.sample import Box

TEXTS = [Item(f"text {number}") for number in range(10)]
PROBED = [TEXTS[0], TEXTS[3], TEXTS[6], TEXTS[9]]
"""The items that are embedded again if all are stored."""


class Remote:
    """A model behind a variable of the environment, as behind a URL: nothing else shows which one is there."""

    name = "remote"
    prompts = ("box",)

    def __init__(self) -> None:
        self.asked: list[Item] = []

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.asked += items
        rows = np.stack([_ask(item, len(items), os.environ["REMOTE"]) for item in items])
        unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def _ask(item: Item, count: int, model: str) -> NDArray[np.float64]:
    """The row of an item in a batch of that many, by one of several models."""
    if model in ("first", "second"):
        return _draw((item, model))
    if model == "narrow":
        return _draw((item, "first"))[:32]
    if model == "bfloat16":  # 8 bits of mantissa, which depend on the batch
        noise: NDArray[np.float64] = 1 + ((np.arange(64) * (7 + count)) % 3 - 1) / 256
        return _draw(item) * noise
    if model == "long texts":  # such as other weights of late positions
        return _draw((item, "second" if item.text == "text 9" else "first"))
    if model == "batches":
        return _draw((item, count))
    is_changed = item.text == "a" and item.image is not None and type(item.prompt).__name__ == model
    return _draw((item, "second" if is_changed else "first"))


def _draw(seed: object) -> NDArray[np.float64]:
    numbers = np.frombuffer(repr(seed).encode(), dtype=np.uint8)
    return np.random.default_rng(numbers.astype(np.int64)).standard_normal(64)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("REMOTE", "first")
    return monkeypatch


def _run(root: Path, items: Sequence[Item], *, refresh: bool = False, trust: bool = False) -> list[Item]:
    """Embed items through a store; return those that the model was asked for."""
    embedder = Remote()
    embed_items(embedder, items, 4, "Task", VectorCache(root, embedder, refresh=refresh, trust=trust), Worker())
    return embedder.asked


def test_vectors_of_other_weights_are_refused_with_the_ways_out(tmp_path: Path, serve: pytest.MonkeyPatch) -> None:
    _run(tmp_path, TEXTS)
    serve.setenv("REMOTE", "second")
    message = r"^remote: .* vectors of another model .*item \(text 'text 0'\).* cosine .*--refresh.*--trust-stored"
    for items in (TEXTS, TEXTS[:1], [*TEXTS, Item("new")]):
        with pytest.raises(DataError, match=message):
            _run(tmp_path, items)
    serve.setenv("REMOTE", "first")
    assert _run(tmp_path, TEXTS) == PROBED
    assert _run(tmp_path, [Item("new")]) == [Item("new")]  # nothing was added meanwhile
    serve.setenv("REMOTE", "second")
    assert _run(tmp_path, TEXTS, refresh=True) == TEXTS
    assert _run(tmp_path, TEXTS) == PROBED


def test_a_change_that_shows_in_some_items_of_a_kind_is_found(tmp_path: Path, serve: pytest.MonkeyPatch) -> None:
    _run(tmp_path, TEXTS)
    serve.setenv("REMOTE", "long texts")
    with pytest.raises(DataError, match=r"another model.*'text 9'"):
        _run(tmp_path, TEXTS)


def test_each_kind_of_item_is_checked_in_each_task(picture: Path, tmp_path: Path, serve: pytest.MonkeyPatch) -> None:
    (picture.parent / "two.png").write_bytes(b"two")
    kinds = [
        [Item("a"), Item("b")],
        [Item("", picture), Item("", picture.parent / "two.png")],
        [Item("a", picture), Item("b", picture)],
        [Item("a", picture, Box(0, 0, 1, 1)), Item("b", picture, Box(0, 0, 1, 2))],
    ]
    root = tmp_path / "root"
    everything = [item for kind in kinds for item in kind]
    _run(root, everything)
    assert _run(root, everything) == everything
    for changed in ("NoneType", "Box"):  # the same text tower, another way to read images or boxes
        serve.setenv("REMOTE", changed)
        assert len(_run(root, [*kinds[0], *kinds[1]])) == 4
        with pytest.raises(DataError, match="another model"):
            _run(root, everything)
    serve.setenv("REMOTE", "first")
    embedder = Remote()
    cache = VectorCache(root, embedder)
    for items in (*kinds, *kinds):  # task by task
        embed_items(embedder, items, 4, "Task", cache, Worker())
    assert embedder.asked == [*everything, *(items[-1] for items in kinds)], "one of a kind in each later task"
    assert cache.checked_count == len(embedder.asked)


def test_rounding_passes(tmp_path: Path, serve: pytest.MonkeyPatch) -> None:
    serve.setenv("REMOTE", "bfloat16")
    _run(tmp_path, TEXTS)
    assert _run(tmp_path, TEXTS) == PROBED


def test_a_vector_that_depends_on_its_batch_is_made_again_in_its_batch(
    tmp_path: Path, serve: pytest.MonkeyPatch
) -> None:
    serve.setenv("REMOTE", "batches")
    _run(tmp_path, TEXTS)
    in_batches = [TEXTS[0], *TEXTS[:4], TEXTS[3], *TEXTS[:4], TEXTS[6], *TEXTS[4:8], TEXTS[9], *TEXTS[8:]]
    assert _run(tmp_path, TEXTS) == in_batches
    serve.setattr("mmeb_eval.run.vector_cache.MAX_SMALL_SHARDS", 2)
    cache = VectorCache(tmp_path, Remote())
    cache.compact_shards()
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1
    assert _run(tmp_path, TEXTS) == in_batches
    VectorCache(tmp_path, Remote()).compact_shards()
    with pytest.raises(DataError, match="vectors that depend on chance or on their batch"):
        _run(tmp_path, TEXTS[:2])


def test_another_width_is_refused(tmp_path: Path, serve: pytest.MonkeyPatch) -> None:
    _run(tmp_path, TEXTS)
    serve.setenv("REMOTE", "narrow")
    with pytest.raises(DataError, match=r"vectors of 64 numbers, and the model now gives 32; rerun with --refresh"):
        _run(tmp_path, TEXTS)


def test_trusted_vectors_are_counted_and_stay_marked_once_others_are_beside_them(
    tmp_path: Path, serve: pytest.MonkeyPatch
) -> None:
    def count(*, trust: bool = False, refresh: bool = False) -> int:
        cache = VectorCache(tmp_path, Remote(), trust=trust, refresh=refresh)
        return cache.count_trusted(cache.make_keys(TEXTS))

    _run(tmp_path, TEXTS[:4])
    serve.setenv("REMOTE", "second")
    assert _run(tmp_path, TEXTS[:4], trust=True) == []
    assert (count(), count(trust=True)) == (0, 4)
    assert _run(tmp_path, TEXTS, trust=True) == TEXTS[4:]
    assert count() == 10
    assert count(refresh=True) == 0
