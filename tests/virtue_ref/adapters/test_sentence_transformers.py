"""VIRTUE as a module of a SentenceTransformer gives its own vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item
from scar.errors import ConfigError, ItemError
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder


@pytest.fixture
def image(picture: Callable[..., Path]) -> Path:
    return picture(90, 70)


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
    modules = tmp_path / "saved" / "modules.json"  # as version 0.1 saved it
    modules.write_text(modules.read_text().replace(".SentenceTransformersVirtue", ".Virtue"))
    assert ".Virtue" in modules.read_text()
    older = library.SentenceTransformer(str(tmp_path / "saved"), device="cpu", trust_remote_code=True)
    np.testing.assert_allclose(older.encode("a cat"), tiny.embed(items[:1])[0], rtol=0, atol=2e-6)


def test_what_would_be_lost_is_refused(image: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason="needs `pip install sentence-transformers`")
    from virtue_ref.adapters.sentence_transformers import SentenceTransformersVirtue

    model = library.SentenceTransformer(modules=[SentenceTransformersVirtue("tiny")], device="cpu")
    for given, message in (
        (
            {"text": "q", "image": image, "bbox": [10, 10, 60, 50]},
            r"^\{'text': 'q', .*: unknown key 'bbox': did you mean box",
        ),
        (
            {"text": "q", "image": image, "box": [0.1, 0.1, 0.6, 0.5]},
            r"^the item \(image 90x70-0\.png, Box.*fractions of the image",
        ),
        ({"text": "q", "image": image, "box": [50, 40, 20, 10]}, "is it x, y, width, height"),
        ({"text": 5, "image": image}, "text 5 is no string"),
    ):
        with pytest.raises(ItemError, match=message):
            model.encode([given])
    with pytest.raises(ConfigError, match="which model"):
        SentenceTransformersVirtue()
