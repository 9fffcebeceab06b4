"""Read the tables of words beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "tables"


@cache
def read_word_table(name: str) -> Mapping[str, Any]:
    """The table ``name``.toml; do not change it, all callers share it."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
