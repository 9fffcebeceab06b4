"""How fast a review answers with many samples: decide, the next sample, its picture, over HTTP on this machine.

    python benchmarks/review_speed.py CORPUS [--samples 10000]

The samples of the corpus are asked again and again under other ids, half of them decided by another reviewer.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
import uvicorn

from scar.formats.decisions import Decision, digest_captions
from scar.review.draw import Question, draw_questions
from scar.review.serve import open_listener
from scar.review.server import make_app
from scar.review.session import ReviewSession
from scar.review.store import DecisionStore

TURNS = 200


def measure(folder: Path, samples: Annotated[int, typer.Option(min=1)] = 10_000) -> None:
    """Print the median and the 95th percentile of milliseconds for each step, and for the three together."""
    drawn = draw_questions(folder, samples, 0.2, 0)
    questions = [
        Question(msgspec.structs.replace(each.sample, id=f"{each.sample.id}/{number}"), each.shared)
        for number, each in enumerate(drawn[index % len(drawn)] for index in range(samples))
    ]
    with tempfile.TemporaryDirectory() as scratch:
        store = DecisionStore(Path(scratch) / "review.sqlite", "benchmark")
        store.add_all(
            Decision(id=each.sample.id, reviewer="other", verdict="accept", captions=digest_captions(each.sample))
            for each in questions[::2]
        )
        session = ReviewSession(questions, store, "inspect", 0, folder)
        listener = open_listener("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(make_app(session, ["127.0.0.1"]), log_level="error"))
        threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
        client = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1])
        shown = json.loads(_send(client, "GET", "/api/next?reviewer=developer"))
        spent = np.zeros((TURNS, 3))
        for turn in range(TURNS):
            answer = {"question": shown["question"], "seen": 0, "reviewer": "developer", "verdict": "accept"}
            times = [time.perf_counter()]
            _send(client, "POST", "/api/answers", json.dumps(answer))
            times.append(time.perf_counter())
            shown = json.loads(_send(client, "GET", f"/api/next?reviewer=developer&after={shown['question']}"))
            times.append(time.perf_counter())
            _send(client, "GET", f"/api/samples/{shown['question']}/picture")
            times.append(time.perf_counter())
            spent[turn] = np.diff(times) * 1000
        server.should_exit = True
        store.close()
    for name, times_ms in zip(("decide", "next", "picture", "together"), [*spent.T, spent.sum(1)], strict=True):
        print(f"{name:10}{np.median(times_ms):8.1f} ms{np.percentile(times_ms, 95):8.1f} ms at the 95th percentile")


def _send(client: http.client.HTTPConnection, method: str, path: str, body: str | None = None) -> bytes:
    client.request(method, path, body)
    response = client.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(content.decode())
    return content


if __name__ == "__main__":
    typer.run(measure)
