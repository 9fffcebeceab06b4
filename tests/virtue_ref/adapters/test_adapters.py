"""VIRTUE behind other libraries' doors; their tests run where the libraries are installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item, Points
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.adapters.items import ImageFiles, make_item
from virtue_ref.embedder import VirtueEmbedder


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
    with pytest.raises(ItemError, match="its prompt is none"):
        make_item({"image": image, "box": [1, 2]}, ImageFiles())


def inputs(image: Path) -> tuple[list[Any], list[Item]]:
    text = "<|image_pad|>\nwhich one?"
    given = ["a cat", {"text": text, "image": Image.open(image)}, {"text": text, "image": image, "box": [9, 9, 60, 50]}]
    return given, [Item("a cat"), Item(text, image), Item(text, image, Box(9, 9, 60, 50))]


def test_a_sentence_transformer(image: Path, tiny: VirtueEmbedder, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason="needs `pip install sentence-transformers`")
    from virtue_ref.adapters.sentence_transformers import SentenceTransformersVirtue

    given, items = inputs(image)
    model = library.SentenceTransformer(modules=[SentenceTransformersVirtue("tiny")], device="cpu")
    np.testing.assert_allclose(model.encode(given), tiny.embed(items), rtol=0, atol=2e-6)
    np.testing.assert_allclose(model.encode(["cat"], prompt="a "), tiny.embed([Item("a cat")]), rtol=0, atol=2e-6)
    model.save(str(tmp_path / "saved"))
    again = library.SentenceTransformer(str(tmp_path / "saved"), device="cpu", trust_remote_code=True)
    np.testing.assert_allclose(again.encode("a cat"), tiny.embed(items[:1])[0], rtol=0, atol=2e-6)


def test_an_mteb_model(image: Path, tiny: VirtueEmbedder) -> None:
    pytest.importorskip("mteb", reason="needs `pip install mteb`")
    from virtue_ref.adapters.mteb import IMAGE_TEXT, QUESTION_TEMPLATE, MtebVirtue

    model = MtebVirtue("tiny", device="cpu")
    texts = [{"text": ["a cat", "a dog"]}]
    pictures = [{"image": [Image.open(image)]}, {"image": [image], "text": ["which?"], "box": [[9, 9, 60, 50]]}]
    expected = [Item(IMAGE_TEXT, image), Item(QUESTION_TEMPLATE.format("which?"), image, Box(9, 9, 60, 50))]
    np.testing.assert_allclose(model.encode(texts), tiny.embed([Item("a cat"), Item("a dog")]), atol=2e-6)
    np.testing.assert_allclose(model.encode(pictures), tiny.embed(expected), atol=2e-6)
    assert model.mteb_model_meta is not None
    assert model.mteb_model_meta.revision == tiny.name
    similarity = model.similarity(model.encode(texts), model.encode(texts))
    np.testing.assert_allclose(np.diag(np.asarray(similarity)), 1, atol=1e-5)
