"""SCaR: build and read a corpus of things in scenes, each with one true caption and nine false ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scar.audit import audit
from scar.build import build
from scar.errors import ScarError
from scar.sample import Box, Caption, Mask, Negative, Region, Sample

if TYPE_CHECKING:
    from scar.formats.corpus_files import read
    from scar.recipe import Recipe, Source

__all__ = [
    "Box",
    "Caption",
    "Mask",
    "Negative",
    "Recipe",
    "Region",
    "Sample",
    "ScarError",
    "Source",
    "audit",
    "build",
    "read",
]

_LATE = {"Recipe": "scar.recipe", "Source": "scar.recipe", "read": "scar.formats.corpus_files"}


def __getattr__(name: str) -> Any:
    """Import `Recipe`, `Source` and `read` only when they are used, so that `import scar` stays light."""
    from importlib import import_module

    if name not in _LATE:
        raise AttributeError(f"module 'scar' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATE[name]), name)
    return value
