"""A corpus of two sources in both splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scar import Recipe, build
from scar.generators.generator import Generator


@pytest.fixture
def corpus(world: Any, stand_in: Generator, tmp_path: Path) -> Path:
    """Two sources, one of them without masks, in both splits."""
    world.write()
    sources = [
        world.source(licence="CC BY 4.0"),
        world.source(split="train", licence="CC BY 4.0"),
        world.source(name="My-own", licence="CC BY-NC 4.0"),
    ]
    build(Recipe(sources=tuple(sources), seed=3, overlap="keep"), tmp_path / "corpus", generator=stand_in)
    return tmp_path / "corpus"
