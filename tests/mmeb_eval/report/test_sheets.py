"""A score sheet joins the leaderboard, whoever wrote it; what is no sheet is refused with the value at fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.data.tasks import list_group_tasks
from mmeb_eval.report.leaderboard import format_cell, make_leaderboards
from mmeb_eval.report.sheets import read_sheet_scores
from scar.errors import DataError


def write_sheet(folder: Path, image: Any, **metadata: Any) -> Path:
    path = folder / "Mine-2B.json"
    sheet = {"metadata": {"model_name": "Mine-2B", **metadata}, "metrics": {"image": image, "video": {}, "visdoc": {}}}
    path.write_text(json.dumps(sheet))
    return path


def test_a_sheet_becomes_a_row_with_computed_means(tmp_path: Path) -> None:
    row = {"hit@1": 0.99, "num_pred": 1000, "num_data": 1000}
    image = dict.fromkeys(list_group_tasks("MMEB"), row) | {"A new task": row}
    scores = read_sheet_scores(write_sheet(tmp_path, image, data_source="Self-Reported"))
    (board,) = make_leaderboards("MMEB", sheets=scores)
    assert (board.rows[0].model, format_cell(board.rows[0].cells["MMEB"])) == ("Mine-2B", "0.990°")
    assert any(note.startswith("Mine-2B: score sheet Mine-2B.json, Self-Reported") for note in board.list_notes())


def test_queries_without_a_prediction_are_noted(tmp_path: Path) -> None:
    image = {"GQA": {"hit@1": 0.5, "num_pred": 990, "num_data": 1000}, "VOC2007": 0.25}
    notes = {score.name: score.note for score in read_sheet_scores(write_sheet(tmp_path, image))}
    assert notes == {"VOC2007": "", "GQA": "990 predictions of 1000 queries"}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({}, "no score on any of our image tasks; it has none"),
        ({"MSR-VTT": 0.5}, "no score on any of our image tasks; it has MSR-VTT"),
        ({"GQA": {"hit@1": 55.5}}, "GQA: hit@1 = 55.5 is no fraction of 1"),
        ({"GQA": {}}, "GQA: hit@1 = None is no fraction"),
        ([], "no score sheet of the MMEB leaderboard: AttributeError"),
    ],
)
def test_what_is_no_sheet_is_refused(tmp_path: Path, image: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_sheet_scores(write_sheet(tmp_path, image))
