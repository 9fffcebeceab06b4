"""The demo tasks: official names and columns, same seed same bytes, and right answers that the pixels bear out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageColor
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import find_task_files, iter_rows
from mmeb_eval.data.tasks import get_task, tasks
from mmeb_eval.demo.write import write_demo
from mmeb_eval.templates.fused import LAYOUTS
from scar.common.files import hash_file
from scar.demo.shapes import COLOURS

QUERIES = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    assert write_demo(out, queries=QUERIES)["tasks"] == len(tasks())
    return out


def main_colour(path: Path) -> str:
    """The colour of the demo's palette that most pixels of an image have."""
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    palette = np.array([ImageColor.getrgb(value) for value in COLOURS.values()])
    near = np.abs(pixels[:, None] - palette[None]).max(axis=2)
    found = Counter(near.argmin(axis=1)[near.min(axis=1) < 12].tolist())
    return list(COLOURS)[found.most_common(1)[0][0]]


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.name)
def test_every_task_reads_with_the_parts_that_its_table_names(task: Any, data: Path) -> None:
    cases = list(read_cases(find_task_files(task, data), LAYOUTS["plain"], box_as_prompt=True))
    assert len(cases) == QUERIES if task.benchmark == "MMEB" else len(cases) >= 10
    for case in cases:
        assert len(set(case.candidates)) == len(case.candidates) > 1
        assert (case.query.image is not None) == task.query.startswith("image")
        for candidate in case.candidates:
            assert (candidate.image is not None) == task.candidates.startswith("image")
            assert candidate.text


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        return {str(path.relative_to(folder)): hash_file(path) for path in folder.rglob("*") if path.is_file()}

    write_demo(tmp_path, queries=QUERIES, seed=1)
    assert digests(tmp_path) != digests(data)
    write_demo(tmp_path / "again", queries=QUERIES)
    assert digests(tmp_path / "again") == digests(data)


def test_the_right_crop_has_the_colour_that_is_asked_for(data: Path) -> None:
    for _, row in iter_rows(find_task_files(get_task("MSCOCO"), data)):
        right, *wrong = row["tgt_img_path"]
        colour, _ = row["qry_text"].strip('"').split()
        assert main_colour(data / "image-tasks" / right) == colour
        assert len(wrong) >= 2


def test_the_right_image_is_the_old_one_in_the_new_colour(data: Path) -> None:
    for _, row in iter_rows(find_task_files(get_task("FashionIQ"), data)):
        _, new, *_, old = row["qry_text"].rstrip(".").split()
        assert main_colour(data / "image-tasks" / row["qry_img_path"]) == old
        assert main_colour(data / "image-tasks" / row["tgt_img_path"][0]) == new


def test_all_tasks_are_scored_from_the_command_line(data: Path, tmp_path: Path) -> None:
    asked = ["--model", "constant", "--tasks", "all", "--data", str(data), "--output", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    scored = {entry["task"]: entry["metrics"]["hit@1"] for entry in json.loads(result.stdout)}
    assert list(scored) == list(tasks())
    assert set(scored.values()) == {0.0}


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", str(tmp_path), "--queries", "1"])
    assert result.exit_code == 0, result.output
    assert f"{len(tasks())} tasks" in result.stdout
    assert (tmp_path / "GQA" / "test-00000-of-00001.parquet").is_file()
