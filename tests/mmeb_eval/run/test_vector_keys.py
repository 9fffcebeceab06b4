"""An item's key is its content: text, bytes of the image, and prompt."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from mmeb_eval.item import Item, Points, Prompt
from mmeb_eval.run.vector_keys import SETTLED_NS, ItemKeys
from scar.common.files import hash_file
from scar.errors import DataError
from scar.sample import Box, Mask


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
    parts: list[dict[str, Any]] = [
        {},
        {"instruction": "Find it"},
        {"instruction": "Find it", "side": "query"},
        {"side": "query"},
    ]
    told: list[dict[str, Any]] = [{"side": "document"}, {"instruction": "Find them", "side": "query"}]
    assert len({keys.make_key(replace(Item("text", picture), **each)) for each in [*parts, *told]}) == 6
    assert keys.make_key(Item("text\ud800")) != keys.make_key(Item("text"))
    assert keys.make_key(Item("")) != keys.make_key(Item("", picture))


def test_a_picture_that_changes_is_another_one(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "images.parquet"
    os.utime(picture, ns=(1, 1))
    monkeypatch.setattr("mmeb_eval.run.vector_keys.SETTLED_NS", -(10**12))
    keys = ItemKeys(memory)
    before = keys.make_key(Item(image=picture))
    keys.save_digests()
    picture.write_bytes(b"two")
    os.utime(picture, ns=(1, 1))  # as cp -p, rsync and tar do
    assert ItemKeys(memory).make_key(Item(image=picture)) != before
    picture.write_bytes(b"one")
    assert ItemKeys(memory).make_key(Item(image=picture)) == before


def test_digests_of_pictures_are_remembered_once_they_have_settled(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "images.parquet"
    fresh = picture.with_name("fresh.png")
    fresh.write_bytes(b"three")
    settled = picture.stat().st_ctime_ns
    while fresh.stat().st_ctime_ns <= settled:
        fresh.write_bytes(b"three")
    monkeypatch.setattr("time.time_ns", lambda: settled + SETTLED_NS + 1)
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
    pa_table = parquet.read_table(memory)
    parquet.write_table(pa_table.drop_columns(["ctime_ns", "inode"]), memory)  # of version 0.2.0
    assert ItemKeys(memory).make_key(Item(image=picture)) == before[0]
    memory.write_bytes(b"damaged")
    assert ItemKeys(memory).make_key(Item(image=picture)) == before[0]


def test_a_picture_that_is_gone_is_named(picture: Path) -> None:
    picture.unlink()
    with pytest.raises(DataError, match=r"one.png: cannot be read: No such file"):
        ItemKeys().make_key(Item(image=picture))
