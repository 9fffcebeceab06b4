"""The requests and answers of embedding servers and vendors, each after its own schema or client library.

A shape is a row of `SHAPES`. Where a shape has no place for an item, such as an image for a server of texts, the item
is refused: no part of it is left out in silence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmeb_eval.adapters.image_data import encode_data_url
from mmeb_eval.item import Item
from mmeb_eval.templates.protocols import Protocol

Body = dict[str, Any]
Requests = list[tuple[list[int], Body]]
"""For each request, the indices of its items, and its JSON body without the model's name."""


OPENAI = "https://github.com/openai/openai-python src/openai/types/embedding_create_params.py (116db59)"
"""Schema of OpenAI's embeddings."""

TEXT_ALONE = "this server reads text alone, and the item has an image"

ONE_MEDIUM = "this server takes a text or an image, and the item has both, its instruction counted as text"


def refuse_nothing(item: Item, protocol: Protocol) -> str | None:
    """None: the server takes every item."""
    return None


def refuse_images(item: Item, protocol: Protocol) -> str | None:
    """`TEXT_ALONE` for an item with an image."""
    return None if item.image is None else TEXT_ALONE


def refuse_mixed(item: Item, protocol: Protocol) -> str | None:
    """`ONE_MEDIUM` for an item with an image and a text."""
    return ONE_MEDIUM if item.image is not None and protocol.make_text(item) else None


@dataclass(frozen=True, slots=True)
class Shape:
    """The requests and answers of a kind of server.

    Attributes:
        name: its name in results.
        source: where its makers say so: schema or client library.
        read: when the source was read.
        make_requests: turns items into requests: for each, the indices of its items and its body without the model's
            name; see `Requests`.
        read_answer: finds in an answer the rows ``{"embedding": ..., "index": ...}`` (the index may be missing); None
            if they are not there.
        answer: where the rows stand in an answer, in words.
        find_refusal: why the server takes no such item, in words; None if it takes it. ``make_requests`` gets none of
            those.
        path: end of a URL's path that stands for the shape in ``http:``; empty if no path does.
        each_alone: whether each item has a request of its own.
        most_items: largest number of items in a request; None without a limit.
        whole: what a body holds so that the server refuses a text that is too long.
        cut: what it holds so that the server cuts such a text; empty if it cannot be asked to.
        protocols: name of the protocol that a model's name stands for -> that with which this server wants it, see
            `mmeb_eval.templates.protocols`; others stay as they are.
    """

    name: str
    source: str
    read: str
    make_requests: Callable[[Sequence[Item], Protocol], Requests]
    read_answer: Callable[[Any], list[Any] | None]
    answer: str = "list `data`"
    find_refusal: Callable[[Item, Protocol], str | None] = refuse_nothing
    path: str = ""
    each_alone: bool = False
    most_items: int | None = None
    whole: Mapping[str, Any] = field(default_factory=dict)
    cut: Mapping[str, Any] = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)


def make_mixed_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    """One request for the items without an image, as strings, and one for those with an image, as objects."""
    texts: dict[int, str] = {}
    objects: dict[int, dict[str, str]] = {}
    for row, item in enumerate(items):
        text = protocol.make_text(item)
        if item.image is None:
            texts[row] = text
        else:
            objects[row] = ({"text": text} if text else {}) | {"image": encode_data_url(item.image)}
    return [(list(inputs), {"input": list(inputs.values())}) for inputs in (texts, objects) if inputs]


def make_text_requests(items: Sequence[Item], protocol: Protocol, key: str = "input") -> Requests:
    """One request of all texts."""
    return [(list(range(len(items))), {key: [protocol.make_text(item) for item in items]})]


def make_message_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    """A chat for each item. A model with a system turn goes on with an empty answer, as after a generation prompt."""
    requests: Requests = []
    for row, item in enumerate(items):
        image = None
        if item.image is not None:
            image = {"type": "image_url", "image_url": {"url": encode_data_url(item.image)}}
        messages = protocol.make_messages(item, image)
        body: Body = {"messages": messages}
        if protocol.place == "system":
            messages.append({"role": "assistant", "content": [{"type": "text", "text": ""}]})
            body |= {"continue_final_message": True, "add_special_tokens": True}
        requests.append(([row], body | dict(protocol.get_arguments(item))))
    return requests


