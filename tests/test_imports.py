"""Which module may import which: arrows point one way, and what is heavy waits until it is needed."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("scar", "mmeb_eval", "virtue_ref")
"""Each may import itself and those before it."""

RECORDS = ("scar.sample", "scar.errors", "mmeb_eval.embedder")
"""What everything else is a function over; they import nothing but records."""

TORCH = {"torch", "torchvision", "transformers", "sam2", "peft", "accelerate", "sentence_transformers", "mteb"}
HEAVY = TORCH | {
    "numpy",
    "pandas",
    "pyarrow",
    "datasets",
    "PIL",
    "pycocotools",
    "huggingface_hub",
    "jinja2",
    "matplotlib",
}
"""What `--help` must not wait for."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def statements(tree: ast.AST, late: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements; those in functions only with `late`, those for type checkers never."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (inner for branch in node.orelse for inner in statements(branch, late))
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from statements(node, late)


@functools.cache
def imports(module: str, late: bool = True) -> frozenset[str]:
    """Modules that a module of ours imports, by full name; names of a package count as its modules."""
    found: set[str] = set()
    for node in statements(ast.parse(MODULES[module].read_text(encoding="utf-8")), late):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        assert node.level == 0, f"{module} imports relatively"
        base = node.module or ""
        found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}
    return frozenset(found)


def top(module: str) -> str:
    return module.partition(".")[0]


def reachable(module: str) -> set[str]:
    """Everything that importing a module of ours imports: its packages' front doors too."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in MODULES:
            waiting += imports(name, late=False)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return seen


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_one_way(module: str) -> None:
    allowed = PACKAGES[: PACKAGES.index(top(module)) + 1]
    for name in imports(module):
        assert top(name) not in PACKAGES or top(name) in allowed, f"{module} imports {name}"
        assert not name.endswith(".cli"), f"{module} imports {name}: nobody imports a command line"


@pytest.mark.parametrize("module", RECORDS)
def test_records_import_nothing_but_records(module: str) -> None:
    ours = {name for name in imports(module) if top(name) in PACKAGES}
    assert ours <= set(RECORDS)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_waits_for_itself(package: str) -> None:
    """Imports at module level have no cycle: inside a package they point towards its records."""
    for module in (name for name in MODULES if top(name) == package and name != package):
        beyond = {
            later
            for name in imports(module, late=False) - {package}
            if name in MODULES and top(name) == package
            for later in reached_inside(name, package)
        }
        assert module not in beyond, f"{module} is in a cycle"


def reached_inside(module: str, package: str) -> set[str]:
    """Modules of the package that a module reaches, without its front door."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [later for later in imports(name, late=False) if later in MODULES and top(later) == package]
            waiting = [later for later in waiting if later != package]
    return seen


@pytest.mark.parametrize("module", MODULES)
def test_torch_stays_where_models_are(module: str) -> None:
    if top(module) == "virtue_ref":
        return
    if module.startswith("mmeb_eval.adapters"):
        assert not {top(name) for name in imports(module, late=False)} & TORCH, f"{module} imports torch too early"
    else:
        assert not {top(name) for name in imports(module)} & TORCH, f"{module} imports a model library"


@pytest.mark.parametrize("door", [f"{package}.cli" for package in PACKAGES if f"{package}.cli" in MODULES])
def test_a_command_line_starts_light(door: str) -> None:
    heavy = {name for name in reachable(door) if top(name) in HEAVY}
    assert not heavy


@pytest.mark.parametrize("package", PACKAGES)
def test_a_front_door_exports_what_it_says(package: str) -> None:
    door = importlib.import_module(package)
    stated = list(door.__all__)
    assert len(set(stated)) == len(stated)
    assert all(getattr(door, name) is not None for name in stated)
    tree = ast.parse(MODULES[package].read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and top(node.module or "") in PACKAGES
        for alias in node.names
    }
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert imported | defined == set(stated)
