"""A build that asks a model may be killed at any time: what was answered is not asked again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scar.generators.vlm.chat_server import ChatServer, World, serve

pytestmark = pytest.mark.slow

KILLS = 20


def test_kills_repeat_no_answer(drawn: World, tmp_path: Path) -> None:
    pytest.importorskip("openai")
    draw = random.Random(0)

    def command(server: ChatServer, out: str) -> list[str]:
        options = {
            "--instances": drawn.folder / "blind.json",
            "--images": drawn.folder / "images",
            "--name": "W",
            "--split": "eval",
            "--out": tmp_path / out,
            "--generator": "openai",
            "--chat-mode": "write",
            "--chat-model": "small",
            "--base-url": server.address,
            "--concurrency": 2,
        }
        return [
            *(sys.executable, "-c", "from scar.cli import app; app()", "build"),
            *(str(each) for pair in options.items() for each in pair),
        ]

    with serve(ChatServer(drawn, latency_s=0.25, slip_share=0.3)) as server:
        for _ in range(KILLS):
            process = subprocess.Popen(command(server, "out"), stderr=subprocess.DEVNULL)  # noqa: S603 - our program
            before = server.sent.total()
            while process.poll() is None and server.sent.total() == before:
                time.sleep(0.01)
            time.sleep(draw.random() * 0.6)
            process.kill()
            process.wait()
        subprocess.run(command(server, "out"), check=True, capture_output=True)  # noqa: S603
        in_flight = server.sent.total() - len(server.sent)
        assert in_flight <= 2 * KILLS
        asked = len(server.sent)
        subprocess.run(command(server, "again"), check=True, capture_output=True)  # noqa: S603
        assert len(server.sent) == asked
        assert server.sent.total() - len(server.sent) == in_flight
    rows = [sorted(path.read_bytes() for path in (tmp_path / out).rglob("*.parquet")) for out in ("out", "again")]
    assert rows[0] == rows[1]
