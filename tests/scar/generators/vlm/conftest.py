"""A drawn world for a chat server, and builds that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from scar import Recipe, build
from scar.demo.world import draw_world
from scar.generators.vlm.budget import Bill
from scar.generators.vlm.ledger import Ledger, LedgerModel
from scar.generators.vlm.make_generator import ChatMode, make_chat_generator
from scar.recipe import Source
from tests.scar.generators.vlm.chat_server import ChatServer, World

Build: TypeAlias = Callable[..., dict[str, Any]]

QUICK: dict[str, float] = {"first_wait_s": 0.01, "timeout_s": 0.5, "contact_s": 1.0}
"""Patience of an `Endpoint` in tests."""


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of six pictures; ``blind.json`` has its things alone."""
    folder = tmp_path_factory.mktemp("world")
    draw_world(folder, 6, 0, "eval")
    world = World(folder)
    world.write_blind(folder / "blind.json")
    return world


@pytest.fixture
def build_with(drawn: World, tmp_path: Path) -> Iterator[Build]:
    """Builds a corpus of the world with a server, or without one from the ledger; returns the report."""
    pytest.importorskip("openai")
    from scar.generators.vlm.openai_model import Endpoint, OpenAIModel

    def run(mode: ChatMode, server: ChatServer | None, out: str = "out", bill: Bill | None = None) -> dict[str, Any]:
        ledger = Ledger(tmp_path / "ledger.sqlite", is_readonly=server is None)
        model = OpenAIModel(Endpoint(server.address, **QUICK), bill or Bill()) if server else None  # type: ignore[arg-type]
        source = Source(name="W", split="eval", images=drawn.folder / "images", instances=drawn.folder / "blind.json")
        try:
            generator = make_chat_generator(mode, LedgerModel(ledger, model), "small")
            report = build(Recipe(sources=(source,)), tmp_path / out, generator=generator, workers=1)
            return dict(report["W/eval"])
        finally:
            ledger.close()
            if model is not None:
                model.close()

    yield run
