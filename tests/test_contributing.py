"""CONTRIBUTING.md names files, functions and folders that exist."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval import check
from mmeb_eval.data.tasks import TASK_TABLE, read_task_table

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", TEXT)))
WALK_STOPS = 14


def defines(file: Path, name: str) -> bool:
    """Whether a module has the function, class or method."""
    scope: ast.AST = ast.parse(file.read_text(encoding="utf-8"))
    for part in name.split("."):
        inner = [node for node in ast.iter_child_nodes(scope) if getattr(node, "name", None) == part]
        if not inner:
            return False
        scope = inner[0]
    return True


@pytest.mark.parametrize(("file", "name"), NAMES)
def test_functions_exist(file: str, name: str) -> None:
    assert defines(ROOT / file, name), f"{file} has no {name}"


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:scar|mmeb_eval|virtue_ref|tests|benchmarks)/[\w/.]+)`", TEXT)))
)
def test_paths_exist(path: str) -> None:
    assert "my_format" in path or (ROOT / path).exists()


def test_the_tree_names_every_room() -> None:
    tree = TEXT.split("```")[1]
    packages = re.split(r"^(\w+)/ ", tree, flags=re.MULTILINE)[1:]
    told = {
        f"{package}/{room}"
        for package, rooms in zip(packages[::2], packages[1::2], strict=True)
        for room in re.findall(r"^  ([\w.]+)", rooms, flags=re.MULTILINE)
    }
    for package in ("scar", "mmeb_eval", "virtue_ref"):
        folders = {path.parent.relative_to(ROOT).parts[1] for path in (ROOT / package).glob("*/*.py")}
        files = {path.name for path in (ROOT / package).glob("*.py")} - {"__init__.py"}
        assert {f"{package}/{name}" for name in folders | files} <= told


def test_a_walk_has_few_stops() -> None:
    walks = TEXT.split("## Two walks")[1].split("\n## ")[0]
    assert max(int(number) for number in re.findall(r"^(\d+)\.", walks, flags=re.MULTILINE)) <= WALK_STOPS


def test_the_example_of_a_task_is_a_row(tmp_path: Path) -> None:
    (example,) = re.findall(r"(?s)```toml\n(\s+\[ToyVQA\].*?)```", TEXT)
    table = tmp_path / "tasks.toml"
    row = textwrap.dedent(example).replace("[ToyVQA]", "[Example]")  # a contributor may have added ToyVQA
    table.write_text(TASK_TABLE.read_text(encoding="utf-8") + row, encoding="utf-8")
    assert read_task_table(table)["Example"].join == "newline"


def test_the_example_of_an_embedder_keeps_the_contract() -> None:
    (example,) = re.findall(r"(?s)```python\n(# toy_embedder.*?)```", TEXT)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - the text of our own page
    assert [finding.level for finding in check(names["load"]())] == ["note"]
