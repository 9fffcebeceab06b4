"""Values of --tasks: folders, names and sets become tasks with their data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.data.choice import select_tasks
from scar.errors import EvalError, UnknownName

ROW = {
    "qry_inst": "<|image_1|>\nName it:",
    "qry_text": "",
    "qry_img_path": "a.jpg",
    "tgt_inst": "",
    "tgt_text": ["bus", "car"],
    "tgt_img_path": ["", ""],
}


def test_folders_and_names_are_selected_in_their_order(corpus: Path, task_rows: Any, tmp_path: Path) -> None:
    task_rows("SUN397", [ROW])
    task_rows("VOC2007", [ROW])
    chosen = select_tasks(["VOC2007,SUN397", str(corpus)], tmp_path, None)
    assert [files.task.name for files in chosen] == ["VOC2007", "SUN397", "Toy"]


def test_what_is_neither_task_nor_folder_is_met_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown task 'VOC2017': did you mean VOC2007\? there is no such folder"):
        select_tasks(["VOC2017"], tmp_path, None)


def test_tasks_by_name_need_a_data_folder() -> None:
    with pytest.raises(EvalError, match=r"--tasks lite: where are the data\? Give --data DIR"):
        select_tasks(["lite"], None, None)
