"""Rows with items that cannot be embedded are found before training starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from scar.errors import DataError
from tests.virtue_ref.training.runs import RECIPE
from virtue_ref.checkpoints import resolve
from virtue_ref.training.inputs import make_row_checker
from virtue_ref.training.pairs import open_source
from virtue_ref.training.recipe import parse_recipe
from virtue_ref.training.row_checks import RowChecker

GOOD: dict[str, Any] = {
    "qry": "<|image_1|>\nWhat?",
    "qry_image_path": "good.png",
    "pos_text": "a dog",
    "pos_image_path": "",
    "neg_text": "a cat",
    "neg_image_path": "",
    "bbox": [2.0, 2.0, 20.0, 20.0],
}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    picture.save(tmp_path / "good.png")
    for name in ("cut.png", "cut.jpg"):
        picture.save(tmp_path / name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-500])
    picture.save(tmp_path / "cut.webp", lossless=True)
    (tmp_path / "cut.webp").write_bytes((tmp_path / "cut.webp").read_bytes()[:-500])
    (tmp_path / "text.jpg").write_text("<html>not found</html>")
    (tmp_path / "empty.jpg").touch()
    Image.fromarray(np.full((9, 9), 700, np.uint16)).save(tmp_path / "deep.png")  # of 65,535: brightness unclear
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def write(folder: Path, *rows: dict[str, Any]) -> list[Path]:
    pq.write_table(pa.Table.from_pylist([GOOD | row for row in rows]), folder / "rows.parquet")
    return [folder / "rows.parquet"]


@pytest.fixture(scope="module")
def checker() -> RowChecker:
    return make_row_checker(parse_recipe(RECIPE, "test", "test.toml"), resolve.read_checkpoint("tiny"))


BROKEN = ["cut.png", "cut.jpg", "cut.webp", "text.jpg", "empty.jpg", "deep.png"]


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("column", ["qry_image_path", "pos_image_path", "neg_image_path"])
def test_a_broken_picture_is_found_and_named(images: Path, name: str, column: str) -> None:
    files = write(images, {}, {column: name}, {column: name})
    pattern = rf'demo, row 1: .*{name}.*, and 1 more rows; missing = "skip" drops and counts such rows\.$'
    with pytest.raises(DataError, match=pattern):
        open_source("demo", files, images)
    source = open_source("demo", files, images, missing="skip")
    assert source.rejected == {"broken_image": 2}
    assert list(source.rows) == [0]


@pytest.mark.parametrize("name", ["gone.png", "folder.png", "a/gone.png"])
def test_a_missing_picture_is_found_and_named(images: Path, name: str) -> None:
    files = write(images, {}, {"qry_image_path": name})
    with pytest.raises(DataError, match=rf'demo, row 1: no image .*{name}; missing = "skip" drops'):
        open_source("demo", files, images)
    assert open_source("demo", files, images, missing="skip").rejected == {"missing_image": 1}


@pytest.mark.parametrize(
    "box",
    [[5, 5, 0, 9], [5, 5, 9, -1], [float("nan"), 5, 9, 9], [5, 5, float("inf"), 9], [200, 200, 9, 9], [-50, 5, 9, 9]],
    ids=str,
)
def test_a_bad_box_is_counted(images: Path, checker: RowChecker, box: list[float]) -> None:
    files = write(images, {}, {"bbox": [float(value) for value in box]})
    source = open_source("demo", files, images, checker=checker)
    assert source.rejected == {"bad_box": 1}
    assert list(source.rows) == [0]


@pytest.mark.parametrize(
    ("box", "reason"), [(None, "no_box"), ([1.0, 2.0], "no_box"), ([1.0, None, 2.0, 3.0], "no_box")]
)
def test_no_box_is_counted(images: Path, box: Any, reason: str) -> None:
    assert open_source("demo", write(images, {}, {"bbox": box}), images).rejected == {reason: 1}


def test_a_text_with_several_image_tokens_is_counted(images: Path, checker: RowChecker) -> None:
    files = write(images, {}, {"qry": "<|image_1|> and <|image_1|>"})
    assert open_source("demo", files, images, checker=checker).rejected == {"image_tokens": 1}


def test_a_box_that_the_model_clips_is_used(images: Path, checker: RowChecker) -> None:
    files = write(images, {"bbox": [60.0, 60.0, 60.0, 60.0]})
    assert not open_source("demo", files, images, checker=checker).rejected
