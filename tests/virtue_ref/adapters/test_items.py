"""Texts, images and dictionaries become items."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from mmeb_eval.item import Item, Points
from scar.common.image_values import encode_picture
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.adapters.items import make_item


@pytest.fixture
def image(picture: Callable[..., Path]) -> Path:
    return picture(90, 70)


def test_what_becomes_an_item(image: Path) -> None:
    drawn = Image.open(image)
    kept = make_item(drawn).image
    assert kept is not None
    assert np.array_equal(np.asarray(Image.open(kept)), np.asarray(drawn))
    assert make_item({"text": "x", "image": drawn}) == Item("x", kept), "equal pictures are one image"
    assert make_item("a cat") == Item("a cat")
    assert make_item(image) == Item("", image)
    assert make_item({"image": str(image), "box": [1, 2, 30, 40]}) == Item("", image, Box(1, 2, 30, 40))
    prompted = {"image": image, "points": [[1, 2]], "labels": [0]}
    assert make_item(prompted) == Item("", image, Points(((1, 2),), (0,)))
    assert make_item(Item("a")) == Item("a")


def test_what_becomes_none(image: Path) -> None:
    with pytest.raises(ItemError, match="a int is no item: give a text, a picture or a dictionary"):
        make_item(3)
    with pytest.raises(ItemError, match=r"box \[1, 2\] is not four numbers"):
        make_item({"image": image, "box": [1, 2]})
    with pytest.raises(ItemError, match="unknown key 'bbox': did you mean box"):
        make_item({"text": "x", "image": image, "bbox": [1, 2, 30, 40]})
    for no_image in (5, {"bytes": b"", "path": "a.png"}):
        with pytest.raises(ItemError, match="is no image: give a path, bytes, an image of Pillow or an array"):
            make_item({"image": no_image})


def test_no_text_is_an_empty_text(image: Path) -> None:
    assert make_item({"text": None, "image": image}) == Item("", image)
    with pytest.raises(ItemError, match="text 0 is no string"):
        make_item({"text": 0, "image": image})


def test_images_that_differ_are_files_that_differ() -> None:
    indices = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) // 32)
    red, blue = indices.copy(), indices.copy()
    red.putpalette([255, 0, 0, 0, 0, 0])
    blue.putpalette([0, 0, 255, 0, 0, 0])
    turned = indices.copy()
    turned.getexif()[0x0112] = 6
    written = [encode_picture(each) for each in (indices, red, blue, turned)]
    assert len(set(written)) == 4
    for path, given in zip(written, (indices, red, blue, turned), strict=True):
        np.testing.assert_array_equal(Image.open(path).convert("RGB"), given.convert("RGB"))


def test_more_bits_than_eight_follow_the_rule_of_files() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for deep in (grey.astype(np.uint16) * 257, (grey / 255).astype(np.float32)):
        path = encode_picture(Image.fromarray(deep))
        np.testing.assert_array_equal(np.asarray(Image.open(path)), grey)
    for unclear in (grey.astype(np.int32) * 1000, grey.astype(np.float32), np.full((4, 4), np.nan, np.float32)):
        with pytest.raises(ItemError, match=r"the image cannot be used: .*save it with 8 bits"):
            encode_picture(Image.fromarray(unclear))


@pytest.mark.parametrize("loads_truncated", [False, True])
def test_damaged_images_are_refused(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads_truncated: bool
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", loads_truncated)
    (tmp_path / "half.png").write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    with Image.open(tmp_path / "half.png") as half, pytest.raises(ItemError, match="the image cannot be used"):
        encode_picture(half)
