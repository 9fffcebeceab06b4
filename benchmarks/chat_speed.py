"""How fast a chat server is asked: requests at once, the ledger's share of it, and opening a large ledger.

    python benchmarks/chat_speed.py

The server is one of this machine that answers after 200 ms. Pictures are prepared before; preparing is told apart.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from functools import cache
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from PIL import Image

from scar.generators.vlm.answers import PhraseAnswer, make_schema
from scar.generators.vlm.chat_request import ChatRequest, Reply
from scar.generators.vlm.ledger import Ledger, LedgerModel
from scar.generators.vlm.openai_model import Endpoint, OpenAIModel
from scar.generators.vlm.region_image import draw_region
from scar.sample import Box

REQUESTS, LATENCY_S, CONCURRENCY = 1_000, 0.2, 64
ENTRIES = 1_000_000

_CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"phrase": "a cup"}'}}
_USAGE = {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920}
_BODY = json.dumps(
    {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [_CHOICE], "usage": _USAGE}
).encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            await asyncio.sleep(LATENCY_S)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _run_server(ports: SimpleQueue[int]) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _serve() -> str:
    """Start the server in a process of its own; returns its address."""
    context = multiprocessing.get_context("spawn")
    ports = context.SimpleQueue()
    context.Process(target=_run_server, args=(ports,), daemon=True).start()
    return f"http://127.0.0.1:{ports.get()}/v1"


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        photo = Path(scratch) / "photo.jpg"
        Image.effect_noise((80, 60), 60).convert("RGB").resize((640, 480)).save(photo)
        schema = make_schema(PhraseAnswer)
        requests = [
            ChatRequest("m", "complete 1", f"question {number}", photo, Box(50, 60, 300, 400), "Phrase", schema)
            for number in range(REQUESTS)
        ]
        start = time.perf_counter()
        for _ in range(20):
            draw_region(photo, Box(50, 60, 300, 400), 768, 384)
        print(
            f"preparing the two pictures of a region of 640 x 480: {(time.perf_counter() - start) / 20 * 1000:.1f} ms"
        )
        model = OpenAIModel(Endpoint(_serve(), CONCURRENCY), draw=cache(draw_region))
        model(requests[:CONCURRENCY])
        start = time.perf_counter()
        model(requests)
        bare = time.perf_counter() - start
        print(f"{REQUESTS:,} requests at {LATENCY_S * 1000:.0f} ms, {CONCURRENCY} at once: {bare:.2f} s")
        ledger = Ledger(Path(scratch) / "ledger.sqlite")
        start = time.perf_counter()
        LedgerModel(ledger, model)(requests)
        print(f"the same, kept in a ledger: {time.perf_counter() - start:.2f} s")
        start = time.perf_counter()
        for number in range(REQUESTS):
            request = ChatRequest("m", "t", f"other {number}", photo, Box(0, 0, 9, 9), "Phrase", schema)
            ledger.find(request.key)
            ledger.add(request.key, request.model, request.task, Reply("a cup"))
        print(
            f"the ledger alone, look-up and writing: {(time.perf_counter() - start) / REQUESTS * 1000:.3f} ms a request"
        )
        rows = (
            (number.to_bytes(32, "big"), "m", "t", '{"phrase": "a cup"}', "stop", 900, 20, 0.0)
            for number in range(ENTRIES)
        )
        ledger._connection.executemany("INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        ledger._connection.commit()
        ledger.close()
        start = time.perf_counter()
        ledger = Ledger(Path(scratch) / "ledger.sqlite")
        ledger.find(requests[0].key)
        print(f"opening a ledger of {ENTRIES:,} replies, and one look-up: {time.perf_counter() - start:.3f} s")
        ledger.close()
        model.close()


if __name__ == "__main__":
    main()
