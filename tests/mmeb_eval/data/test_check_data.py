"""Every missing or broken image and every unreadable row is listed, once, and the rest is still looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.check_data import DataCheck, check_data
from mmeb_eval.data.tasks import get_task
from scar.errors import DataError

ROW = {
    "qry_inst": "<|image_1|>\nSelect:",
    "qry_text": "the cup",
    "qry_img_path": "q.png",
    "tgt_inst": "<|image_1|>\nThe object",
    "tgt_text": ["", ""],
    "tgt_img_path": ["a.png", "b.png"],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in "qab":
        Image.new("RGB", (8, 8)).save(tmp_path / f"images/{name}.png")
    write(tmp_path, [ROW, ROW])
    return tmp_path


def write(data: Path, rows: list[Any]) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (data / "RefCOCO.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_sound_data_have_no_problem_and_each_image_counts_once(data: Path) -> None:
    assert check_data(data) == DataCheck(tasks=1, rows=2, images=3, problems=())


def test_all_that_is_wrong_is_listed_once(data: Path) -> None:
    (data / "images/b.png").write_bytes((data / "images/b.png").read_bytes()[:40])
    gone = ROW | {"tgt_img_path": ["gone.png", "lost.png"]}
    write(data, [ROW, gone, "{", ROW | {"qry_text": 3}, "[]", gone, ROW | {"tgt_img_path": []}])
    found = check_data(data)
    assert (found.tasks, found.rows, found.images) == (1, 5, 3)
    for expected in (
        "row 1: tgt_img_path = 'gone.png': no such file below",
        "row 1: tgt_img_path = 'lost.png': no such file below",
        "row 2: not a readable file of JSON lines",
        "row 3: qry_text = 3 is not a text",
        "row 4: expected a JSON object, found list",
        "row 6: tgt_img_path = []: expected a list of texts",
        "row 0: tgt_img_path: ",
    ):
        assert sum(expected in problem for problem in found.problems) == 1, (expected, found.problems)
    assert len(found.problems) == 7


def test_a_task_that_is_asked_for_must_be_there(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (problem,) = check_data(data, [get_task("RefCOCO"), get_task("GQA")]).problems
    assert "no data for task GQA" in problem
    with pytest.raises(DataError, match=r"no data of any task; `mmeb-eval fetch --data .*` downloads them"):
        check_data(tmp_path_factory.mktemp("empty"))


def test_the_sources_of_a_scar_folder_are_checked(corpus: Path) -> None:
    assert check_data(corpus) == DataCheck(tasks=1, rows=40, images=20, problems=())
    (corpus / "images/Toy_val/3.png").unlink()
    (problem,) = check_data(corpus).problems
    assert "row 6: qry_image_path = 'images/Toy_val/3.png': no such file below" in problem


def test_the_command_prints_all_problems_and_ends_with_2(data: Path) -> None:
    sound = CliRunner().invoke(app, ["check", "--data", str(data)])
    assert (sound.exit_code, sound.stdout) == (0, f"{data}: 1 tasks, 2 rows, 3 images: 0 problems\n")
    (data / "images/a.png").unlink()
    (data / "images/b.png").write_text("no image")
    bad = CliRunner().invoke(app, ["check", "--data", str(data), "--tasks", "RefCOCO,GQA"])
    assert bad.exit_code == 2
    lines = bad.stdout.splitlines()
    assert len(lines) == 4
    assert lines[-1] == f"{data}: 1 tasks, 2 rows, 2 images: 3 problems"


def test_the_command_needs_a_model_or_data() -> None:
    neither = CliRunner().invoke(app, ["check"])
    assert neither.exit_code == 2
    assert "check what? Give a MODEL, --data DIR or --task-file FILE" in neither.stderr


def test_a_part_of_scar_that_cannot_be_used_is_a_problem_beside_other_data(data: Path) -> None:
    (data / "SCaR-eval").mkdir()
    (problem,) = check_data(data).problems
    assert "no SCaR_eval_*.parquet here" in problem
    (data / "SCaR-eval").rmdir()
    (data / ".pull" / "x").mkdir(parents=True)
    (problem,) = check_data(data).problems
    assert "a pull into it has not ended" in problem
