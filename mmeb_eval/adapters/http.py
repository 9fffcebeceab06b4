"""Models behind a URL that takes JSON by POST and answers ``{"data": [{"index": 0, "embedding": [...]}, ...]}``.

The answer is that of OpenAI's embeddings API. A model is named by the URL, a ``#`` and the model's name there. There
are two kinds of request:

- ``http:`` sends ``{"model": ..., "input": [...]}``. Items without an image are strings. Items with an image are
  objects ``{"image": "data:image/png;base64,...", "text": ...}``; each object gives one vector (Jina, Azure).
- ``vllm:`` sends each item in a request of its own, all items of a batch at the same time, as
  ``{"model": ..., "messages": [{"role": "user", "content": [...]}]}`` with parts ``image_url`` and ``text``, which vLLM
  turns into one vector.

The environment variable `KEY_VARIABLE` holds the key, which is sent as a bearer token. No name, setting or message
contains it.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import io
import json
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

import numpy as np

from mmeb_eval.adapters.patience import Patience
from mmeb_eval.adapters.shared import list_items, normalise_rows
from mmeb_eval.data.images import open_rgb, read_image_header
from mmeb_eval.item import Item
from mmeb_eval.vectors import make_rows
from scar.common.orientation import UPRIGHT
from scar.common.retry import is_temporary, parse_retry_after
from scar.errors import ContractError, EvalError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KEY_VARIABLE = "MMEB_EVAL_API_KEY"
"""Environment variable that holds the API key."""

TIMEOUT_S = 300.0
"""Seconds without an answer after which an attempt fails."""

MAX_CONCURRENT_REQUESTS = 256
"""Largest number of requests in flight at the same time; vLLM works on as many at once by default."""

RATE_LIMIT_STATUS = 429

WEB_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats of image files that are sent unchanged -> their MIME types; other images are sent as PNG."""

PLAIN_MODES = ("1", "L", "P", "RGB")
"""Modes of images that are sent unchanged if EXIF does not turn them: all decoders agree on their pixels."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""Scheme of a URL -> the port that it implies."""

Body = Mapping[str, Any]
MakeRequests = Callable[[Sequence[Item]], list[tuple[list[int], Body]]]


class Endpoint:
    """A model behind a URL.

    Args:
        url: URL of the endpoint, followed by a ``#`` and the name of the model.
        make_requests: turns items into requests: for each, the indices of its items, and its JSON body without the
            model's name.
        request_kind: name of this kind of request in results.
        prefix: what stands before the URL in the embedder's name, so that two kinds of request have two names.

    Attributes:
        max_batch_size: largest number of items that are sent at the same time, each in a request of its own; None if
            one request holds them.

    Raises:
        EvalError: ``url`` is not a URL, names no model, or contains a user or password.
    """

    def __init__(self, url: str, make_requests: MakeRequests, request_kind: str, prefix: str = "") -> None:
        self._url, self._model = urldefrag(url)
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_valid_port(parts):
            raise EvalError(f"{url!r}: not a URL such as http://localhost:8000/v1/embeddings#model.")
        if parts.username or parts.password:
            raise EvalError(f"{parts.hostname}: no user or password in the URL; put the key into {KEY_VARIABLE}.")
        if not self._model:
            raise EvalError(f"{url}: which model? Write its name behind the URL: {url}#model.")
        self._make_requests = make_requests
        self.max_batch_size: int | None = None
        endpoint = normalise_url(self._url)
        self.name = f"{prefix}{endpoint}#{self._model}"
        self.settings = {"endpoint": endpoint, "model": self._model, "request": request_kind}

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        """(len(items), D) float32 rows of L2 norm 1.

        Raises:
            DataError: an item has a prompt, or an image that cannot be opened.
            EvalError: the server refuses, or does not answer in time, see `mmeb_eval.adapters.patience`.
            ContractError: the answer does not give each item one vector; or there is no item.
        """
        items = list_items(items, self.name)
        requests = self._make_requests(items)
        vectors: list[Any] = [None] * len(items)
        with ThreadPoolExecutor(min(max(1, len(requests)), MAX_CONCURRENT_REQUESTS)) as pool:
            answers = pool.map(lambda request: self._post_with_retries(request[1], len(request[0])), requests)
            for (rows, _), answer in zip(requests, answers, strict=True):
                for row, vector in zip(rows, answer, strict=True):
                    vectors[row] = vector
        return normalise_rows(vectors, self.name, len(items))

    def _post_with_retries(self, body: Body, count: int) -> list[list[float]]:
        """Send one request, again after temporary failures; return its ``count`` vectors."""
        content = json.dumps({"model": self._model, **body}).encode("utf-8")
        patience = Patience(self._url)
        while True:
            server_wait, is_limited = None, False
            try:
                return _parse_vectors(self._send_request(content), count, self.name)
            except urllib.error.HTTPError as error:
                with error:
                    reason = _hide_key(_describe_http_error(error))
                if not is_temporary(error.code):
                    lacks_key = error.code in (401, 403) and not os.environ.get(KEY_VARIABLE)
                    raise EvalError(f"{self._url}: {reason}{f' Set {KEY_VARIABLE}.' if lacks_key else ''}") from None
                server_wait = parse_retry_after(error.headers.get("Retry-After"))
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


