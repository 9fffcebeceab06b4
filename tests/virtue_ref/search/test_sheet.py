"""A sheet shows the query and every hit with its box."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item, Points
from scar.errors import VirtueError
from scar.sample import Box, Mask
from virtue_ref.search.index import Index
from virtue_ref.search.sheet import CELL, GAP, TEXT_HEIGHT, draw_hits, find_outer_box


def test_it_has_a_cell_for_each_picture(built: Index, photos: Path, tmp_path: Path) -> None:
    query = Item("", photos / "a.png", Box(4, 4, 34, 44))
    out = draw_hits(built.search(query, top=4), tmp_path / "sheet.png", query, columns=3)
    with Image.open(out) as sheet:
        assert sheet.size == (3 * (CELL + GAP) + GAP, 2 * (CELL + TEXT_HEIGHT + GAP) + GAP)
        pixels = np.asarray(sheet.convert("RGB"))
    assert (pixels == (0xC2, 0x41, 0x0C)).all(axis=-1).sum() > 100, "the query's box"
    assert (pixels == (0x0F, 0x76, 0x6E)).all(axis=-1).sum() > 400, "the hits' boxes"
    assert draw_hits([], tmp_path / "none.png", "a cup").is_file()


def test_a_picture_that_is_gone_is_named(built: Index, tmp_path: Path) -> None:
    hits = [dataclasses.replace(hit, image=tmp_path / "gone.png") for hit in built.search("a", top=1)]
    with pytest.raises(VirtueError, match=r"gone\.png"):
        draw_hits(hits, tmp_path / "sheet.png")
    with pytest.raises(VirtueError, match="its ending is of no image format"):
        draw_hits([], tmp_path / "sheet.xyz")
    assert not list(tmp_path.iterdir())


def test_the_box_around_a_prompt() -> None:
    inside = np.zeros((20, 30), bool)
    inside[4:9, 10:16] = True
    image = Path("a.png")
    assert find_outer_box(Item("", image, Mask.from_array(inside))) == Box(10, 4, 16, 9)
    assert find_outer_box(Item("", image, Points(((5, 6), (20, 8)), (1, 1)))) == Box(1, 2, 24, 12)
    assert find_outer_box(Item("", image, Mask.from_array(np.zeros((4, 4), bool)))) is None
    assert find_outer_box(Item("", image)) is None
