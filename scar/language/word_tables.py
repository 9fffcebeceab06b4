"""Read the tables of words in the folder `tables`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "tables"


@cache
def read_word_table(name: str) -> Mapping[str, Any]:
    """Read the table ``name``.toml; do not change the result, which all callers share."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
