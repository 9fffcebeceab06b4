"""A folder in the official layout, and what it says of some items."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmeb_eval.item import Item
from scar.sample import Box
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model
from virtue_ref.checkpoints.official import write_official
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.model.tokens import read_tokenizer


@pytest.fixture(scope="module")
def exported(stored: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "official"
    config = stored.config.with_options(profile="official")
    write_official(dataclasses.replace(stored, config=config), folder)
    return folder


@pytest.fixture
def official(exported: Path, tmp_path: Path) -> Path:
    """A folder in the official layout, written by us, to be changed."""
    return shutil.copytree(exported, tmp_path / "official")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    image = tmp_path_factory.mktemp("images") / "image.png"
    Image.new("RGB", (90, 70), (200, 30, 90)).save(image)
    return [Item("a cat"), Item("which one?", image), Item("which one?", image, Box(10, 10, 60, 50))]


@pytest.fixture(scope="module")
def expected(stored: Checkpoint, items: list[Item]) -> Any:
    config = stored.config.with_options(profile="official")
    model = build_model(dataclasses.replace(stored, config=config))
    return VirtueEmbedder(model, read_tokenizer(stored.files, "tiny"), "expected").embed(items)
