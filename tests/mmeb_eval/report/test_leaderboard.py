"""Leaderboards are in order, on one scale, and say what is computed or of other data."""

from __future__ import annotations

import pytest

from mmeb_eval.data.tasks import list_group_tasks
from mmeb_eval.report.leaderboard import BENCHMARK_COLUMNS, OTHER_DATA, format_cell, make_leaderboards
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.errors import UnknownName


def test_boards_are_in_order_and_show_one_scale() -> None:
    mmeb, scar = make_leaderboards()
    assert (mmeb.columns, scar.columns) == tuple(BENCHMARK_COLUMNS.values())
    for board in (mmeb, scar):
        totals = [cell.share for row in board.rows if (cell := row.cells.get(board.columns[-1])) and cell.share]
        assert totals == sorted(totals, reverse=True)
        assert all(0 <= (cell.share or 0) <= 1 for row in board.rows for cell in row.cells.values())
    best = [(row.model, format_cell(row.cells["MMEB"])) for row in mmeb.rows[:3]]
    assert best == [*[("Qwen3-VL-Embedding-8B", "0.801°")] * 2, ("VIRTUE-7B", "0.686")]
    assert "vlm2vec-scores" in " ".join(mmeb.list_notes())


def test_means_that_a_source_does_not_print_are_computed_and_marked() -> None:
    (board,) = make_leaderboards(group_name="grounding")
    (row,) = [row for row in board.rows if row.model == "LamRA-Ret"]
    assert format_cell(row.cells["grounding"]) == "0.626°"
    found = {row.source.id for row in board.rows if row.source}  # the others print no task
    assert found == {"vlm2vec-scores", "vlm2vec-paper", "mmeb-board", "vlm2vec-rerun"}
    (noted,) = [row for row in board.rows if row.model == "UniIR"]
    assert format_cell(noted.cells["grounding"]) == "0.653*"
    assert any("65.3 as printed; the per-task scores give 62.2" in note for note in board.list_notes())
    as_json = {(row["model"], row["name"]): row for row in board.list_json_rows()}
    assert as_json["UniIR", "grounding"]["unit"] == "percent"
    assert as_json["LamRA-Ret", "MSCOCO"]["unit"] == "fraction"
    assert as_json["LamRA-Ret", "grounding"]["computed"]


def own_result(task: str, queries: int, share: float) -> Result:
    counts = {"queries": queries, "candidates": 2 * queries, "items": 1, "ties": 0}
    ranks = (1,) * queries
    return Result("mine", task, {HEADLINE_METRIC: share}, counts, 0.5, {}, ranks, ((0,),) * queries, (0.0,) * queries)


def test_own_results_stand_among_them_and_say_when_their_data_are_others() -> None:
    whole = [own_result(name, 1000, 0.95) for name in list_group_tasks("grounding")]
    (board,) = make_leaderboards(group_name="grounding", results=whole)
    assert (board.rows[0].model, board.rows[0].source, board.rows[0].setting) == ("mine", None, "")
    assert format_cell(board.rows[0].cells["grounding"]) == "0.950"
    (board,) = make_leaderboards(group_name="grounding", results=[own_result("MSCOCO", 24, 0.9)])
    (row,) = [row for row in board.rows if row.model == "mine"]
    assert (row.setting, format_cell(row.cells["grounding"])) == (OTHER_DATA, "incomplete 1/4")


@pytest.mark.parametrize(
    ("benchmark", "within", "message"),
    [
        ("Scar", None, "unknown benchmark 'Scar': did you mean SCaR"),
        (None, "grounds", "unknown group 'grounds': did you mean grounding"),
        ("SCaR", "vqa", "unknown group of SCaR 'vqa'"),
    ],
)
def test_a_board_that_does_not_exist_is_an_error(benchmark: str | None, within: str | None, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        make_leaderboards(benchmark, within)
