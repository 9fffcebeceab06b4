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
    with pytest.raises(
        DataError, match=r"the item \(image noise.png.*\): it reads text alone, and the item has an image"
    ):
        embedder.embed([Item("a"), Item("what?", picture)])
    finding = check(embedder)[0]
    assert finding.level == "note"
    assert finding.text.startswith("it takes text only; ")


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


def _tokens(embedder: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of all inputs that the model gets from now on, with image tokens put together."""
    seen: list[str] = []
    inner = embedder._model[0]
    forward = inner.forward

    def record(features: dict[str, Any], **options: Any) -> Any:
        for row in inner.processor.tokenizer.batch_decode(features["input_ids"]):
            text = row.replace("<|endoftext|>", "")
            while "<|image_pad|><|image_pad|>" in text:
                text = text.replace("<|image_pad|><|image_pad|>", "<|image_pad|>")
            seen.append(text)
        return forward(features, **options)

    monkeypatch.setattr(inner, "forward", record)
    return seen


def test_qwen3_vl_embedding_gets_the_chats_of_its_protocol(
    qwen3_vl_folder: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder: Any = load_model(f"sentence-transformers:{qwen3_vl_folder}")
    assert embedder.layout == "apart"
    settings = embedder.settings
    assert settings["protocol"]["protocol"] == "qwen3-vl-embedding"
    assert (settings["min_pixels"], settings["max_pixels"]) == (4096, 1_843_200)
    assert settings["protocol"]["order"] == ["image", "text"]
    seen = _tokens(embedder, monkeypatch)
    items = [
        Item("why?", picture, instruction="Find it", side="query"),
        Item("why?", instruction="Say:", side="query"),
        Item("a boat", side="document"),
        Item("", picture, side="document"),
    ]
    vectors = embedder.embed(items)
    system = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
    pad = "<|vision_start|><|image_pad|><|vision_end|>"
    default = "Represent the user's input."
    expected = [
        system.format("Find it.", f"{pad}why?"),
        system.format("Say:", "why?"),
        system.format(default, "a boat"),
        system.format(default, pad),
    ]
    assert sorted(text.partition("<|im_start|>assistant")[0] for text in seen) == sorted(expected)
    np.testing.assert_allclose(embedder.embed(items[::-1])[::-1], vectors, atol=1e-5)
    assert len({tuple(np.round(vector, 3)) for vector in vectors}) == 4


def test_qwen3_vl_embedding_scores_a_corpus_and_says_how(qwen3_vl_folder: Path, corpus: Path) -> None:
    embedder = load_model(f"sentence-transformers:{qwen3_vl_folder}")
    result = evaluate(embedder, find_scar_tasks(corpus)[0], batch_size=8)
    assert result.settings["layout"] == "apart"
    assert result.settings["instructions"]["document"] == [""]
    (instruction,) = result.settings["instructions"]["query"]
    assert instruction.startswith("Find the caption that best describes")
    assert result.settings["embedder"]["protocol"]["place"] == "system"
    assert [finding for finding in check(embedder) if finding.level == "error"] == []


def test_a_protocol_in_words_is_the_librarys_prompt(bert: Path) -> None:
    own: Any = load_model(f"sentence-transformers:{bert}?protocol=e5")
    assert own.name.endswith("?protocol=e5")
    query, page = Item("a cat", instruction="Find", side="query"), Item("a cat", side="document")
    model = library.SentenceTransformer(str(bert), device="cpu")
    expected = model.encode(["query: Find a cat", "passage: a cat"], normalize_embeddings=True)
    np.testing.assert_allclose(own.embed([query, page]), expected, atol=1e-6)
    with pytest.raises(EvalError, match="protocol qwen3-vl-embedding wants a system turn, and the model has no chat"):
        load_model(f"sentence-transformers:{bert}?protocol=qwen3-vl-embedding")


def test_options_change_the_model_and_its_name(bert: Path) -> None:
    texts = [Item("a cat"), Item("two dogs on the grass")]
    whole, cut, half = (
        load_model(f"sentence-transformers:{bert}{options}") for options in ("", "?truncate_dim=8", "?dtype=bfloat16")
    )
    expected = np.asarray(whole.embed(texts))[:, :8]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(cut.embed(texts), expected, atol=1e-6)
    assert len({whole.name, cut.name, half.name}) == 3
    made: Any = half
    assert made.settings["dtype"] == "bfloat16"
    with pytest.raises(EvalError, match=r"truncate_dim 17: the model has 16 components"):
        load_model(f"sentence-transformers:{bert}?truncate_dim=17")
    with pytest.raises(EvalError, match=r"option nonsense: .*load has no parameter of that name; it takes .*dtype"):
        load_model(f"sentence-transformers:{bert}?nonsense=1")


def test_code_of_a_models_makers_runs_only_when_asked_for(bert: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "remote"
    shutil.copytree(bert, folder)
    (folder / "own_code.py").write_text(
        "from sentence_transformers.sentence_transformer.modules import Pooling\n"
        "from pathlib import Path\nPath(__file__).with_name('it_ran').touch()\nclass Own(Pooling):\n    pass\n"
    )
    modules = json.loads((folder / "modules.json").read_text())
    modules[-1]["type"] = "own_code.Own"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(EvalError):
        load_model(f"sentence-transformers:{folder}")
    embedder: Any = load_model(f"sentence-transformers:{folder}?trust_remote_code=true")
    assert embedder.settings["trust_remote_code"] is True
    assert len(embedder.embed([Item("a")])) == 1


def test_a_late_interaction_model_gives_the_vectors_of_its_library(bert: Path) -> None:
    saved = bert.parent / "colbert"
    library.MultiVectorEncoder(str(bert), device="cpu").save_pretrained(str(saved), create_model_card=False)
    embedder: Any = load_model(f"multi-vector:{saved}")
    assert embedder.multi_vector
    texts = ["a cat", "two dogs on the grass"]
    model = library.MultiVectorEncoder(str(saved), device="cpu")
    for own, expected in zip(
        embedder.embed([Item(text, side="query") for text in texts]),
        model.encode_query(texts, convert_to_numpy=True),
        strict=True,
    ):
        np.testing.assert_allclose(own, expected, atol=1e-5)


def test_colqwen2_of_transformers_is_a_late_interaction_model(
    tmp_path: Path, save_qwen_tokens: Any, make_model: Any, picture: Path, corpus: Path
) -> None:
    ids = save_qwen_tokens(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    images = transformers.Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=4 * 56 * 56)
    transformers.ColQwen2Processor(image_processor=images, tokenizer=tokenizer).save_pretrained(tmp_path)
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0}
    text: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(ids), "rope_parameters": rope}
    text |= {"bos_token_id": 0, "eos_token_id": 1}
    vision = {"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2}
    pads = {f"{name}_token_id": ids[f"<|{name}_pad|>"] for name in ("image", "video")}
    ends = {f"vision_{end}_token_id": ids[f"<|vision_{end}|>"] for end in ("start", "end")}
    vlm = transformers.Qwen2VLConfig(text_config=text, vision_config=vision, **pads, **ends)
    config = transformers.ColQwen2Config(vlm_config=vlm, embedding_dim=16)
    make_model(tmp_path, transformers.ColQwen2ForRetrieval, config)
    embedder: Any = load_model(f"multi-vector:{tmp_path}")
    words, image, both = embedder.embed([Item("a cat"), Item("", picture), Item("a cat", picture)])
    np.testing.assert_allclose(both, np.concatenate([words, image]), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(image, axis=1), 1, atol=1e-5)
    result = evaluate(embedder, find_scar_tasks(corpus)[0], batch_size=8)
    assert result.counts["queries"] == 40