def make_jina_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    """Requests in which each item is an object, a text or an image in base64; items of one ``task`` share a request."""

    def make_object(row: int, item: Item) -> dict[str, str]:
        if item.image is None:
            return {"text": protocol.make_text(item)}
        return {"image": encode_data_url(item.image).partition(",")[2]}

    return _group_by_arguments(items, protocol, "input", make_object)


def make_infinity_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    """One request of texts and one of images, each with its modality."""
    inputs: dict[str, dict[int, str]] = {"text": {}, "image": {}}
    for row, item in enumerate(items):
        if item.image is None:
            inputs["text"][row] = protocol.make_text(item)
        else:
            inputs["image"][row] = encode_data_url(item.image)
    return [(list(own), {"input": list(own.values()), "modality": kind}) for kind, own in inputs.items() if own]


def make_cohere_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    """Requests in which each item is a list of parts, text and image; items of one ``input_type`` share a request."""

    def make_image(url: str) -> Body:
        return {"type": "image_url", "image_url": {"url": url}}

    requests = _group_by_arguments(items, protocol, "inputs", _make_parts(protocol, make_image))
    return [(rows, {"input_type": "search_document", "embedding_types": ["float"], **body}) for rows, body in requests]


def make_voyage_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    """Requests in which each item is a list of parts, text and image; items of one ``input_type`` share a request."""

    def make_image(url: str) -> Body:
        return {"type": "image_base64", "image_base64": url}

    return _group_by_arguments(items, protocol, "inputs", _make_parts(protocol, make_image))


def _make_parts(protocol: Protocol, make_image: Callable[[str], Body]) -> Callable[[int, Item], Body]:
    """A function from an item to its parts, in the order of the protocol."""

    def make_content(row: int, item: Item) -> Body:
        text = protocol.make_text(item)
        parts: dict[str, Body] = {}
        if item.image is not None:
            parts["image"] = make_image(encode_data_url(item.image))
        if text or item.image is None:
            parts["text"] = {"type": "text", "text": text}
        return {"content": [parts[medium] for medium in protocol.order if medium in parts]}

    return make_content


def _group_by_arguments(
    items: Sequence[Item], protocol: Protocol, key: str, make_input: Callable[[int, Item], Any]
) -> Requests:
    """One request for the items of each set of arguments, such as those of queries and of documents."""
    grouped: dict[tuple[tuple[str, str], ...], dict[int, Any]] = {}
    for row, item in enumerate(items):
        arguments = tuple(sorted(protocol.get_arguments(item).items()))
        grouped.setdefault(arguments, {})[row] = make_input(row, item)
    return [(list(inputs), {**dict(own), key: list(inputs.values())}) for own, inputs in grouped.items()]


def _read_data(answer: Any) -> list[Any] | None:
    """``{"data": [{"index": 0, "embedding": [...]}, ...]}``."""
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, list) else None


def _read_list(answer: Any) -> list[Any] | None:
    """``[[...], ...]``."""
    return [{"embedding": vector} for vector in answer] if isinstance(answer, list) else None


def _read_embeddings(answer: Any) -> list[Any] | None:
    """``{"embeddings": [[...], ...]}``."""
    return _read_list(answer.get("embeddings")) if isinstance(answer, dict) else None


def _read_float_embeddings(answer: Any) -> list[Any] | None:
    """``{"embeddings": {"float": [[...], ...]}}``."""
    embeddings = answer.get("embeddings") if isinstance(answer, dict) else None
    return _read_list(embeddings.get("float")) if isinstance(embeddings, dict) else None


def _make_tei_requests(items: Sequence[Item], protocol: Protocol) -> Requests:
    return [(rows, {**body, "normalize": True}) for rows, body in make_text_requests(items, protocol, "inputs")]


SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape(
            "input",
            OPENAI + ", with objects for items with an image",
            "2026-12-01",
            make_mixed_requests,
            _read_data,
        ),
        Shape(
            "openai",
            OPENAI,
            "2026-12-01",
            make_text_requests,
            _read_data,
            find_refusal=refuse_images,
            most_items=2048,
        ),
        Shape(
            "messages",
            "https://github.com/vllm-project/vllm vllm/entrypoints/pooling/base/protocol.py (020638a) and "
            "examples/pooling/embed/vision_embedding_online.py (010ffcc)",
            "2026-12-01",
            make_message_requests,
            _read_data,
            each_alone=True,
            cut={"truncate_prompt_tokens": -1},
        ),
        Shape(
            "jina",
            "https://huggingface.co/jinaai/jina-embeddings-v4, via Jina AI Embeddings API; images as base64 and "
            "`truncate` as clients send them, no schema was at hand",
            "2026-12-01",
            make_jina_requests,
            _read_data,
            find_refusal=refuse_mixed,
            protocols={"jina-embeddings-v4": "jina-embeddings-v4-api"},
            cut={"truncate": True},
        ),
        Shape(
            "cohere",
            "https://github.com/cohere-ai/cohere-python src/cohere/types/embed_input.py (1eca49d), embed_content.py "
            "(5ff8b9c), v2/client.py; https://docs.cohere.com/reference/embed",
            "2026-12-01",
            make_cohere_requests,
            _read_float_embeddings,
            answer="list `embeddings.float`",
            path="/v2/embed",
            most_items=96,
            whole={"truncate": "NONE"},
            cut={"truncate": "END"},
            protocols={"plain": "cohere-embed-v4"},
        ),
        Shape(
            "voyage",
            "https://github.com/voyage-ai/voyageai-python voyageai/object/multimodal_embeddings.py (3697f29)",
            "2026-12-01",
            make_voyage_requests,
            _read_data,
            path="/multimodalembeddings",
            most_items=1000,
            whole={"truncation": False},
            cut={"truncation": True},
            protocols={"plain": "voyage-multimodal"},
        ),
        Shape(
            "tei",
            "https://github.com/huggingface/text-embeddings-inference docs/openapi.json, POST /embed, EmbedRequest",
            "2026-12-01",
            _make_tei_requests,
            _read_list,
            answer="list of vectors",
            find_refusal=refuse_images,
            path="/embed",
            whole={"truncate": False},
            cut={"truncate": True},
        ),
        Shape(
            "infinity",
            "https://github.com/michaelfeil/infinity libs/infinity_emb/infinity_emb/fastapi_schemas/pymodels.py, "
            "MultiModalOpenAIEmbedding",
            "2026-12-01",
            make_infinity_requests,
            _read_data,
            find_refusal=refuse_mixed,
            most_items=2048,
        ),
        Shape(
            "ollama",
            "https://github.com/ollama/ollama api/types.go, EmbedRequest, read in copies of it",
            "2026-12-01",
            make_text_requests,
            _read_embeddings,
            answer="list `embeddings`",
            find_refusal=refuse_images,
            path="/api/embed",
            whole={"truncate": False},
            cut={"truncate": True},
        ),
    )
}
"""Name of a shape -> the shape."""


def find_shape_by_path(path: str) -> Shape:
    """The shape whose own path ends a URL's path, the longest one; ``input`` if none does.

    >>> find_shape_by_path("/v2/embed").name, find_shape_by_path("/v1/embeddings").name
    ('cohere', 'input')
    """
    found = [shape for shape in SHAPES.values() if shape.path and path.rstrip("/").endswith(shape.path)]
    return max(found, key=lambda shape: len(shape.path), default=SHAPES["input"])


def decode_base64_vector(text: str) -> list[float] | None:
    """The numbers of a vector in base64: float32, little-endian, as OpenAI's clients ask for; None if it is none."""
    import numpy as np

    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    vector: list[float] = np.frombuffer(content, dtype="<f4").tolist() if content and len(content) % 4 == 0 else []
    return vector or None
