"""A vision-language model behind an OpenAI-compatible chat endpoint: requests at once, with retries and a budget."""

from __future__ import annotations

import asyncio
import base64
import os
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec

from scar.errors import BuildInterrupted, InputError
from scar.generators.vlm.budget import Bill
from scar.generators.vlm.chat_request import ChatRequest, Reply, keep_nothing
from scar.generators.vlm.region_image import draw_region
from scar.sample import Box

KEY_VARIABLE = "OPENAI_API_KEY"

NO_KEY = "none"
"""What is sent as key to servers that need none."""

_TEMPORARY = frozenset({408, 409, 425, 429})
"""HTTP status codes after which the same request may succeed later; all codes from 500 up are temporary too."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how patient its users are.

    Attributes:
        base_url: address of the API, such as ``http://localhost:8000/v1``; None for OpenAI's own.
        concurrency: most requests at once.
        timeout_s: seconds after which an attempt counts as failed.
        attempts: most attempts for a request.
        patience_s: most seconds for all attempts of a request.
        first_wait_s: seconds before the second attempt, without a word of the server; they double each time.
        contact_s: seconds after which a server that cannot be reached, and never was, is given up.
    """

    base_url: str | None = None
    concurrency: int = 16
    timeout_s: float = 120.0
    attempts: int = 10
    patience_s: float = 1800.0
    first_wait_s: float = 1.0
    contact_s: float = 20.0


@dataclass(slots=True)
class OpenAIModel:
    """Asks a server; see `ChatModel`. Threads may not share it.

    Attributes:
        endpoint: the server.
        bill: what is sent and paid, and the budget.
        draw: makes the pictures of a region; see `draw_region`.
    """

    endpoint: Endpoint
    bill: Bill = field(default_factory=Bill)
    draw: Callable[[Path, Box, int, int], tuple[bytes, bytes]] = draw_region
    _runner: asyncio.Runner = field(init=False, default_factory=asyncio.Runner)
    _client: Any = field(init=False, default=None)
    _resume_at: float = field(init=False, default=0.0)
    _started_at: float = field(init=False, default=0.0)

    def __call__(
        self, requests: Sequence[ChatRequest], keep: Callable[[ChatRequest, Reply], None] = keep_nothing
    ) -> list[Reply]:
        """Answer requests; see `ChatModel`."""
        return self._runner.run(self._answer_all(requests, keep))

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._runner.run(self._client.close())
        self._runner.close()

    async def _answer_all(
        self, requests: Sequence[ChatRequest], keep: Callable[[ChatRequest, Reply], None]
    ) -> list[Reply]:
        if self._client is None:
            self._client = open_client(self.endpoint)
            self._started_at = asyncio.get_running_loop().time()
        replies: list[Reply | None] = [None] * len(requests)
        pending = deque(enumerate(requests))
        problems: list[Exception] = []

        async def work() -> None:
            while pending and not any(isinstance(problem, InputError) for problem in problems):
                try:
                    self.bill.reserve()
                except BuildInterrupted as spent:
                    problems.append(spent)
                    return
                number, request = pending.popleft()
                reply = None
                try:
                    reply = await self._answer(request)
                except (InputError, BuildInterrupted) as problem:
                    problems.append(problem)
                finally:
                    self.bill.settle(reply)
                if reply is not None:
                    keep(request, reply)
                    replies[number] = reply

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.endpoint.concurrency, len(requests))):
                group.create_task(work())
        for kind in (InputError, BuildInterrupted):
            for problem in problems:
                if isinstance(problem, kind):
                    raise problem
        return [reply for reply in replies if reply is not None]

    async def _answer(self, request: ChatRequest) -> Reply:
        """Ask one request, again after temporary failures.

        Raises:
            BuildInterrupted: all attempts failed.
            InputError: the server refuses the request as it is.
        """
        import httpx2
        import openai
        import stamina

        sampling = request.sampling
        pictures = await asyncio.to_thread(
            self.draw, request.image, request.box, sampling.image_side, sampling.crop_side
        )
        parameters = make_parameters(request, pictures)
        self.bill.bytes_sent += sum(map(len, pictures))
        settings = self.endpoint
        attempts = stamina.retry_context(
            on=self._find_wait,
            attempts=settings.attempts,
            timeout=settings.patience_s,
            wait_initial=settings.first_wait_s,
            wait_max=60.0,
            wait_jitter=settings.first_wait_s,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    await self._wait_for_leave()
                    # `chat.completions.create` checks each key again, which takes twice the time of all the rest.
                    found = await self._client.post("/chat/completions", body=parameters, cast_to=httpx2.Response)
                    return read_completion(found.content)
        except msgspec.DecodeError as error:
            raise BuildInterrupted(f"{settings.base_url}: its answers are no chat completions: {error}") from None
        except openai.BadRequestError as error:
            if getattr(error, "code", None) in ("content_filter", "content_policy_violation"):
                return Reply("", "content_filter")
            raise InputError(explain_error(settings, error)) from None
        except openai.APIConnectionError as error:
            raise BuildInterrupted(explain_error(settings, error)) from None
        except openai.APIError as error:
            status = getattr(error, "status_code", 500)
            kind = BuildInterrupted if _is_temporary(status) else InputError
            raise kind(explain_error(settings, error)) from None
        raise AssertionError("the last attempt returns or raises")

    async def _wait_for_leave(self) -> None:
        """Wait as long as the server asks everybody to wait."""
        loop = asyncio.get_running_loop()
        while (wait := self._resume_at - loop.time()) > 0:
            await asyncio.sleep(wait)

    def _find_wait(self, error: Exception) -> bool | float:
        """Whether an attempt is repeated, or after how many seconds."""
        import openai

        if isinstance(error, msgspec.DecodeError):
            self.bill.count_failure("broken answer")
            return True
        if not isinstance(error, openai.APIError):
            return False
        status = getattr(error, "status_code", None)
        if status is not None and not _is_temporary(status):
            return False
        was_never_reached = status is None and not isinstance(error, openai.APITimeoutError) and not self.bill.requests
        if was_never_reached and asyncio.get_running_loop().time() - self._started_at > self.endpoint.contact_s:
            return False
        self.bill.count_failure(f"status {status}" if status else type(error).__name__)
        response = getattr(error, "response", None)
        wait = _read_retry_after(response.headers) if response is not None else None
        if wait is None:
            return True
        wait = min(wait, self.endpoint.patience_s)
        self._resume_at = max(self._resume_at, asyncio.get_running_loop().time() + wait)
        return wait + random.random() * self.endpoint.first_wait_s  # noqa: S311 - so that not all come back at once


def make_parameters(request: ChatRequest, pictures: Sequence[bytes]) -> dict[str, Any]:
    """The body of a request in the form of OpenAI's chat completions.

    Args:
        request: the request.
        pictures: JPEG files that are shown before the text.
    """
    images = [
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(each).decode()}"}}
        for each in pictures
    ]
    form = {"name": request.schema_name, "strict": True, "schema": request.schema}
    return {
        "model": request.model,
        "messages": [{"role": "user", "content": [*images, {"type": "text", "text": request.text}]}],
        "response_format": {"type": "json_schema", "json_schema": form},
        "temperature": request.sampling.temperature,
        "max_completion_tokens": request.sampling.max_output_tokens,
        "seed": request.sampling.seed,
    }


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


