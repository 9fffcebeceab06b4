"""Models behind a URL that take JSON by POST, such as OpenAI's, vLLM's, Cohere's or Ollama's.

A model is named by the URL, a ``#`` and the model's name there. `mmeb_eval.adapters.endpoint_shapes` has the requests
and answers of each kind of server. ``http:`` sends ``{"model": ..., "input": [...]}``: items without an image as
strings, items with an image as objects ``{"image": "data:image/png;base64,...", "text": ...}``; each gives one vector.

The environment variable `KEY_VARIABLE` holds the key, which is sent as a bearer token. No name, setting or message
contains it.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import math
import os
import ssl
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

from mmeb_eval.adapters.endpoint_options import EndpointOptions, TooMuch, find_too_much
from mmeb_eval.adapters.endpoint_shapes import SHAPES, Requests, Shape, decode_base64_vector, find_shape_by_path
from mmeb_eval.adapters.patience import Patience, read_server_wait, say_once
from mmeb_eval.adapters.shared import list_items, normalise_rows
from mmeb_eval.item import Item
from mmeb_eval.templates.protocols import DEFAULT_PROTOCOL
from mmeb_eval.vectors import make_rows
from scar.common.retry import is_temporary
from scar.errors import ContractError, EvalError, ItemError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEY_VARIABLE = "MMEB_EVAL_API_KEY"
"""Environment variable that holds the API key."""

TIMEOUT_S = 300.0
"""Seconds without an answer after which an attempt fails."""

MAX_CONCURRENT_REQUESTS = 256
"""Largest number of requests in flight at the same time; vLLM works on as many at once by default."""

RATE_LIMIT_STATUS = 429

DEFAULT_PORTS = {"http": 80, "https": 443}
"""Scheme of a URL -> the port that it implies."""

Body = Mapping[str, Any]


class Endpoint:
    """A model behind a URL.

    Args:
        url: URL of the endpoint, followed by a ``#`` and the name of the model.
        shape: its requests and answers.
        prefix: what stands before the URL in the embedder's name, so that two kinds of request have two names.
        options: see `EndpointOptions`.

    Attributes:
        layout: layout of items, as the protocol of the model wants it.
        max_batch_size: largest number of items that are sent at the same time, each in a request of its own; None if
            one request holds them.

    Raises:
        EvalError: ``url`` is not a URL, names no model, or contains a user or password; or an option has no effect.
    """

    def __init__(self, url: str, shape: Shape, prefix: str, options: EndpointOptions) -> None:
        self._url, self._model = urldefrag(url)
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_valid_port(parts):
            raise EvalError(f"{url!r}: not a URL such as http://localhost:8000/v1/embeddings#model.")
        if parts.username or parts.password:
            raise EvalError(f"{parts.hostname}: no user or password in the URL; put the key into {KEY_VARIABLE}.")
        if not self._model:
            raise EvalError(f"{url}: which model? Write its name behind the URL: {url}#model.")
        if options.truncate and not shape.cut:
            raise EvalError(f"{url}: a server of this shape ({shape.name}) cannot be asked to cut texts.")
        self._shape = shape
        self._options = options
        self._protocol = options.select_protocol(self._model, shape)
        self._fitting: int | None = shape.most_items
        self.layout = self._protocol.layout
        self.max_batch_size = options.at_once or MAX_CONCURRENT_REQUESTS if shape.each_alone else None
        endpoint = normalise_url(self._url)
        self.name = f"{prefix}{endpoint}#{self._model}{options.suffix}"
        own = {} if self._protocol.name == DEFAULT_PROTOCOL else self._protocol.settings
        self.settings = {"endpoint": endpoint, "model": self._model, "request": shape.name, **own, **options.settings}

    def count_requests(self, texts: int, images: int, batch_size: int) -> int:
        """The most requests for so many texts and items with an image, without those that are sent again."""
        if self._shape.each_alone:
            return texts + images
        size = max(1, min(batch_size // (self._options.at_once or 1), self._fitting or batch_size))
        sides = 1 if self._protocol.name == DEFAULT_PROTOCOL else 2
        return sides * (math.ceil(texts / size) + math.ceil(images / size))

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened.
            ItemError: the server has no place for an item, or it is too long; the error tells its index.
            EvalError: the server refuses, or does not answer in time, see `mmeb_eval.adapters.patience`.
            ContractError: the answer does not give each item one vector; or there is no item.
        """
        items = list_items(items, self.name)
        for row, item in enumerate(items):
            if (reason := self.find_refusal(item)) is not None:
                raise ItemError(reason, row)
        parts = self._split(list(range(len(items))))
        requests = [request for part in parts for request in self._make_requests(items, part)]
        vectors: list[Any] = [None] * len(items)
        at_once = self._options.at_once or MAX_CONCURRENT_REQUESTS
        with ThreadPoolExecutor(max(1, min(len(requests), at_once))) as pool:
            for answers in pool.map(lambda request: self._embed_rows(items, *request), requests):
                for row, vector in answers.items():
                    vectors[row] = vector
        return normalise_rows(vectors, self.name, len(items))

    def find_refusal(self, item: Item) -> str | None:
        """Why the server takes no such item; None if it takes it."""
        return self._shape.find_refusal(item, self._protocol)

    def _split(self, rows: list[int]) -> list[list[int]]:
        """Split indices of items into as many parts as are sent at once, none larger than what fits."""
        count = 1 if self._shape.each_alone else self._options.at_once or 1
        size = max(1, min(math.ceil(len(rows) / count), self._fitting or len(rows)))
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def _make_requests(self, items: Sequence[Item], rows: list[int]) -> Requests:
        """The requests for some items, with indices among all, as in errors."""
        requests = self._shape.make_requests([items[row] for row in rows], self._protocol)
        return [([rows[place] for place in own], body) for own, body in requests]

    def _embed_rows(self, items: Sequence[Item], rows: list[int], body: Body) -> dict[int, list[float]]:
        """The vectors of the items of one request, by index; if they are too much for the server, of each half."""
        try:
            switch = self._shape.cut if self._options.truncate else self._shape.whole
            content = {"model": self._model, **body, **switch, **self._options.request_json}
            return dict(zip(rows, self._post_with_retries(content, len(rows)), strict=True))
        except TooMuch as error:
            if len(rows) == 1:
                hint = "; the option ?truncate=true cuts texts that are too long" if self._can_cut() else ""
                raise ItemError(f"{self._url}: {error}{hint}", rows[0]) from None
            half = math.ceil(len(rows) / 2)
            if error.is_batch_too_large:
                self._fitting = min(half, self._fitting or half)
                say_once(self._url, f"{self._url}: {error}; going on with batches of {half}", 1.0)
        vectors: dict[int, list[float]] = {}
        for part in (rows[:half], rows[half:]):
            for request in self._make_requests(items, part):
                vectors |= self._embed_rows(items, *request)
        return vectors

    def _can_cut(self) -> bool:
        """Whether the user may ask the server to cut texts, and has not."""
        return bool(self._shape.cut) and not self._options.truncate

    def _post_with_retries(self, body: Body, count: int) -> list[list[float]]:
        """Send one request, again after temporary failures; return its ``count`` vectors."""
        content = json.dumps(body).encode("utf-8")
        patience = Patience(self._url)
        while True:
            server_wait, is_limited = None, False
            try:
                return _parse_vectors(self._send_request(content), count, self.name, self._shape)
            except urllib.error.HTTPError as error:
                with error:
                    reason = _hide_key(_describe_http_error(error))
                if (too_much := find_too_much(error.code, reason)) is not None:
                    raise too_much from None
                if not is_temporary(error.code):
                    lacks_key = error.code in (401, 403) and not os.environ.get(KEY_VARIABLE)
                    raise EvalError(f"{self._url}: {reason}{f' Set {KEY_VARIABLE}.' if lacks_key else ''}") from None
                server_wait = read_server_wait(error.headers)
                is_limited = error.code == RATE_LIMIT_STATUS or server_wait is not None
            except (OSError, http.client.HTTPException) as error:
                cause = getattr(error, "reason", error)
                if isinstance(cause, ssl.SSLCertVerificationError):
                    raise EvalError(f"{self._url}: {cause}") from None
                reason = _hide_key(f"{type(cause).__name__}: {cause}")
            patience.wait(reason, is_limited=is_limited, server_wait_s=server_wait)

    def _send_request(self, content: bytes) -> Any:
        """Send a request once and parse the JSON of its answer."""
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self._url, content, headers, method="POST")  # noqa: S310 - scheme is checked
        with urllib.request.build_opener(_RefuseRedirects).open(request, timeout=TIMEOUT_S) as answer:
            text = answer.read()
            if answer.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):  # unasked, as some proxies do
                with contextlib.suppress(OSError, EOFError, zlib.error):
                    text = gzip.decompress(text)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ContractError(f"{self._url}: the answer is not JSON: {_hide_key(_shorten_text(text))}") from None


