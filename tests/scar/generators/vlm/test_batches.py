"""Requests sent as files give the corpus that single ones give; what failed or expired alone is sent again."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scar import Recipe, build
from scar.cli_chat import ChatOptions, open_generator
from scar.errors import BuildInterrupted
from scar.generators.vlm.batches import split_lines
from scar.recipe import Source
from tests.scar.generators.vlm.chat_server import ChatServer, World, serve
from tests.scar.generators.vlm.conftest import Build

pytest.importorskip("openai")


@dataclass
class BatchServer:
    """A server of the Batch API. Of each first batch, every third request fails, and every fifth expires."""

    world: World
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    fails_always: bool = False

    def complete(self, id_: str) -> dict[str, Any]:
        batch = self.batches[id_]
        batch["polls"] += 1
        if batch["polls"] == 2:
            good, bad = [], []
            for number, line in enumerate(self.files[batch["input_file_id"]].splitlines()):
                entry = json.loads(line)
                key = entry["custom_id"]
                self.asked[key] += 1
                first = self.asked[key] == 1
                if self.fails_always or (first and number % 3 == 0):
                    error = {"error": {"message": "overloaded"}}
                    bad.append({"custom_id": key, "response": {"status_code": 503, "body": error}, "error": None})
                elif first and number % 5 == 1:
                    bad.append({"custom_id": key, "response": None, "error": {"code": "batch_expired"}})
                else:
                    self.answered[key] += 1
                    good.append(
                        {"custom_id": key, "response": {"status_code": 200, "body": self.answer(entry["body"])}}
                    )
            self.files[f"out-{id_}"] = "\n".join(map(json.dumps, good)).encode()
            self.files[f"err-{id_}"] = "\n".join(map(json.dumps, bad)).encode()
            batch |= {"status": "expired" if bad else "completed"}
            batch |= {"output_file_id": f"out-{id_}" if good else None, "error_file_id": f"err-{id_}" if bad else None}
        return {key: value for key, value in batch.items() if key != "polls"}

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        parts = body["messages"][0]["content"]
        shown = base64.b64decode(parts[0]["image_url"]["url"].partition(",")[2])
        text, form = parts[-1]["text"], body["response_format"]["json_schema"]["name"]
        found = self.world.answer(form, shown, text, text.count("An earlier answer"))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(found)}}
        return {"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}}

    @contextmanager
    def serve(self) -> Iterator[str]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/files":
                    lines = [line for line in body.splitlines() if line.startswith(b'{"custom_id"')]
                    id_ = f"file-{len(server.files)}"
                    server.files[id_] = b"\n".join(lines)
                    self.reply(
                        {"id": id_, "object": "file", "bytes": 1, "created_at": 0, "filename": "x", "purpose": "batch"}
                    )
                    return
                asked = json.loads(body)
                id_ = f"batch-{len(server.batches)}"
                server.batches[id_] = {
                    "id": id_,
                    "object": "batch",
                    "created_at": 0,
                    "status": "in_progress",
                    "polls": 0,
                    **asked,
                }
                self.reply(server.batches[id_])

            def do_GET(self) -> None:
                if found := re.fullmatch(r"/v1/files/(.*)/content", self.path):
                    content = server.files[found[1]]
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                elif found := re.fullmatch(r"/v1/batches/(.*)", self.path):
                    self.reply(server.complete(found[1]))
                else:
                    self.reply({"object": "list", "data": list(server.batches.values()), "has_more": False})

            def reply(self, found: object) -> None:
                content = json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/v1"
        running.shutdown()
        running.server_close()


def build_in_batches(world: World, address: str, folder: Path) -> dict[str, Any]:
    source = Source(name="W", split="eval", images=world.folder / "images", instances=world.folder / "blind.json")
    recipe = Recipe(sources=(source,))
    options = ChatOptions(
        "openai", "write", "small", address, folder / "batch.sqlite", False, None, None, 4, folder / "sent", poll_s=0.01
    )
    with open_generator(options, recipe, folder / "batched", False, lambda line: None) as generator:
        return dict(build(recipe, folder / "batched", generator=generator, workers=1)["W/eval"])


def test_batches_give_what_single_requests_give(drawn: World, build_with: Build, tmp_path: Path) -> None:
    with serve(ChatServer(drawn)) as single:
        one_by_one = build_with("write", single)
    server = BatchServer(drawn)
    with server.serve() as address:
        report = build_in_batches(drawn, address, tmp_path)
    assert report == one_by_one
    rows = [sorted(path.read_bytes() for path in (tmp_path / out).rglob("*.parquet")) for out in ("out", "batched")]
    assert rows[0] == rows[1]
    assert set(server.answered.values()) == {1}
    assert max(server.asked.values()) == 2  # what failed or expired, once more
    assert len(server.batches) >= 2


def test_a_file_that_was_sent_before_a_kill_is_not_sent_again(drawn: World, tmp_path: Path) -> None:
    server = BatchServer(drawn)
    with server.serve() as address:
        build_in_batches(drawn, address, tmp_path)
        batches = len(server.batches)
        (tmp_path / "batch.sqlite").unlink()
        for state in (tmp_path / "sent").glob("*.batch.json"):
            state.unlink()  # as if the run had been killed before writing it
        for path in (tmp_path / "batched").rglob("*.parquet"):
            path.unlink()
        (tmp_path / "batched" / "build_report.json").unlink()
        build_in_batches(drawn, address, tmp_path)
    assert len(server.batches) == batches


def test_batches_without_an_answer_interrupt(drawn: World, tmp_path: Path) -> None:
    server = BatchServer(drawn, fails_always=True)
    with server.serve() as address, pytest.raises(BuildInterrupted, match="gave no answer"):
        build_in_batches(drawn, address, tmp_path)


def test_files_keep_the_limits() -> None:
    lines = [b"x" * size for size in (10, 20, 30, 90, 5, 5, 5)]
    several = list(split_lines(lines, max_requests=3, max_bytes=60))
    assert [line for some in several for line in some] == lines
    assert [len(some) for some in several] == [3, 1, 3]
    assert not list(split_lines([]))