def read_completion(content: bytes) -> Reply:
    """The reply in the JSON of a chat completion; a refusal that the server marks ends with "content_filter".

    Raises:
        msgspec.DecodeError: it is none.
    """
    completion = msgspec.json.decode(content, type=_Completion)
    choice = completion.choices[0] if completion.choices else _Choice(_Message())
    usage = completion.usage or _Usage()
    return Reply(
        text=choice.message.content or "",
        finish="content_filter" if choice.message.refusal else choice.finish_reason or "stop",
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
    )


def open_client(endpoint: Endpoint, max_retries: int = 0) -> Any:
    """The SDK's asynchronous client of a server.

    Raises:
        InputError: a package or the key is missing.
    """
    try:
        import openai
        import stamina
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is missing; pip install 'scar-virtue[chat]' brings it.") from None
    stamina.instrumentation.set_on_retry_hooks(())  # the bill counts retries; a log of each would bury the progress
    key = os.environ.get(KEY_VARIABLE) or (NO_KEY if endpoint.base_url else None)
    if key is None:
        raise InputError(f"no key in {KEY_VARIABLE}; set it, or give --base-url of a server that needs none.")
    return openai.AsyncOpenAI(
        api_key=key, base_url=endpoint.base_url, timeout=endpoint.timeout_s, max_retries=max_retries
    )


def _is_temporary(status: int) -> bool:
    return status in _TEMPORARY or status >= 500


def _read_retry_after(headers: Any) -> float | None:
    """Seconds that a server asks to wait; None if it does not say."""
    if text := headers.get("retry-after-ms"):
        try:
            return max(float(text) / 1000, 0.0)
        except ValueError:
            return None
    if not (text := headers.get("retry-after")):
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        import datetime

        return max((parsedate_to_datetime(text) - datetime.datetime.now(datetime.UTC)).total_seconds(), 0.0)
    except ValueError:
        return None


def explain_error(endpoint: Endpoint, error: Exception) -> str:
    """What a server said, in one line and without the key."""
    said = " ".join(str(error).split())[:300]
    if key := os.environ.get(KEY_VARIABLE):
        said = said.replace(key, "***")
    where = endpoint.base_url or "api.openai.com"
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        said += f"; the key stands in {KEY_VARIABLE}"
    if status == 404:
        said += "; look at --chat-model and --base-url"
    return f"{where}: {said}"
