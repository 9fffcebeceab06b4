"""Small pictures, tiny models with random weights, and the reference outputs where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scar.demo.corpus import build_demo
from tests.local_hub import local_hub
from tests.shared import SHARED
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.embedder import VirtueEmbedder, load

__all__ = ["local_hub"]

REFERENCE = SHARED / "golden" / "virtue"

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the reference outputs."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference outputs (../shared/golden/virtue) are not at hand")
    return REFERENCE


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn corpus to train on."""
    out = tmp_path_factory.mktemp("corpus")
    build_demo(out, images=5, seed=0)
    return out


@pytest.fixture(scope="session")
def tiny() -> VirtueEmbedder:
    return load("tiny")


@pytest.fixture(scope="session")
def stored() -> Checkpoint:
    """The tiny model as a checkpoint; its second seed, so that it is never mistaken for `tiny`."""
    return resolve.read_checkpoint("tiny", seed=1)


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a picture of a size: a bright square on a gradient, different for every seed."""

    def draw(width: int, height: int, *, seed: int = 0, name: str | None = None) -> Path:
        path = tmp_path / (name or f"{width}x{height}-{seed}.png")
        drawn(width, height, seed).save(path)
        return path

    return draw


def drawn(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture with something to point at, the same on every machine."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, (x + y + 40 * seed) % 256], axis=-1).astype(np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = (250, 40 * seed % 256, 20)
    return Image.fromarray(pixels)
