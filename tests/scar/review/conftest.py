"""A review of the toy corpus, in this process and behind a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from scar.formats.decisions import Mode
from scar.review.open_review import open_review
from scar.review.session import ReviewSession

OpenSession: TypeAlias = Callable[..., ReviewSession]
Serve: TypeAlias = Callable[..., str]


@pytest.fixture
def open_session(built: Path) -> Iterator[OpenSession]:
    """Opens a review of the toy corpus of 18 samples; its decisions stay from one to the next."""
    opened: list[ReviewSession] = []

    def open_one(
        mode: Mode = "inspect", count: int = 10, shared: float = 0.2, store: Path | None = None
    ) -> ReviewSession:
        opened.append(open_review(built, count, shared, mode, store=store))
        return opened[-1]

    yield open_one
    for session in opened:
        session.store.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a review on a free port of this machine; returns the address."""
    pytest.importorskip("starlette")
    uvicorn = pytest.importorskip("uvicorn")
    from scar.review.serve import open_listener
    from scar.review.server import make_app

    running: list[tuple[object, threading.Thread]] = []

    def start(session: ReviewSession, token: str | None = None) -> str:
        listener = open_listener("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(make_app(session, ["127.0.0.1"], token), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread in running:
        server.should_exit = True  # type: ignore[attr-defined]
        thread.join(10)
