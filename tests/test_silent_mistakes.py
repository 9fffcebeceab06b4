"""Each test that silent_mistakes.md names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TABLE = (HERE / "silent_mistakes.md").read_text(encoding="utf-8")
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith(("| kind", "| ---"))]
TEST = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")


@cache
def find_names(file: Path) -> frozenset[str]:
    """The names of all functions of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_each_kind_has_four_cells_and_a_test_that_exists() -> None:
    assert ROWS
    for row in ROWS:
        cells = re.split(r"(?<!\\)\|", row.strip("|"))
        assert len(cells) == 4, row
        tests = TEST.findall(cells[3])
        assert tests, row
        for file, name in tests:
            assert (HERE / file).is_file(), f"{row}: no file {file}"
            assert not name or name in find_names(HERE / file), f"{row}: {file} has no {name}"
