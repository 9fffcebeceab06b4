"""What a user may say about an endpoint, and what its server says of requests that are too much for it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mmeb_eval.adapters.endpoint_shapes import Shape
from mmeb_eval.templates.protocols import DEFAULT_PROTOCOL, Protocol, select_protocol
from scar.errors import EvalError

KEPT = ' :,{}[]"/.'
"""Characters of an option's value that stay as they are in a model's name."""

TOO_LARGE_STATUS = 413

REFUSED = (400, TOO_LARGE_STATUS, 422)
"""Status codes with which servers refuse a request for its size or for the length of a text."""

TOO_MANY = re.compile(r"batch size|too many (inputs|texts|items)|number of (inputs|texts)|payload too large", re.I)
"""What servers say of too many items."""

TOO_LONG = re.compile(
    r"context length|too long|too many tokens|max(imum)?[ _-]\w*[ _-]?(length|tokens)|exceeds? .*(tokens|length|limit)"
    r"|(less|fewer) than \d+ tokens",
    re.I,
)
"""What servers say of a text that is too long."""


class TooMuch(Exception):  # noqa: N818 - named after what the server says
    """A server refused a request: it has too many items, or a text is too long.

    Attributes:
        is_batch_too_large: whether there were too many items, so that a smaller batch helps; else a text is too long.
    """

    def __init__(self, reason: str, *, is_batch_too_large: bool) -> None:
        super().__init__(reason)
        self.is_batch_too_large = is_batch_too_large


def find_too_much(status: int, reason: str) -> TooMuch | None:
    """The error for an answer that says that a request was too much; None for any other answer.

    >>> find_too_much(413, "length limit exceeded").is_batch_too_large, find_too_much(400, "no such model")
    (True, None)
    >>> find_too_much(400, "This model's maximum context length is 12 tokens.").is_batch_too_large
    False
    """
    if status not in REFUSED:
        return None
    is_batch_too_large = status == TOO_LARGE_STATUS or bool(TOO_MANY.search(reason))
    return (
        TooMuch(reason, is_batch_too_large=is_batch_too_large)
        if is_batch_too_large or TOO_LONG.search(reason)
        else None
    )


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What a user says about an endpoint.

    Attributes:
        protocol: name of the protocol, or a TOML file; None takes that of the model's name, else that of the shape.
        request_json: keys that each request gets, over those of the shape.
        at_once: largest number of requests in flight; None sends one after the other, but for servers of chats, which
            get as many as are in a batch.
        truncate: whether the server is asked to cut texts that are too long; else it refuses them.
    """

    protocol: str | None = None
    request_json: dict[str, Any] = field(default_factory=dict)
    at_once: int | None = None
    truncate: bool = False

    @staticmethod
    def parse(protocol: str | None, request_json: str | None, at_once: int | None, truncate: bool) -> EndpointOptions:
        """Make the options from values of the command line.

        Raises:
            EvalError: ``request_json`` is no JSON object, or ``at_once`` is below 1.
        """
        try:
            keys = json.loads(request_json) if request_json else {}
        except ValueError as error:
            raise EvalError(f"--request-json {request_json}: not JSON: {error}.") from None
        if not isinstance(keys, dict):
            raise EvalError(f'--request-json {request_json}: expected an object such as {{"dimensions": 256}}.')
        if at_once is not None and at_once < 1:
            raise EvalError(f"--at-once {at_once}: at least one request is in flight.")
        return EndpointOptions(protocol, keys, at_once, truncate)

    @property
    def settings(self) -> dict[str, Any]:
        """What changes vectors, as JSON; empty for an endpoint that is used as it is."""
        found: dict[str, Any] = {}
        if self.request_json:
            found["request_json"] = self.request_json
        return found | ({"truncate": True} if self.truncate else {})

    @property
    def suffix(self) -> str:
        """The settings as text behind the model's name, such as ``?truncate=true``; empty without any."""
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in self.settings.items()}
        if self.protocol:
            texts["protocol"] = self.protocol
        return "?" + "&".join(f"{key}={quote(text, safe=KEPT)}" for key, text in texts.items()) if texts else ""

    def select_protocol(self, model: str, shape: Shape) -> Protocol:
        """The protocol of a model.

        Raises:
            EvalError: there is no such protocol, see `mmeb_eval.templates.protocols.select_protocol`; or the shape has
                no place for its system turn.
        """
        found = select_protocol(model, self.protocol)
        if self.protocol is None and found.name in shape.protocols:
            found = select_protocol(model, shape.protocols[found.name])
        if found.place == "system" and shape.name != "messages":
            raise EvalError(
                f"{model}: protocol {found.name} wants a system turn, which a server of this shape ({shape.name}) has "
                f"not; use vllm:, or write ?protocol={DEFAULT_PROTOCOL} behind the model's name."
            )
        return found
