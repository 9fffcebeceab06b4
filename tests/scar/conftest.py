"""The local Hub is there for every test of the corpus."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.local_hub import local_hub

__all__ = ["local_hub"]
