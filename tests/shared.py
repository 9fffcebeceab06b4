"""Where the material lies that tests compare with but the project does not contain; tests skip where it is absent."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared"
