"""Requests to a server: in order, at once, patient where it helps, and silent about the key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scar.errors import BuildInterrupted, InputError
from scar.generators.vlm.answers import PhraseAnswer, make_schema
from scar.generators.vlm.budget import Bill, Limit, Price
from scar.generators.vlm.chat_request import ChatRequest, Reply
from scar.sample import Box
from tests.scar.generators.vlm.conftest import QUICK

pytest.importorskip("openai")
from scar.generators.vlm.openai_model import Endpoint, OpenAIModel

Respond = Callable[[dict[str, Any], int], tuple[int, dict[str, str], object]]


@pytest.fixture
def requests(tmp_path: Path) -> list[ChatRequest]:
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "photo.png")
    schema = make_schema(PhraseAnswer)
    return [
        ChatRequest("m", "complete 1", f"question {number}", tmp_path / "photo.png", Box(1, 2, 9, 9), "Phrase", schema)
        for number in range(12)
    ]


@contextmanager
def respond_with(respond: Respond) -> Iterator[str]:
    """A server of which ``respond`` gives status, headers and body of the n-th request."""
    counter = iter(range(1_000_000))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, found = respond(body, next(counter))
            content = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


def complete(text: str, finish: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": refusal}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


def echo(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
    return 200, {}, complete(body["messages"][0]["content"][-1]["text"])


def make_model(address: str, bill: Bill | None = None, **settings: Any) -> OpenAIModel:
    return OpenAIModel(Endpoint(address, **{**QUICK, "timeout_s": 20.0, **settings}), bill or Bill())


def test_replies_are_in_order_and_kept_as_they_come(requests: list[ChatRequest]) -> None:
    kept: list[str] = []
    with respond_with(echo) as address:
        model = make_model(address)
        replies = model(requests, lambda request, reply: kept.append(reply.text))
        model.close()
    assert [reply.text for reply in replies] == [request.text for request in requests]
    assert sorted(kept) == sorted(request.text for request in requests)
    assert replies[0] == Reply("question 0", "stop", 1000, 100)


def test_no_more_than_so_many_at_once(requests: list[ChatRequest]) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def respond(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return echo(body, number)

    with respond_with(respond) as address:
        model = make_model(address, concurrency=3)
        model(requests)
        model.close()
    assert most == 3


def test_the_server_is_sent_image_crop_and_schema(requests: list[ChatRequest]) -> None:
    seen: list[dict[str, Any]] = []

    def respond(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
        seen.append(body)
        return echo(body, number)

    with respond_with(respond) as address:
        model = make_model(address)
        model(requests[:1])
        model.close()
    (body,) = seen
    assert [part["type"] for part in body["messages"][0]["content"]] == ["image_url", "image_url", "text"]
    assert body["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (body["temperature"], body["model"]) == (0.0, "m")


def test_a_wait_that_the_server_asks_for_is_kept_by_all(requests: list[ChatRequest]) -> None:
    times: list[float] = []

    def respond(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
        times.append(time.monotonic())
        if number == 0:
            return 429, {"Retry-After": "0.6"}, {"error": {"message": "too fast"}}
        time.sleep(0.02)
        return echo(body, number)

    with respond_with(respond) as address:
        model = make_model(address, concurrency=2)
        model(requests)
        model.close()
    early = [each for each in times[1:] if each - times[0] < 0.55]
    assert len(early) <= 2  # what was on its way already


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "OPENAI_API_KEY"), (404, "--chat-model"), (400, "bad schema"), (422, "bad schema")],
)
def test_what_will_not_get_better_is_told_at_once(
    requests: list[ChatRequest], status: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1234567890")
    seen = 0

    def respond(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
        nonlocal seen
        seen += 1
        return status, {}, {"error": {"message": "bad schema for sk-secret-1234567890"}}

    with respond_with(respond) as address:
        model = make_model(address, concurrency=2)
        with pytest.raises(InputError, match=told) as caught:
            model(requests)
        model.close()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert seen <= 2


def test_a_refusal_is_a_reply(requests: list[ChatRequest]) -> None:
    def respond(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
        if number == 0:
            return 400, {}, {"error": {"message": "no", "code": "content_policy_violation"}}
        return 200, {}, complete("", refusal="I will not.")

    with respond_with(respond) as address:
        model = make_model(address)
        replies = model(requests[:2])
        model.close()
    assert [reply.finish for reply in replies] == ["content_filter"] * 2


def test_a_server_that_keeps_failing_interrupts_and_keeps_what_came(requests: list[ChatRequest]) -> None:
    kept: list[ChatRequest] = []

    def respond(body: dict[str, Any], number: int) -> tuple[int, dict[str, str], object]:
        if body["messages"][0]["content"][-1]["text"] == "question 5":
            return 503, {}, {"error": {"message": "overloaded"}}
        return echo(body, number)

    bill = Bill()
    with respond_with(respond) as address:
        model = make_model(address, bill, attempts=3)
        with pytest.raises(BuildInterrupted, match="overloaded"):
            model(requests, lambda request, reply: kept.append(request))
        model.close()
    assert len(kept) == 11
    assert bill.failures == {"status 503": 3}


@pytest.mark.parametrize("limit", [Limit(5, "requests"), Limit(5600, "tokens"), Limit(0.0075, "money")])
def test_a_budget_is_never_exceeded(requests: list[ChatRequest], limit: Limit) -> None:
    bill = Bill(limit, Price(1.0, 4.0))
    with respond_with(echo) as address:
        model = make_model(address, bill, concurrency=1)
        with pytest.raises(BuildInterrupted, match="budget"):
            model(requests)
        model.close()
    assert bill.requests == 5
    assert bill.money == pytest.approx(5 * 1400 / 1e6)


def test_without_key_or_address_one_line_says_so(requests: list[ChatRequest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        OpenAIModel(Endpoint())(requests)
