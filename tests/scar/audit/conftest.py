"""Toy corpora that several tests of the audit read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scar import Sample, audit
from scar.audit.row_blocks import RowBlock, iter_row_blocks
from tests.scar.audit.toy_corpus import ReadBlock, draw_sample, write_corpus, write_file


@pytest.fixture
def read_block(tmp_path: Path) -> ReadBlock:
    """Reads samples as one block of a file."""

    def write_and_read(samples: Sequence[Sample]) -> RowBlock:
        folder = tmp_path / "blocks" / str(len(list(tmp_path.glob("blocks/*"))))
        (block,) = iter_row_blocks(write_file(folder, samples, "eval"))
        return block

    return write_and_read


@pytest.fixture(scope="session")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus whose gold captions and negatives have the same distributions of words."""
    return write_corpus(tmp_path_factory.mktemp("fair"), draw_sample)


@pytest.fixture(scope="session")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus whose gold captions all have a scene that no negative has."""
    folder = tmp_path_factory.mktemp("leaky")
    return write_corpus(folder, lambda number, rng, split: draw_sample(number, rng, split, gold_scene="a lighthouse"))


@pytest.fixture(scope="session")
def fair_report(fair: Path) -> dict[str, Any]:
    """The audit of the fair corpus."""
    return audit(fair)