def load(url: str) -> Endpoint:
    """Make the embedder of an endpoint that takes ``input``; ``url`` ends in ``#`` and the model's name.

    Raises:
        EvalError: ``url`` is not a URL, names no model, or contains a user or password.
    """
    return Endpoint(url, make_input_requests, "input")


def load_vllm(url: str) -> Endpoint:
    """Make the embedder of an endpoint that takes chat messages, such as that of vLLM.

    ``url`` ends in ``#`` and the model's name.

    Raises:
        EvalError: ``url`` is not a URL, names no model, or contains a user or password.
    """
    endpoint = Endpoint(url, make_message_requests, "messages", "vllm:")
    endpoint.max_batch_size = MAX_CONCURRENT_REQUESTS
    return endpoint


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


def make_input_requests(items: Sequence[Item]) -> list[tuple[list[int], Body]]:
    """One request for the items without an image, as strings, and one for those with an image, as objects.

    A request without items is left out.

    Returns:
        For each request, the indices of its items, and its JSON body without the model's name.

    Raises:
        DataError: an image cannot be opened.
    """
    texts: dict[int, str] = {}
    objects: dict[int, dict[str, str]] = {}
    for row, item in enumerate(items):
        if item.image is None:
            texts[row] = item.text
        else:
            objects[row] = ({"text": item.text} if item.text else {}) | {"image": encode_data_url(item.image)}
    return [(list(inputs), {"input": list(inputs.values())}) for inputs in (texts, objects) if inputs]


def make_message_requests(items: Sequence[Item]) -> list[tuple[list[int], Body]]:
    """One request for each item: a message with its image, if it has one, then its text.

    An item with an image and no text sends the image alone.

    Returns:
        For each request, the index of its item in a list, and its JSON body without the model's name.

    Raises:
        DataError: an image cannot be opened.
    """
    requests: list[tuple[list[int], Body]] = []
    for row, item in enumerate(items):
        content: list[Any] = []
        if item.image is not None:
            content.append({"type": "image_url", "image_url": {"url": encode_data_url(item.image)}})
        if item.text or item.image is None:
            content.append({"type": "text", "text": item.text})
        requests.append(([row], {"messages": [{"role": "user", "content": content}]}))
    return requests


def encode_data_url(path: Path) -> str:
    """An image file as a data URL; a server that decodes it gets the pixels that `open_rgb` gives.

    The file is sent as it is where all decoders agree on it, else as PNG.

    Raises:
        DataError: the image cannot be opened.
    """
    from PIL import Image

    rgb = open_rgb(path)
    with Image.open(path) as image:
        mime_type = WEB_FORMATS.get(image.format or "")
        shows_as_it_is = image.mode in PLAIN_MODES and "transparency" not in image.info
    if mime_type and shows_as_it_is and read_image_header(path).orientation == UPRIGHT:
        content = path.read_bytes()
    else:
        buffer = io.BytesIO()
        rgb.save(buffer, "PNG")
        mime_type, content = "image/png", buffer.getvalue()
    return f"data:{mime_type};base64,{base64.b64encode(content).decode('ascii')}"


def _has_valid_port(parts: SplitResult) -> bool:
    """Whether a URL has no port, or a number that can be one."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _parse_vectors(answer: Any, count: int, name: str) -> list[list[float]]:
    """Check an answer and return its vectors in the order of the request."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ContractError(
            f"{name}: the answer has no list `data`: {_hide_key(_shorten_text(json.dumps(answer).encode()))}"
        )
    indices = [row.get("index", position) for position, row in enumerate(data)]
    if any(type(index) is not int for index in indices) or sorted(indices) != list(range(count)):
        numbers = _shorten_text(json.dumps(indices[:9]).encode())
        raise ContractError(f"{name}: {count} vectors were asked for, {len(data)} came, numbered {numbers}.")
    rows = {index: row.get("embedding") for index, row in zip(indices, data, strict=True)}
    for index, vector in rows.items():
        if isinstance(vector, list) and vector and all(isinstance(part, list) for part in vector):
            make_rows([vector], name, 1)  # refuses several vectors for one item
        if not isinstance(vector, list) or not vector or not all(_is_number(value) for value in vector):
            shown = _hide_key(_shorten_text(json.dumps(vector).encode()))
            way_out = "; make the server answer with floats, not base64" if isinstance(vector, str) else ""
            raise ContractError(f"{name}: `embedding` {index} of the answer is no list of numbers: {shown}{way_out}.")
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
