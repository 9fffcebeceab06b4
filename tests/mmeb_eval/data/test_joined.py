"""Rows of TIGER-Lab/MMEB-eval, whose texts are joined already: only the image's token changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from mmeb_eval.adapters.baselines import Random
from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import JOINED_DATASET, TaskFiles, find_row_format, iter_rows
from mmeb_eval.data.tasks import get_task
from mmeb_eval.item import Item
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.templates.fused import LAYOUTS
from scar.errors import DataError

QWEN = LAYOUTS["qwen2_vl"]
ROW = {
    "qry_text": "<|image_1|> \nWhich one? \n\n",
    "qry_img_path": "q.jpg",
    "tgt_text": ["<|image_1|>\nThe cup ", "<|image_1|>\nThe cup ", "\u5168\u89d2\n"],
    "tgt_img_path": ["a.jpg", "b.jpg", ""],
}


@pytest.mark.parametrize("task", ["RefCOCO", "VOC2007", "MSCOCO_t2i", "GQA"])
def test_only_the_token_changes_whatever_the_task(task: str, task_rows: Any, tmp_path: Path) -> None:
    (case,) = read_cases(task_rows(task, [ROW]), QWEN, box_as_prompt=False)
    assert case.query == Item(text="<|image_pad|> \nWhich one? \n\n", image=tmp_path / "q.jpg")
    assert case.candidates == (
        Item(text="<|image_pad|>\nThe cup ", image=tmp_path / "a.jpg"),
        Item(text="<|image_pad|>\nThe cup ", image=tmp_path / "b.jpg"),
        Item(text="\u5168\u89d2\n"),
    )


def test_plain_models_get_no_token_and_no_outer_space(task_rows: Any) -> None:
    (case,) = read_cases(task_rows("GQA", [ROW]), LAYOUTS["plain"], box_as_prompt=False)
    assert [item.text for item in (case.query, *case.candidates)] == [
        "Which one?",
        "The cup",
        "The cup",
        "\u5168\u89d2",
    ]


def test_an_empty_path_is_no_image(task_rows: Any) -> None:
    (case,) = read_cases(task_rows("VOC2007", [ROW | {"qry_img_path": ""}]), QWEN, box_as_prompt=False)
    assert case.query.image is None


def test_an_empty_text_with_paths_is_images_without_text(task_rows: Any, tmp_path: Path) -> None:
    row = ROW | {"tgt_text": "", "tgt_img_path": ["a.jpg", "b.jpg"]}
    (case,) = read_cases(task_rows("MSCOCO_t2i", [row]), LAYOUTS["plain"], box_as_prompt=False)
    assert case.candidates == (Item(text="", image=tmp_path / "a.jpg"), Item(text="", image=tmp_path / "b.jpg"))


def test_a_pair_of_text_and_path_is_one_candidate_across_rows(task_rows: Any) -> None:
    first, second = read_cases(task_rows("WebQA", [ROW, ROW | {"qry_text": "Another?"}]), QWEN, box_as_prompt=False)
    assert [id(item) for item in first.candidates] == [id(item) for item in second.candidates]
    assert len(set(first.candidates)) == 3
    assert first.candidates_digest == second.candidates_digest
    assert first.query_digest != second.query_digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tgt_text": ["a"]}, r"row 0: 1 values in tgt_text but 3 in tgt_img_path"),
        ({"tgt_text": "one"}, r"row 0: tgt_text = 'one': expected a list of texts"),
        ({"tgt_text": []}, r"row 0: tgt_text = \[\]: expected a list of texts"),
        ({"tgt_img_path": []}, r"row 0: tgt_img_path = \[\]: expected a list of texts"),
        ({"tgt_text": "", "tgt_img_path": []}, r"row 0: tgt_img_path = \[\]: expected a list of texts"),
        ({"qry_text": None}, r"row 0: qry_text = None is not a text"),
        ({"qry_img_path": None}, r"row 0: qry_img_path = None is no image path"),
    ],
)
def test_a_row_of_another_shape_is_named(change: Any, message: str, task_rows: Any) -> None:
    with pytest.raises(DataError, match=message):
        list(read_cases(task_rows("GQA", [ROW | change]), QWEN, box_as_prompt=False))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "GQA.parquet"
    parquet.write_table(pa.table({"qry_text": ["x"], "tgt_text": [["y"]]}), path)
    with pytest.raises(DataError, match=r"GQA.parquet: no column qry_img_path, tgt_img_path; found qry_text, tgt_text"):
        list(iter_rows(TaskFiles(get_task("GQA"), (path,), tmp_path)))
    parquet.write_table(pa.table({"qry_inst": ["x"], "tgt_text": [["y"]]}), path)
    with pytest.raises(DataError, match=r"no column qry_text, qry_img_path, tgt_inst, tgt_img_path; found qry_inst"):
        list(iter_rows(TaskFiles(get_task("GQA"), (path,), tmp_path)))


def test_two_formats_in_one_task_are_refused(tmp_path: Path) -> None:
    paths = tmp_path / "0.parquet", tmp_path / "1.parquet"
    for path, row in zip(paths, (ROW, ROW | {"qry_inst": "i", "tgt_inst": ""}), strict=True):
        parquet.write_table(pa.Table.from_pylist([row]), path)
    with pytest.raises(DataError, match=r"0.parquet: no column qry_inst, but .*1.parquet has it; use one data set"):
        find_row_format(TaskFiles(get_task("GQA"), paths, tmp_path))


def test_results_name_the_format_and_its_data_set(task_rows: Any, corpus: Path) -> None:
    texts = ROW | {"qry_img_path": "", "tgt_img_path": ["", "", ""], "tgt_text": ["a", "b", "c"]}
    joined = evaluate(Random(), task_rows("VOC2007", [texts]))
    assert (joined.settings["format"], joined.settings["dataset"]) == ("joined", JOINED_DATASET)
    apart = texts | {"qry_inst": "Which?", "tgt_inst": "", "qry_img_path": "q.jpg"}
    settings = evaluate(Random(), task_rows("GQA", [apart])).settings
    assert (settings["format"], settings["dataset"]) == ("instruct", get_task("GQA").dataset)
