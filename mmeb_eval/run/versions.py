"""Versions of the libraries that a score depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from functools import cache

LIBRARIES = ("scar-virtue", "numpy", "pillow", "torch", "torchvision", "transformers", "sam2")
"""Distributions whose versions can change a score."""


def read_versions() -> dict[str, str]:
    """Versions of Python and of those `LIBRARIES` that are installed."""
    return dict(_read_versions_once())


@cache
def _read_versions_once() -> dict[str, str]:
    """Read the versions once in a process: each is in a file of its own, and every task asks for all of them."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
