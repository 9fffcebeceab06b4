"""Collect what a model would be asked, without asking it: for an estimate, and for requests that are sent as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from scar.generators.vlm.chat_request import ChatRequest, Reply, keep_nothing

PENDING = "pending"
"""How the reply to a request ends that was not sent yet; it is never kept."""


class CollectingModel:
    """Answers nothing; see `ChatModel`.

    Attributes:
        requests: what was asked so far, by key.
        usage: number of ``requests`` so far.
    """

    def __init__(self) -> None:
        self.requests: dict[str, ChatRequest] = {}
        self.usage: Counter[str] = Counter()

    def __call__(
        self, requests: Sequence[ChatRequest], keep: Callable[[ChatRequest, Reply], None] = keep_nothing
    ) -> list[Reply]:
        """Remember requests; each reply is pending."""
        self.requests |= {request.key: request for request in requests}
        self.usage["requests"] += len(requests)
        return [Reply("", PENDING)] * len(requests)