class _RefuseRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, as that would send the key to another host."""

    def http_error_302(self, *_: Any, **__: Any) -> None:
        return None  # an HTTPError follows

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _make_loader(shape: str | None, prefix: str) -> Callable[..., Endpoint]:
    """The function that makes the embedder of an endpoint; without a shape, the end of the URL's path tells it."""

    def load(
        url: str,
        *,
        protocol: str | None = None,
        request_json: str | None = None,
        at_once: int | None = None,
        truncate: bool = False,
    ) -> Endpoint:
        """Make the embedder of an endpoint; ``url`` ends in ``#`` and the model's name.

        For the options, see `EndpointOptions`.

        Raises:
            EvalError: ``url`` is not a URL, names no model, or contains a user or password; or an option cannot be
                used.
        """
        found = SHAPES[shape] if shape else find_shape_by_path(urlsplit(urldefrag(url)[0]).path)
        return Endpoint(url, found, prefix, EndpointOptions.parse(protocol, request_json, at_once, truncate))

    return load


load = _make_loader(None, "")
load_vllm = _make_loader("messages", "vllm:")
load_openai = _make_loader("openai", "openai:")
load_jina = _make_loader("jina", "jina:")
load_cohere = _make_loader("cohere", "cohere:")
load_voyage = _make_loader("voyage", "voyage:")
load_tei = _make_loader("tei", "tei:")
load_infinity = _make_loader("infinity", "infinity:")
load_ollama = _make_loader("ollama", "ollama:")


