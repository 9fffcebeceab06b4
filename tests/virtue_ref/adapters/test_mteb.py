"""VIRTUE as an mteb model gives its own vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item
from scar.errors import ItemError
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder


@pytest.fixture
def image(picture: Callable[..., Path]) -> Path:
    return picture(90, 70)


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
    with pytest.raises(ItemError, match="unknown key 'bbox': did you mean box"):
        model.encode([{"image": [image], "text": ["which?"], "bbox": [[9, 9, 60, 50]]}])
    with pytest.raises(ItemError, match="a batch with columns id, title has neither text nor image"):
        model.encode([{"id": [1], "title": ["which?"]}])
    np.testing.assert_allclose(
        model.encode([{"text": ["a cat"], "title": ["x"]}]), tiny.embed([Item("a cat")]), atol=2e-6
    )
