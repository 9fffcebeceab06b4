"""A local server that takes the requests of several vendors, each strictly by its schema, and answers in its shape."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

WIDTH = 8
MAX_WORDS = 12
"""Number of words beyond which a text is too long for the servers."""


class Refused(Exception):  # noqa: N818 - an answer, not a failure of the server
    """An answer with an error's status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def make_vector(text: str, image: bytes = b"") -> list[float]:
    """Numbers that stand for words and pixels."""
    pixels = Image.open(io.BytesIO(image)).convert("RGB").tobytes() if image else b""
    return [float(byte) - 128 for byte in hashlib.sha256(text.encode() + pixels).digest()[:WIDTH]]


def need(body: Mapping[str, Any], required: set[str], optional: set[str]) -> None:
    """Refuse a body that lacks a key or has one that the schema does not know."""
    keys = set(body)
    if missing := required - keys:
        raise Refused(422, f"missing field {sorted(missing)}")
    if unknown := keys - required - optional:
        raise Refused(422, f"unknown field {sorted(unknown)}")


def decode_url(url: Any) -> bytes:
    """The bytes of a data URL."""
    if not isinstance(url, str) or not url.startswith("data:image/"):
        raise Refused(400, f"no data URL: {url!r:.40}")
    return base64.b64decode(url.partition(",")[2], validate=True)


def check_texts(texts: Any, *, cuts: bool = False) -> list[str]:
    """The texts, cut if that was asked for."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(422, "input: expected a list of strings")
    long = [text for text in texts if len(text.split()) > MAX_WORDS]
    if long and not cuts:
        raise Refused(400, f"This model's maximum context length is {MAX_WORDS} tokens.")
    return [" ".join(text.split()[:MAX_WORDS]) for text in texts]


def answer_data(vectors: list[list[float]]) -> Any:
    return {"data": [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)][::-1]}


def openai(body: Any) -> Any:
    need(body, {"model", "input"}, {"encoding_format", "dimensions"})
    answer = answer_data([make_vector(text) for text in check_texts(body["input"])])
    if body.get("encoding_format") == "base64":
        for row in answer["data"]:
            row["embedding"] = base64.b64encode(struct.pack(f"<{WIDTH}f", *row["embedding"])).decode()
    return answer


def vllm(body: Any) -> Any:
    """vllm/entrypoints/pooling/base/protocol.py: ChatRequestMixin."""
    need(body, {"model", "messages"}, {"continue_final_message", "add_special_tokens", "truncate_prompt_tokens"})
    roles = [message["role"] for message in body["messages"]]
    if roles not in (["user"], ["system", "user", "assistant"]) or (len(roles) == 3) != (
        body.get("continue_final_message") is True
    ):
        raise Refused(400, f"roles {roles}")
    text, image = "", b""
    for message in body["messages"]:
        for part in message["content"]:
            if part["type"] == "image_url":
                image += decode_url(part["image_url"]["url"])
            else:
                text += part["text"]
    (text,) = check_texts([text], cuts=body.get("truncate_prompt_tokens") == -1)
    return answer_data([make_vector(text, image)])


def jina(body: Any) -> Any:
    need(body, {"model", "input"}, {"task", "truncate", "dimensions"})
    vectors = []
    for each in body["input"]:
        if not isinstance(each, dict) or len(each) != 1 or not each.keys() <= {"text", "image"}:
            raise Refused(422, "each input doc must have exactly one of text, image")
        (text,) = check_texts([each.get("text", "")], cuts=body.get("truncate") is True)
        vectors.append(make_vector(text, base64.b64decode(each.get("image", ""), validate=True)))
    return answer_data(vectors)


def cohere(body: Any) -> Any:
    need(body, {"model", "input_type", "embedding_types", "inputs"}, {"truncate", "output_dimension", "max_tokens"})
    if body["input_type"] not in ("search_query", "search_document") or len(body["inputs"]) > 96:
        raise Refused(400, "invalid request")
    vectors = []
    for each in body["inputs"]:
        image, texts = b"", []
        for part in each["content"]:
            if part["type"] == "image_url":
                image = decode_url(part["image_url"]["url"])
            else:
                texts.append(part["text"])
        texts = check_texts(texts, cuts=body.get("truncate") == "END")
        vectors.append(make_vector("".join(texts), image))
    return {"id": "x", "embeddings": {"float": vectors}, "texts": []}


def voyage(body: Any) -> Any:
    need(body, {"model", "inputs"}, {"input_type", "truncation", "output_encoding"})
    if body.get("input_type") not in (None, "query", "document"):
        raise Refused(400, "input_type")
    vectors = []
    for each in body["inputs"]:
        need(each, {"content"}, set())
        image, texts = b"", []
        for part in each["content"]:
            need(part, {"type", part["type"]}, set())
            if part["type"] == "image_base64":
                image = decode_url(part["image_base64"])
            else:
                texts.append(part["text"])
        vectors.append(make_vector("".join(check_texts(texts, cuts=body.get("truncation", True))), image))
    return answer_data(vectors)


def tei(body: Any) -> Any:
    need({key: value for key, value in body.items() if key != "model"}, {"inputs"}, {"normalize", "truncate"})
    if len(body["inputs"]) > 4:
        raise Refused(422, f"batch size {len(body['inputs'])} > maximum allowed batch size 4")
    return [make_vector(text) for text in check_texts(body["inputs"], cuts=body.get("truncate") is True)]


def infinity(body: Any) -> Any:
    need(body, {"model", "input"}, {"modality", "encoding_format", "user", "dimensions"})
    if body.get("modality", "text") == "image":
        return answer_data([make_vector("", decode_url(url)) for url in body["input"]])
    return answer_data([make_vector(text) for text in check_texts(body["input"])])


def ollama(body: Any) -> Any:
    need(body, {"model", "input"}, {"truncate", "dimensions", "keep_alive", "options"})
    texts = check_texts(body["input"], cuts=body.get("truncate", True))
    return {"model": body["model"], "embeddings": [make_vector(text) for text in texts]}


def large(body: Any) -> Any:
    """Takes three texts at once."""
    if len(body["input"]) > 3:
        raise Refused(413, "length limit exceeded")
    return openai(body)


ROUTES: Mapping[str, Callable[[Any], Any]] = {
    "/openai/v1/embeddings": openai,
    "/vllm/v1/embeddings": vllm,
    "/jina/v1/embeddings": jina,
    "/v2/embed": cohere,
    "/v1/multimodalembeddings": voyage,
    "/tei/embed": tei,
    "/infinity/embeddings": infinity,
    "/api/embed": ollama,
    "/large/v1/embeddings": large,
}


@contextmanager
def run_mimic(requests: list[tuple[str, Any]]) -> Iterator[str]:
    """Run the server; add (path, body) of each request to a list. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append((self.path, body))
            try:
                status, answer = 200, ROUTES[self.path](body)
            except Refused as error:
                status, answer = error.status, {"message": str(error)}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        request_queue_size = 256

    server = Listener(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
