"""A folder with two images, for the small readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.scar.annotations.reading import HEIGHT, WIDTH


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``images/a.png``, ``images/sub/b.png``, and an empty folder ``labels``."""
    (tmp_path / "images" / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / name)
    (tmp_path / "labels").mkdir()
    return tmp_path
