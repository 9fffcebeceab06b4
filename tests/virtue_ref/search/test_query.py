"""A query is a text, an item or a mix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.item import Item
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.search.query import embed_query


def test_a_query_alone_is_its_items_vector(tiny: VirtueEmbedder, photos: Path) -> None:
    item = Item("a cup", photos / "a.png", Box(4, 4, 30, 40))
    expected = tiny.embed([Item("a cup"), item])
    assert np.allclose(embed_query(tiny, "a cup"), expected[0], atol=1e-6)
    assert np.allclose(embed_query(tiny, item, "unused"), expected[1], atol=1e-6)
    bare = Item("", photos / "a.png", Box(4, 4, 30, 40))
    assert np.allclose(embed_query(tiny, bare, "a cup"), expected[1], atol=1e-6)


def test_a_mix_is_the_weighted_sum(tiny: VirtueEmbedder, photos: Path) -> None:
    one, other = tiny.embed([Item("a cup"), Item("what", photos / "a.png")])
    mixed = embed_query(tiny, [("a cup", 2), (Item("what", photos / "a.png"), -0.5)])
    expected = 2 * one - 0.5 * other
    assert np.allclose(mixed, expected / np.linalg.norm(expected), atol=1e-6)


BAD: list[tuple[Any, str]] = [
    ([], "an empty query"),
    ([("a", 1.0), ("a", -1.0)], "cancel each other"),
    ([("a", float("nan"))], "no finite number"),
    ([("a", "1")], "no finite number"),
    (["a"], "weight"),
    ([(3, 1.0)], "weight"),
    ("", "neither text nor image"),
]


@pytest.mark.parametrize(("query", "told"), BAD)
def test_what_is_no_query_is_refused(tiny: VirtueEmbedder, query: Any, told: str) -> None:
    with pytest.raises(ItemError, match=told):
        embed_query(tiny, query)
