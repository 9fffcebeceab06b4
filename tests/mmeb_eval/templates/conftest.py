"""Reference outputs that tests of several templates read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shared import SHARED


@pytest.fixture(scope="module")
def qwen3_fields() -> Any:
    """What Qwen3-VL-Embedding's own parsers make of rows of MMEB."""
    path = SHARED / "golden" / "mmeb_v2" / "qwen3_fields.json"
    if not path.is_file():
        pytest.skip(f"no reference outputs at {path}")
    return json.loads(path.read_text(encoding="utf-8"))
