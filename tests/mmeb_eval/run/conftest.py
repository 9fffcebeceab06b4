"""An image file whose bytes alone matter."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "pictures" / "one.png"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path
