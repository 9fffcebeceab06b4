"""The baselines keep the contract and see what they say they see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.adapters.baselines import Constant, Random, TextOnly
from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from mmeb_eval.toy_items import draw_toy_items
from mmeb_eval.vectors import check_vectors
from scar.sample import Box


@pytest.mark.parametrize("baseline", [Constant(), Random(), TextOnly()], ids=lambda baseline: baseline.name)
def test_vectors_are_of_length_one_and_no_neighbour_moves_them(baseline: Embedder, tmp_path: Path) -> None:
    items = [
        *draw_toy_items(tmp_path),
        Item(),
        Item(text="\ud800 lone surrogate"),
        Item(text=" \n"),
        Item(text="é" * 5000),
    ]
    whole = check_vectors(baseline.embed(items), items, baseline.name)
    assert (whole[::-1] == baseline.embed(items[::-1])).all()
    assert (whole[3] == baseline.embed(items[3:4])[0]).all()


@pytest.mark.parametrize("baseline", [Constant(), Random(), TextOnly()], ids=lambda baseline: baseline.name)
def test_items_may_come_from_a_generator_or_be_none(baseline: Embedder, tmp_path: Path) -> None:
    items = draw_toy_items(tmp_path)
    embed: Any = baseline.embed
    assert (embed(item for item in items) == embed(items)).all()
    assert embed(iter([])).shape == (0, embed(items).shape[1])


def test_random_depends_on_content_and_seed_and_not_on_the_folder() -> None:
    def first(item: Item, seed: int = 0) -> float:
        return float(Random(seed).embed([item])[0, 0])

    item = Item("a", Path("x/images/1.png"), Box(1, 2, 3, 4))
    assert first(item) == first(Item("a", Path("y/images/1.png"), Box(1, 2, 3, 4)))
    others = [Item("b", item.image, item.prompt), Item("a", Path("x/images/2.png"), item.prompt), Item("a", item.image)]
    assert len({first(item), first(item, 1), *map(first, others)}) == 5


def test_random_directions_are_nearly_at_right_angles() -> None:
    vectors = Random().embed([Item(text=str(number)) for number in range(200)])
    cosines = (vectors @ vectors.T)[np.triu_indices(200, 1)]
    assert abs(cosines.mean()) < 0.005
    assert cosines.std() == pytest.approx(256**-0.5, rel=0.05)


def test_text_only_sees_words_and_nothing_else() -> None:
    baseline = TextOnly()
    base, same, near, far = baseline.embed(
        [Item("a dog on a mat"), Item("A DOG on a mat", Path("x.png")), Item("dogs on mats"), Item("blue sky, rain")]
    )
    assert base @ same == pytest.approx(1)
    assert base @ same > base @ near > base @ far
    assert abs(base @ far) < 0.2
