"""Fixtures for the tests of scar: the local Hub, and `scar build` on a drawn world."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from scar.build import corpus
from scar.cli import app
from scar.generators.generator import Generator

if TYPE_CHECKING:
    from tests.conftest import World

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.local_hub import local_hub

__all__ = ["local_hub"]


@pytest.fixture
def run(world: World, tmp_path: Path, stand_in: Generator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `scar build` on the files of the world."""
    monkeypatch.setattr(corpus, "make_rules_generator", lambda: stand_in)

    def build(*options: str) -> Any:
        return CliRunner().invoke(app, ["build", *world.options(), "--out", str(tmp_path / "out"), *options])

    return build
