"""An image in memory has the vector of its file, is encoded once, and is refused with its item's index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item
from mmeb_eval.run.vector_keys import ItemKeys
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.model.virtue import Virtue

Draw = Callable[..., Path]


def test_every_form_has_the_vector_of_its_file(tiny: VirtueEmbedder, picture: Draw) -> None:
    file = picture(90, 70)
    forms: list[Any] = [file.read_bytes(), Image.open(file), np.asarray(Image.open(file)), str(file)]
    for prompt in (None, Box(10, 10, 60, 50), {"size": [70, 90], "counts": [0, 700, 5600]}):
        vectors = tiny.embed([Item("x", form, prompt) for form in forms])  # type: ignore[arg-type]
        np.testing.assert_allclose(vectors, np.repeat(tiny.embed([Item("x", file, prompt)]), 4, 0), atol=2e-6)  # type: ignore[arg-type]


def test_one_content_is_encoded_once(tiny: VirtueEmbedder, picture: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = VirtueEmbedder(tiny.model, tiny.collator.tokenizer, "fresh")
    passes: list[int] = []
    encode = Virtue.encode_images

    def count(self: Virtue, images: Any) -> Any:
        passes.append(len(images.grids))
        return encode(self, images)

    monkeypatch.setattr(Virtue, "encode_images", count)
    file = picture(90, 70)
    again = file.with_name("again.png")
    again.write_bytes(file.read_bytes())
    fresh.embed([Item("x", file), Item("x", again), Item("y", file.read_bytes())])
    fresh.embed([Item("z", file.read_bytes())])
    assert sum(passes) == 1


def test_keys_are_those_of_the_content(picture: Draw) -> None:
    file = picture(90, 70)
    keys = ItemKeys()
    assert keys.make_key(Item("x", file)) == keys.make_key(Item("x", file.read_bytes()))
    pixels = np.asarray(Image.open(file))
    assert keys.make_key(Item("x", pixels)) == keys.make_key(Item("x", Image.fromarray(pixels)))
    assert keys.make_key(Item("x", pixels)) != keys.make_key(Item("x", 255 - pixels))


def test_bad_bytes_are_named_by_their_item(tiny: VirtueEmbedder, picture: Draw) -> None:
    content = picture(90, 70).read_bytes()
    for bad in (b"", b"no image", content[: len(content) // 2]):
        with pytest.raises(ItemError, match=r"item 1: image in memory .* not an image that can be decoded"):
            tiny.embed([Item("a"), Item("x", bad)])
