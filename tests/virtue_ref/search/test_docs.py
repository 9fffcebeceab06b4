"""The program of docs/search.md is short and runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "search.md"


def test_the_program_runs(
    photos: Path, instances: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    assert len([line for line in program.splitlines() if line]) <= 12
    (tmp_path / "annotations").mkdir()
    shutil.copy(instances, tmp_path / "annotations" / "instances_val2017.json")
    shutil.copytree(photos, tmp_path / "val2017")
    monkeypatch.chdir(tmp_path)
    exec(compile(program, str(PAGE), "exec"), {})  # noqa: S102 - our own page
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("1.000 cup a.png"), "the box finds itself"
    assert (tmp_path / "neighbours.png").is_file()
