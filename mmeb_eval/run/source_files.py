"""The source files that an embedder's code lies in: its modules, and what they import, and so on."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from mmeb_eval.load_record import is_library_file
from scar.common.files import hash_file

MAX_FILES = 5000
"""Most files that are followed; a project with more has its first ones followed."""


def hash_sources(modules: Iterable[str], own_packages: frozenset[str]) -> tuple[dict[str, str], set[str]]:
    """Hash the files of modules and of all that they import, except what lies in Python or installed packages.

    Args:
        modules: dotted names of modules; the files of these are hashed even in an installed package.
        own_packages: names of top-level packages that an import leads into only from a module of one of them.

    Returns:
        Name of each module -> SHA-256 of its file, in hexadecimal digits; modules without a file are left out. And the
        names of the top-level modules, in Python or installed packages, that are imported.
    """
    first = set(modules)
    digests: dict[str, str] = {}
    libraries: set[str] = set()
    seen = set(first)
    waiting = sorted(first, reverse=True)
    while waiting and len(digests) < MAX_FILES:
        name = waiting.pop()
        root = name.partition(".")[0]
        file = find_module_file(name)
        if file is None:
            continue
        if is_library_file(file) and name not in first:
            libraries.add(root)
            continue
        digests[name] = hash_file(file)
        if is_library_file(file) or file.suffix != ".py" or name in own_packages:  # a front door imports everything
            continue
        for imported in sorted(set(_iter_imports(name, file))):
            follows = root in own_packages or imported.partition(".")[0] not in own_packages
            if follows and imported not in seen:
                seen.add(imported)
                waiting.append(imported)
    return dict(sorted(digests.items())), libraries


def find_module_file(name: str) -> Path | None:
    """The file of a module, given by its dotted name; nothing is imported to find it.

    None if it has none, or is one of Python's own that is not imported yet.
    """
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return Path(file) if file and Path(file).is_file() else None
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    return _find_unimported_file(name, tuple(sys.path))


@cache
def _find_unimported_file(name: str, search_path: tuple[str, ...]) -> Path | None:
    """The file of a module that is not imported yet; nothing is imported to find it."""
    places: list[str] | None = list(search_path)
    spec = None
    for end in range(1, name.count(".") + 2):
        part = ".".join(name.split(".")[:end])
        loaded = sys.modules.get(part)
        if loaded is not None:
            places = list(getattr(loaded, "__path__", []))
            continue
        try:
            spec = PathFinder.find_spec(part, places)
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


def _iter_imports(name: str, file: Path) -> Iterator[str]:
    """Names of the modules that a file may import anywhere in it, and of the packages around them."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _iter_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _list_with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ".".join(package.split(".")[: package.count(".") + 2 - node.level])
                base = f"{above}.{base}".strip(".")
            if base:
                yield from _list_with_parents(base)
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _iter_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of blocks under ``if TYPE_CHECKING``, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _iter_nodes(node)


def _list_with_parents(name: str) -> list[str]:
    """A module and the packages around it, whose files run first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
