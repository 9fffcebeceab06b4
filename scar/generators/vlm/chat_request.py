"""What is asked of a vision-language model, and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec

from scar.common.files import hash_file_once
from scar.sample import Box


class Sampling(msgspec.Struct, frozen=True):
    """Parameters of a model's answers, all of which are part of a request's key.

    Attributes:
        temperature: 0 for the likeliest answer.
        max_output_tokens: most tokens of an answer.
        image_side: longest side in pixels of the image that is sent.
        crop_side: longest side in pixels of the part around the box.
        seed: seed that is sent to the server; few keep it.
    """

    temperature: float = 0.0
    max_output_tokens: int = 600
    image_side: int = 768
    crop_side: int = 384
    seed: int = 0


class ChatRequest(msgspec.Struct, frozen=True, dict=True):
    """One question about one region, with its image.

    Attributes:
        model: name of the model.
        task: name of the prompt and its version, such as "complete 1".
        text: the whole text of the question.
        image: path of the image file.
        box: the region in pixels of the displayed image.
        schema_name: name of the answer's form.
        schema: JSON schema of the answer.
        sampling: parameters of the answer.
    """

    model: str
    task: str
    text: str
    image: Path
    box: Box
    schema_name: str
    schema: dict[str, Any]
    sampling: Sampling = Sampling()

    @cached_property
    def key(self) -> str:
        """SHA-256, in hexadecimal digits, of all that decides the answer: the bytes of the image, not its path."""
        fields = msgspec.structs.asdict(self) | {"image": hash_file_once(self.image)}
        return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()


class Reply(msgspec.Struct, frozen=True):
    """What a model said.

    Attributes:
        text: its words; empty if there are none.
        finish: why it ended: "stop", "length" at the limit of tokens, or "content_filter" where it or its server
            refuses to answer.
        input_tokens, output_tokens: tokens that were read and written, as the server counts them.
    """

    text: str
    finish: str = "stop"
    input_tokens: int = 0
    output_tokens: int = 0


class ChatModel(Protocol):
    """Answers requests: a server, a local model, or a ledger before one of them."""

    def __call__(
        self, requests: Sequence[ChatRequest], keep: Callable[[ChatRequest, Reply], None] = ...
    ) -> list[Reply]:
        """Answer requests, in their order; ``keep`` is called with each reply as soon as it is there.

        Raises:
            BuildInterrupted: requests stay without a reply, since a server fails or the budget is spent. Replies that
                came were handed to ``keep``.
            InputError: the model cannot be used, or refuses a request as it is.
        """


def keep_nothing(request: ChatRequest, reply: Reply) -> None:
    """The default of ``keep``."""