def normalise_url(url: str) -> str:
    """A URL in one spelling: scheme and host in small letters, no port that the scheme implies, no slash at the end.

    A user and password are left out.

    >>> normalise_url("HTTP://LocalHost:80/v1/Embeddings/")
    'http://localhost/v1/Embeddings'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return parts._replace(netloc=f"{host}{port}", path=parts.path.rstrip("/")).geturl()


def _has_valid_port(parts: SplitResult) -> bool:
    """Whether a URL has no port, or a number that can be one."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _parse_vectors(answer: Any, count: int, name: str, shape: Shape) -> list[list[float]]:
    """Check an answer and return its vectors in the order of the request."""
    data = shape.read_answer(answer)
    if data is None or not all(isinstance(row, dict) for row in data):
        raise ContractError(
            f"{name}: the answer has no {shape.answer}: {_hide_key(_shorten_text(json.dumps(answer).encode()))}"
        )
    indices = [row.get("index", position) for position, row in enumerate(data)]
    if any(type(index) is not int for index in indices) or sorted(indices) != list(range(count)):
        numbers = _shorten_text(json.dumps(indices[:9]).encode())
        raise ContractError(f"{name}: {count} vectors were asked for, {len(data)} came, numbered {numbers}.")
    rows = {index: row.get("embedding") for index, row in zip(indices, data, strict=True)}
    for index, vector in rows.items():
        if isinstance(vector, str) and (numbers_of_text := decode_base64_vector(vector)) is not None:
            rows[index] = numbers_of_text
            continue
        if isinstance(vector, list) and vector and all(isinstance(part, list) for part in vector):
            make_rows([vector], name, 1)  # refuses several vectors for one item
        if not isinstance(vector, list) or not vector or not all(_is_number(value) for value in vector):
            shown = _hide_key(_shorten_text(json.dumps(vector).encode()))
            way_out = ", nor float32 in base64" if isinstance(vector, str) else ""
            raise ContractError(f"{name}: `embedding` {index} of the answer is no list of numbers{way_out}: {shown}.")
    return [[float(value) for value in rows[index]] for index in range(count)]


def _is_number(value: Any) -> bool:
    """Whether a value of a JSON text is a number that a float can hold."""
    return isinstance(value, float) or (type(value) is int and abs(value) <= sys.float_info.max)


def _describe_http_error(error: urllib.error.HTTPError) -> str:
    """Code and reason of an HTTP error, where it redirects to, and the beginning of its body, on one line."""
    text = ""
    with contextlib.suppress(OSError, http.client.HTTPException):
        text = _shorten_text(error.read(4096))
    target = error.headers.get("Location") if 300 <= error.code < 400 else None
    parts = [text] if text else []
    if target:
        with contextlib.suppress(ValueError):
            target = urljoin(error.url, target)
        parts.append(f"it redirects to {_shorten_text(target.encode())}; give that URL if you trust it with your data.")
    return ": ".join([f"HTTP {error.code} {error.reason}", *parts])


def _shorten_text(text: bytes) -> str:
    """At most 200 characters of an HTTP body, on one line; what cannot be shown is a question mark in a diamond."""
    line = " ".join(text.decode("utf-8", "replace").split())
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
    return line if len(line) <= 200 else line[:197] + "..."


def _hide_key(text: str) -> str:
    """Remove the key from a text: some servers repeat it in errors."""
    key = os.environ.get(KEY_VARIABLE)
    return text.replace(key, "***") if key else text
