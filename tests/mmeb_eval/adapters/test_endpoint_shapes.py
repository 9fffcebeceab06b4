"""Requests of every shape pass a strict mimic of its server; what has no place there is refused, never left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmeb_eval.adapters.endpoint_shapes import SHAPES
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item
from mmeb_eval.models import load_model
from mmeb_eval.run.evaluate import evaluate
from scar.errors import DataError, EvalError, ItemError
from tests.mmeb_eval.adapters.mimic import MAX_WORDS, make_vector, run_mimic

ADDRESSES = {
    "openai": "openai:{}/openai/v1/embeddings#m",
    "messages": "vllm:{}/vllm/v1/embeddings#m",
    "jina": "jina:{}/jina/v1/embeddings#m",
    "cohere": "cohere:{}/v2/embed#m",
    "voyage": "voyage:{}/v1/multimodalembeddings#m",
    "tei": "tei:{}/tei/embed#m",
    "infinity": "infinity:{}/infinity/embeddings#m",
    "ollama": "ollama:{}/api/embed#m",
}
BOTH = ("messages", "cohere", "voyage")
IMAGES = (*BOTH, "jina", "infinity")
LONG = " ".join(["word"] * (MAX_WORDS + 1))


@pytest.fixture
def sent() -> list[tuple[str, Any]]:
    """(path, body) of each request."""
    return []


@pytest.fixture
def address(sent: list[tuple[str, Any]]) -> Iterator[str]:
    with run_mimic(sent) as running:
        yield running


def test_every_shape_has_an_address_here() -> None:
    assert {*ADDRESSES, "input"} == set(SHAPES)
    assert all(shape.source.startswith("https://") and shape.read for shape in SHAPES.values())


@pytest.mark.parametrize("shape", ADDRESSES)
def test_texts_come_back_in_order_and_settings_name_the_shape(shape: str, address: str) -> None:
    embedder: Any = load_model(ADDRESSES[shape].format(address))
    texts = [f"text {number}" for number in range(5)]
    expected = np.array([make_vector(text) for text in texts])
    found = embedder.embed([Item(text) for text in texts])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert embedder.settings["request"] == shape


@pytest.mark.parametrize("shape", IMAGES)
def test_images_arrive(shape: str, address: str, picture: Path) -> None:
    items = [Item(image=picture), Item("a"), Item(image=picture)]
    found = load_model(ADDRESSES[shape].format(address)).embed(items)
    expected = np.array(make_vector("", picture.read_bytes()))
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected), atol=1e-6)
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("shape", BOTH)
def test_text_beside_an_image_is_read(shape: str, address: str, picture: Path) -> None:
    found = load_model(ADDRESSES[shape].format(address)).embed([Item("a", picture), Item("b", picture)])
    expected = np.array(make_vector("a", picture.read_bytes()))
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize("shape", [shape for shape in ADDRESSES if shape not in BOTH])
def test_what_has_no_place_is_refused_with_its_index(shape: str, address: str, picture: Path) -> None:
    with pytest.raises(ItemError, match=r"item 1: this server (reads text alone|takes a text or an image)") as caught:
        load_model(ADDRESSES[shape].format(address)).embed([Item("a"), Item("a", picture)])
    assert caught.value.index == 1


@pytest.mark.parametrize("shape", ADDRESSES)
def test_a_text_that_is_too_long_is_named_or_cut(shape: str, address: str) -> None:
    items = [Item("a"), Item("b"), Item(LONG), Item("c")]
    with pytest.raises(ItemError, match=r"item 2: .*HTTP 400 .*maximum context length") as caught:
        load_model(ADDRESSES[shape].format(address)).embed(items)
    assert caught.value.index == 2
    if not SHAPES[shape].cut:
        with pytest.raises(EvalError, match="cannot be asked to cut texts"):
            load_model(ADDRESSES[shape].format(address) + "?truncate=true")
        return
    embedder = load_model(ADDRESSES[shape].format(address) + "?truncate=true")
    expected = np.array(make_vector(" ".join(LONG.split()[:MAX_WORDS])))
    np.testing.assert_allclose(embedder.embed(items)[2], expected / np.linalg.norm(expected), atol=1e-6)
    assert embedder.name.endswith("#m?truncate=true")


def test_the_row_of_a_text_that_is_too_long_is_named(address: str, corpus: Path) -> None:
    with pytest.raises(DataError, match=r"SCaR_eval_Toy.parquet, row 0: .*the item \(.*maximum context length"):
        evaluate(load_model(f"vllm:{address}/vllm/v1/embeddings#m"), find_scar_tasks(corpus)[0])


def test_a_batch_that_is_too_large_is_halved_and_the_size_is_kept(
    address: str, sent: list[tuple[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    embedder = load_model(f"{address}/large/v1/embeddings#m")
    items = [Item(str(number)) for number in range(12)]
    expected = np.array([make_vector(str(number)) for number in range(12)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.embed(items), expected, atol=1e-6)
    assert "HTTP 413" in capfd.readouterr().err
    sent.clear()
    embedder.embed(items)
    assert [len(body["input"]) for _, body in sent] == [3, 3, 3, 3]


def test_base64_and_further_keys_are_asked_for(address: str, sent: list[tuple[str, Any]]) -> None:
    plain: Any = load_model(f"openai:{address}/openai/v1/embeddings#m")
    coded: Any = load_model(f"openai:{address}/openai/v1/embeddings#m", request_json='{"encoding_format": "base64"}')
    assert np.array_equal(plain.embed([Item("a")]), coded.embed([Item("a")]))
    assert sent[-1][1]["encoding_format"] == "base64"
    assert coded.settings["request_json"] == {"encoding_format": "base64"}
    assert coded.name != plain.name
    with pytest.raises(EvalError, match=r"--request-json \[1\]: expected an object"):
        load_model(f"openai:{address}/openai/v1/embeddings#m", request_json="[1]")
    with pytest.raises(EvalError, match="--at-once 2: constant has no such option; http, "):
        load_model("constant", at_once=2)


def test_at_once_splits_a_batch(address: str, sent: list[tuple[str, Any]]) -> None:
    embedder: Any = load_model(f"openai:{address}/openai/v1/embeddings#m", at_once=3)
    assert embedder.embed([Item(str(number)) for number in range(8)]).shape == (8, 8)
    assert sorted(len(body["input"]) for _, body in sent) == [2, 3, 3]
    assert embedder.count_requests(8, 0, 8) == 4


def test_sides_and_instructions_go_where_the_protocol_says(
    address: str, sent: list[tuple[str, Any]], picture: Path
) -> None:
    query = Item("a dog", picture, instruction="Find it.", side="query")
    load_model(ADDRESSES["cohere"].format(address)).embed([query, Item("a cat", side="document")])
    assert {body["input_type"]: [len(each["content"]) for each in body["inputs"]] for _, body in sent} == {
        "search_query": [2],
        "search_document": [1],
    }
    sent.clear()
    pair = [Item("a", instruction="Find:", side="query"), Item("b", side="document")]
    load_model(f"jina:{address}/jina/v1/embeddings#jina-embeddings-v4").embed(pair)
    assert {body["task"]: body["input"] for _, body in sent} == {
        "retrieval.query": [{"text": "Find: a"}],
        "retrieval.passage": [{"text": "b"}],
    }
    with pytest.raises(EvalError, match=r"protocol gme wants a system turn, which .* \(openai\) has not; use vllm:"):
        load_model(f"openai:{address}/openai/v1/embeddings#gme-Qwen2-VL")
    sent.clear()
    load_model(f"vllm:{address}/vllm/v1/embeddings#Qwen/Qwen3-VL-Embedding-2B").embed([query])
    ((_, body),) = sent
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant"]
    assert body["messages"][0]["content"][0]["text"] == "Find it."
    assert body["continue_final_message"] is True


@pytest.mark.parametrize(("path", "shape"), [("v2/embed", "cohere"), ("api/embed", "ollama"), ("tei/embed", "tei")])
def test_a_path_of_its_own_tells_the_shape(path: str, shape: str, address: str) -> None:
    embedder: Any = load_model(f"{address}/{path}#m")
    assert embedder.embed([Item("a")]).shape == (1, 8)
    assert embedder.settings["request"] == shape
