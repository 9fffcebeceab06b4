"""The libraries that a score depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform

LIBRARIES = ("scar-virtue", "numpy", "pillow", "torch", "torchvision", "transformers", "sam2")
"""Distributions whose versions can move a score."""


def versions() -> dict[str, str]:
    """Versions of Python and of those `LIBRARIES` that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
