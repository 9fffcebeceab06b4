"""Versions of the libraries that a score depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

LIBRARIES = ("scar-virtue", "numpy", "pillow", "torch", "torchvision", "transformers", "sam2")
"""Distributions whose versions can change a score."""

PACKAGE_OF_MODULE: Mapping[str, str] = {"PIL": "pillow", "mmeb_eval": "scar-virtue", "virtue_ref": "scar-virtue"}
"""Top-level module -> its package, for common modules whose package has another name."""


def read_versions() -> dict[str, str]:
    """Versions of Python and of those `LIBRARIES` that are installed: name -> version."""
    return dict(_read_versions_once())


def read_package_versions(modules: Iterable[str]) -> dict[str, str]:
    """Name of each package that holds one of these top-level modules, in small letters -> its version.

    Modules of Python, and those of no installed package, are left out.
    """
    names = {name for module in modules for name in _find_packages(module)}
    return {name.lower(): importlib.metadata.version(name) for name in sorted(names)}


@cache
def _find_packages(module: str) -> Sequence[str]:
    """The packages that hold a top-level module; most have its name, and a search takes a second."""
    if module in sys.stdlib_module_names:
        return ()
    if module in PACKAGE_OF_MODULE:
        return (PACKAGE_OF_MODULE[module],)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
        importlib.metadata.version(module)
        return (module,)
    return tuple(dict.fromkeys(importlib.metadata.packages_distributions().get(module, ())))


@cache
def _read_versions_once() -> dict[str, str]:
    """Read the versions once in a process: each is in a file of its own, and every task asks for all of them."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
