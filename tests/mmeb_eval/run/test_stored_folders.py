"""Vectors of earlier models are counted, named and removed only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.run.lock import lock_folder
from mmeb_eval.run.run import run_evaluations
from mmeb_eval.run.stored_folders import list_stored_folders


class Mine:
    """An embedder with a token, which changes no vector, and a scale."""

    name = "mine"

    def __init__(self, token: str = "", scale: float = 1.0) -> None:
        self.token, self.scale = token, scale

    def embed(self, items: Any) -> Any:
        rows = np.stack([np.random.default_rng([*f"{item}".encode()]).normal(size=8) for item in items])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Declared(Mine):
    volatile = ("token",)


def _run(embedder: Any, corpus: Path, output: Path) -> list[str]:
    said: list[str] = []
    run_evaluations([embedder], find_scar_tasks(corpus), output, say=said.append)
    return said


def test_a_line_names_the_volatile_attribute_and_the_way_out_works(corpus: Path, tmp_path: Path) -> None:
    assert not any("volatile" in line for line in _run(Mine("a"), corpus, tmp_path / "out"))
    (line,) = [line for line in _run(Mine("b"), corpus, tmp_path / "out") if "changed since" in line]
    assert line == (
        "mine: stored vectors are not used, as these have changed since: Mine.token. Are they new in each run without "
        'changing a vector, such as an id or a time? Then write volatile = ("token",) in the embedder\'s class.'
    )
    _run(Declared("a"), corpus, tmp_path / "declared")
    said = _run(Declared("b"), corpus, tmp_path / "declared")
    assert not any("changed since" in line for line in said)
    assert any("; 0 were embedded now." in line for line in said)
    assert any("Declared.scale" in line for line in _run(Declared("b", 2.0), corpus, tmp_path / "declared"))


def test_vectors_of_earlier_models_are_told_and_removed_when_asked(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    for scale in (1.0, 2.0, 3.0, 2.0):  # the last run goes back to earlier weights
        said = _run(Mine(scale=scale), corpus, output)
    folders = list_stored_folders(output)
    assert [folder.is_old for folder in folders] == [False, True, True]
    assert all(folder.size == sum(path.stat().st_size for path in folder.path.iterdir()) for folder in folders)
    assert said[-1].startswith(f"{output}/.vectors: vectors of earlier versions of the models hold ")
    assert said[-1].endswith(f"; `mmeb-eval vectors {output} --remove-old` removes them.")
    listed = CliRunner().invoke(app, ["vectors", str(output)])
    assert listed.output.count("earlier version of the model\n") == 2
    assert len(list_stored_folders(output)) == 3
    with lock_folder(output):
        assert CliRunner().invoke(app, ["vectors", str(output), "--remove-old"]).exit_code == 2
    removed = CliRunner().invoke(app, ["vectors", str(output), "--remove-old"])
    assert (removed.exit_code, removed.output.count("removed ")) == (0, 2)
    assert [folder.path for folder in list_stored_folders(output)] == [folders[0].path]
    assert any("; 0 were embedded now." in line for line in _run(Mine(scale=2.0), corpus, output))


@pytest.mark.parametrize("options", [[], ["--remove-old"]])
def test_a_folder_without_vectors_is_named(tmp_path: Path, options: list[str]) -> None:
    result = CliRunner().invoke(app, ["vectors", str(tmp_path), *options])
    assert result.exit_code == 2
    assert "no stored vectors; give the --output of a run" in result.output
