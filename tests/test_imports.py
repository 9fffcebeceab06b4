"""Which module may import which: arrows point one way, and what is heavy waits until it is needed."""

from __future__ import annotations

import ast
import functools
import graphlib
import importlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("scar", "mmeb_eval", "virtue_ref")
"""Each may import itself and those before it."""

LAYERS: Mapping[str, Sequence[Collection[str]]] = {
    "scar": (
        {"errors", "run_lengths", "sample"},
        {"common"},
        {"recipe", "accounting"},
        {"language"},
        {"annotations"},
        {"evidence"},
        {"generators"},
        {"formats"},
        {"audit"},
        {"build"},
        {"inspect"},
        {"demo"},
        {"publish"},
        {"review"},
        {"cli_options", "cli_chat"},
        {"cli_build", "cli_review"},
        {"cli"},
    ),
    "mmeb_eval": (
        {"item", "media", "load_record", "foreign_code", "model_options"},
        {"embedder", "vectors"},
        {"multi_vectors", "wrapped_embedder"},
        {"models", "templates"},
        {"data", "contract", "toy_items"},
        {"regions"},
        {"adapters"},
        {"run"},
        {"demo"},
        {"report"},
        {"scoring"},
        {"options", "cli_steps", "cli_run", "cli_data"},
        {"cli"},
    ),
    "virtue_ref": (
        {"config"},
        {"model"},
        {"checkpoints"},
        {"inference"},
        {"embedder"},
        {"bench", "bench_segmenters", "device_group"},
        {"training"},
        {"demo_model"},
        {"adapters"},
        {"search"},
        {"explain"},
        {"cli_prompts"},
        {"cli_search", "cli_explain", "cli_publish"},
        {"cli"},
    ),
}
"""Rooms from the ground up: a module imports its own room and rooms of lower layers; rooms of one layer may share."""

TORCH = {
    "torch",
    "torchvision",
    "transformers",
    "sam2",
    "peft",
    "accelerate",
    "sentence_transformers",
    "mteb",
    "open_clip",
    "timm",
}
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
FRONT_DOORS = frozenset(PACKAGES)


def statements(tree: ast.AST, *, all_of_them: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements: all of them, or those that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not all_of_them:
            yield from (inner for branch in node.orelse for inner in statements(branch, all_of_them=False))
        elif all_of_them or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from statements(node, all_of_them=all_of_them)


@functools.cache
def imports(module: str, *, all_of_them: bool = True) -> frozenset[str]:
    """Full names of what a module of ours imports; names of a package count as its modules."""
    found: set[str] = set()
    for node in statements(ast.parse(MODULES[module].read_text(encoding="utf-8")), all_of_them=all_of_them):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        assert node.level == 0, f"{module} imports relatively"
        base = node.module or ""
        found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names}
    return frozenset(found)


def top(module: str) -> str:
    return module.partition(".")[0]


def floor_of(module: str) -> int:
    """The layer of a module's room, 0 on the ground; a front door stands above all rooms of its package."""
    package, _, rest = module.partition(".")
    layers = LAYERS[package]
    room = rest.partition(".")[0]
    (floor,) = [number for number, rooms in enumerate(layers) if room in rooms] if room else [len(layers)]
    return floor


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
            waiting += imports(name, all_of_them=False)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return seen


@pytest.mark.parametrize("module", MODULES)
def test_packages_point_one_way(module: str) -> None:
    allowed = PACKAGES[: PACKAGES.index(top(module)) + 1]
    for name in imports(module):
        assert top(name) not in PACKAGES or top(name) in allowed, f"{module} imports {name}"
        assert not name.endswith(".cli"), f"{module} imports {name}: nobody imports a command line"


@pytest.mark.parametrize("module", sorted(MODULES.keys() - FRONT_DOORS))
def test_rooms_point_down(module: str) -> None:
    """Import statements for type checkers and in functions count too."""
    for name in imports(module):
        if top(name) == top(module):
            assert name not in FRONT_DOORS, f"{module} imports its own front door"
            same_layer = floor_of(name) == floor_of(module)
            assert floor_of(name) < floor_of(module) or same_layer, f"{module} imports upwards: {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    inside = {name: imports(name) & MODULES.keys() for name in MODULES if top(name) == package and name != package}
    sorter = graphlib.TopologicalSorter({name: later - {name} for name, later in inside.items()})
    sorter.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("module", MODULES)
def test_torch_stays_where_models_are(module: str) -> None:
    if top(module) == "virtue_ref":
        return
    if module.startswith("mmeb_eval.adapters") or module == "scar.generators.vlm.transformers_model":
        assert not {top(name) for name in imports(module, all_of_them=False)} & TORCH, (
            f"{module} imports torch too early"
        )
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
