"""Small task data in the published formats, written with pyarrow so that they depend on no writer of ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.tasks import get_task, tasks
from mmeb_eval.report.published import read_published_scores
from tests.shared import SHARED

SCAR = pa.schema(
    [
        ("qry_text", pa.string()),
        ("qry_image_path", pa.string()),
        ("tgt_text", pa.list_(pa.string())),
        ("bbox", pa.list_(pa.float32())),
        ("category", pa.string()),
        ("image_id", pa.int64()),
    ]
)
INSTRUCTION = (
    "<|image_1|>\nFind the caption that best describes the segmented object, considering both local details and "
    "global context in the given image."
)

Golden = Callable[[str], Any]
Rows = Callable[[str, Sequence[Mapping[str, Any]]], TaskFiles]


@pytest.fixture
def golden() -> Golden:
    """Reads a file of the reference outputs; skips the test where they are not at hand."""

    def read(name: str) -> Any:
        path = SHARED / "golden" / "mmeb" / name
        if not path.is_file():
            pytest.skip(f"no reference outputs at {path}")
        return np.load(path) if path.suffix == ".npz" else json.loads(path.read_text(encoding="utf-8"))

    return read


@pytest.fixture
def task_rows(tmp_path: Path) -> Rows:
    """Writes rows of a task as JSON lines, and an empty file for each image below the folder that they name."""

    def write(task: str, rows: Sequence[Mapping[str, Any]]) -> TaskFiles:
        path = tmp_path / f"{task}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        for row in rows:
            paths = [row.get("qry_img_path"), row.get("qry_image_path"), *(row.get("tgt_img_path") or [])]
            for image in paths:
                if image and not image.startswith(("/", "..")):
                    (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
                    (tmp_path / image).touch()
        return TaskFiles(get_task(task), (path,), tmp_path)

    return write


def scar_row(number: int, captions: Sequence[str] | None = None) -> dict[str, Any]:
    """Row of a SCaR evaluation file; two rows share an image."""
    return {
        "qry_text": INSTRUCTION,
        "qry_image_path": f"images/Toy_val/{number // 2}.png",
        "tgt_text": list(captions or (f"thing {number} {place}" for place in range(10))),
        "bbox": [1.0 + number, 2.0, 3.5, 4.0],
        "category": "thing",
        "image_id": number // 2,
    }


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A SCaR folder of 40 samples, source Toy, whose images are small PNGs."""
    from PIL import Image

    rows = [scar_row(number) for number in range(40)]
    for row in rows:
        path = tmp_path / "corpus" / row["qry_image_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (row["image_id"] * 9 % 256, 80, 120)).save(path)
    write_scar(tmp_path / "corpus" / "SCaR-eval" / "SCaR_eval_Toy.parquet", rows)
    return tmp_path / "corpus"


def write_scar(path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema = SCAR) -> None:
    """Write a SCaR evaluation file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


@pytest.fixture
def write_corpus() -> Callable[..., None]:
    """`write_scar`, for tests that need other rows."""
    return write_scar


@pytest.fixture
def make_row() -> Callable[..., dict[str, Any]]:
    """`scar_row`, likewise."""
    return scar_row


@pytest.fixture
def only_published_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves no task in the table but those with published scores, whose means were published too."""
    published = {score.name for score in read_published_scores()}
    table = {name: task for name, task in tasks().items() if name in published}
    monkeypatch.setattr("mmeb_eval.data.tasks.tasks", lambda: table)


@pytest.fixture
def work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs in its own folder, whose imports are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "200")
