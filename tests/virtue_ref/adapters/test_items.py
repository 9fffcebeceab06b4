"""Texts, images and dictionaries become items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item, Points
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.adapters.items import ImageFiles, make_item


@pytest.fixture
def image(picture: Callable[..., Path]) -> Path:
    return picture(90, 70)


def test_what_becomes_an_item(image: Path) -> None:
    album = ImageFiles()
    drawn = Image.open(image)
    kept = make_item(drawn, album).image
    assert kept is not None
    assert np.array_equal(np.asarray(Image.open(kept)), np.asarray(drawn))
    assert make_item({"text": "x", "image": drawn}, album) == Item("x", kept), "equal pictures are one file"
    assert make_item("a cat", album) == Item("a cat")
    assert make_item(image, album) == Item("", image)
    assert make_item({"image": str(image), "box": [1, 2, 30, 40]}, album) == Item("", image, Box(1, 2, 30, 40))
    prompted = {"image": image, "points": [[1, 2]], "labels": [0]}
    assert make_item(prompted, album) == Item("", image, Points(((1, 2),), (0,)))
    assert make_item(Item("a"), album) == Item("a")


def test_what_becomes_none(image: Path) -> None:
    with pytest.raises(ItemError, match="a int is no item: give a text, a picture or a dictionary"):
        make_item(3, ImageFiles())
    with pytest.raises(ItemError, match="the prompt is malformed"):
        make_item({"image": image, "box": [1, 2]}, ImageFiles())
