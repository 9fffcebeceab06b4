"""A real two-tower model, of a few numbers, on demo data of all 41 tasks: the whole way from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.tasks import GROUPS, tasks
from mmeb_eval.demo.write import write_demo
from mmeb_eval.run.results import read_results


def test_clip_is_scored_on_all_41_tasks_and_every_group(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    write_demo(tmp_path / "data", queries=2)
    asked = ["--model", f"clip:{clip_folder}", "--tasks", "all", "--data", str(tmp_path / "data")]
    shown = CliRunner().invoke(app, [*asked, "--output", str(tmp_path / "results")])
    assert shown.exit_code == 0, shown.output
    first_words = [next(iter(line.strip("│┃ ").split()), "") for line in shown.stdout.splitlines()]
    assert [word for word in first_words if word in tasks()] == list(tasks())
    assert set(GROUPS) <= set(shown.stdout.split())
    assert {result.task for result in read_results(tmp_path / "results")} == set(tasks())
