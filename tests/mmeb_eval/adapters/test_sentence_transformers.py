"""sentence-transformers: a model of text alone, one of texts and images, and one that fuses the two itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.contract import check
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item
from mmeb_eval.models import load_model
from mmeb_eval.regions.strategies import METHOD_STRATEGIES, STRATEGIES, apply_strategy
from mmeb_eval.run.evaluate import evaluate
from scar.errors import DataError, EvalError
from scar.sample import Box

library = pytest.importorskip("sentence_transformers", reason="needs `pip install 'scar-virtue[adapters]'`")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory, make_tokenizer: Any, make_model: Any) -> Path:
    """A BERT of a few numbers, averaged over its tokens."""
    path = tmp_path_factory.mktemp("bert")
    ids = make_tokenizer(path, 64)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=ids["vocab_size"], max_position_embeddings=64, **small)
    make_model(path, transformers.BertModel, config)
    words = library.sentence_transformer.modules.Transformer(str(path), max_seq_length=48)
    pooling = library.sentence_transformer.modules.Pooling(16, pooling_mode="mean")
    saved = tmp_path_factory.mktemp("sentence-bert")
    library.SentenceTransformer(modules=[words, pooling], device="cpu").save_pretrained(
        str(saved), create_model_card=False
    )
    return saved


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, clip_folder: Path) -> Path:
    """CLIP as sentence-transformers keeps it."""
    saved = tmp_path_factory.mktemp("sentence-clip")
    module = library.sentence_transformer.modules.Transformer(str(clip_folder))
    library.SentenceTransformer(modules=[module], device="cpu").save_pretrained(str(saved), create_model_card=False)
    return saved


def test_a_model_of_texts_gives_its_own_vectors_with_length_1(bert: Path, tmp_path: Path) -> None:
    embedder: Any = load_model(f"sentence-transformers:{bert}")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    texts = ["a cat", "two dogs on the grass", "", str(tmp_path / "a.png"), "https://example.org/a.png"]
    expected = library.SentenceTransformer(str(bert), device="cpu").encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(embedder.embed([Item(text) for text in texts]), expected, atol=1e-6)
    assert embedder.settings["max_tokens"] == 48
    assert embedder.settings["dtype"] == "float32"
    assert len(embedder.settings["revision"]) == 16
    assert embedder.settings["library"].startswith("sentence-transformers 6.")


@pytest.mark.parametrize(("name", "longest"), [("bert", 48), ("clip", 77)])
def test_texts_that_are_cut_are_counted(name: str, longest: int, request: pytest.FixtureRequest) -> None:
    embedder: Any = load_model(f"sentence-transformers:{request.getfixturevalue(name)}")
    fits, longer = Item("a" * (longest - 2)), Item("a" * (longest - 1))  # and two ends
    assert embedder.counts([fits, longer, Item("")]) == {"texts_cut": 1}
    one, other = embedder.embed([longer, Item("a" * 200)])
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_an_image_for_a_model_of_texts_is_refused_by_name(bert: Path, picture: Path) -> None:
    embedder = load_model(f"sentence-transformers:{bert}")
    with pytest.raises(DataError, match=r"reads text alone, but the item \(image noise.png.*\) shows an image"):
        embedder.embed([Item("a"), Item("what?", picture)])
    (finding,) = check(embedder)
    assert finding.level == "error"
    assert "reads text alone" in finding.text


def test_it_is_the_clip_that_it_wraps(clip: Path, clip_folder: Path, picture: Path) -> None:
    embedder: Any = load_model(f"sentence-transformers:{clip}")
    items = [Item("a cat"), Item("", picture), Item("what is this?", picture)]
    np.testing.assert_allclose(embedder.embed(items), load_model(f"clip:{clip_folder}").embed(items), atol=1e-5)
    settings = embedder.settings
    assert (settings["min_pixels"], settings["max_pixels"]) == (1024, 1024)
    assert settings["processor"] == "CLIPProcessor"
    assert [finding.level for finding in check(embedder)] == ["warning", "note"]  # it cuts the text before the region


def test_a_text_that_looks_like_an_images_path_stays_a_text(clip: Path, picture: Path) -> None:
    embedder = load_model(f"sentence-transformers:{clip}")
    as_text, as_image = embedder.embed([Item(str(picture)), Item("", picture)])
    assert np.abs(as_text - as_image).max() > 1e-3


def test_a_model_that_fuses_gets_both_at_once(clip: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder: Any = load_model(f"sentence-transformers:{clip}")
    seen: list[dict[str, Any]] = []

    def encode(inputs: Sequence[dict[str, Any]], **_: Any) -> Any:
        seen.extend(inputs)
        return np.ones((len(inputs), 4))

    monkeypatch.setattr(embedder._model, "supports", lambda what: what != "image")
    monkeypatch.setattr(embedder._model, "encode", encode)
    assert embedder.embed([Item("what?", picture)]) == pytest.approx(np.full((1, 4), 0.5))
    assert [sorted(each) for each in seen] == [["image", "text"]]
    assert seen[0]["text"] == "what?"


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in METHOD_STRATEGIES])
def test_it_scores_a_corpus_with_every_way_to_tell_the_region(clip: Path, corpus: Path, strategy: str) -> None:
    embedder = load_model(f"sentence-transformers:{clip}")
    result = evaluate(apply_strategy(embedder, strategy), find_scar_tasks(corpus)[0])
    assert result.settings["region"] == strategy
    assert result.counts["queries"] == 40


def test_what_cannot_be_used_is_refused(clip: Path, picture: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="takes no such prompt"):
        load_model(f"sentence-transformers:{clip}").embed([Item("", picture, Box(1, 1, 5, 5))])
    for strategy, method in METHOD_STRATEGIES.items():
        with pytest.raises(EvalError, match=f"has no {method}, which {strategy} needs"):
            apply_strategy(load_model(f"sentence-transformers:{clip}"), strategy)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvalError, match=r"sentence-transformers:.*empty: neither a readable local folder nor"):
        load_model(f"sentence-transformers:{tmp_path / 'empty'}")
