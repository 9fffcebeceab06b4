"""What several tests of training start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def start() -> Checkpoint:
    """The tiny model, as a run begins with it."""
    return resolve.read_checkpoint("tiny")


@pytest.fixture
def corpus(data: Path, tmp_path: Path) -> Path:
    """A copy of the corpus, to change."""
    return shutil.copytree(data, tmp_path / "corpus")
