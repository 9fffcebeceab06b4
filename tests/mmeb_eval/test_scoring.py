"""The Python front door: three lines from a name to a frame, and back from frames to comparisons and reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import mmeb_eval
from mmeb_eval.adapters.baselines import Random, TextOnly
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.demo.write import write_demo
from mmeb_eval.run.results import read_results
from mmeb_eval.scoring import ResultList, read_frame
from scar.errors import DataError, EvalError, InputError, UnknownName


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_demo(folder, queries=4)
    return folder


def test_three_lines_give_a_frame(data: Path) -> None:
    frame = mmeb_eval.evaluate("text-only", tasks="lite", data=str(data)).to_frame()
    assert frame["task"].tolist() == [task.name for task in mmeb_eval.get_tasks("lite")]
    assert set(frame["model"]) == {"text-only"}
    assert frame["hit@1"].between(0, 1).all()
    assert frame["family"].nunique() == 4


def test_names_objects_and_lists_are_taken_alike(data: Path, corpus: Path) -> None:
    by_name = mmeb_eval.evaluate("random?seed=3", "VOC2007, NIGHTS", data=data)
    by_object = mmeb_eval.evaluate([Random(3)], ["VOC2007", "NIGHTS"], data=str(data))
    assert by_name == by_object
    two = mmeb_eval.evaluate(["random", TextOnly()], [str(corpus)])
    assert [result.model for result in two] == ["random", "text-only"]
    assert mmeb_eval.evaluate("random", corpus, limit=3)[0].counts["queries"] == 3
    (files,) = find_scar_tasks(corpus)
    alone = mmeb_eval.evaluate(Random(), files)
    assert isinstance(alone, mmeb_eval.Result)
    assert mmeb_eval.evaluate("random", files) == [alone]
    assert mmeb_eval.evaluate("random", corpus, region="crop")[0].settings["region"] == "crop"


def test_an_output_folder_holds_what_is_returned(corpus: Path, tmp_path: Path) -> None:
    results = mmeb_eval.evaluate("text-only", corpus, output=str(tmp_path / "out"))
    assert read_results(tmp_path / "out") == results


def test_frames_become_results_comparisons_and_reports(corpus: Path, tmp_path: Path) -> None:
    results = mmeb_eval.evaluate(["random", "text-only"], corpus)
    frame = results.to_frame()
    assert read_frame(frame) == results
    assert [result.cost for result in read_frame(frame)] == [result.cost for result in results]
    assert results[0].cost is not None
    mixed = ResultList([replace(results[0], cost=None), results[1]])  # pandas then turns whole numbers into floats
    assert [result.cost for result in read_frame(mixed.to_frame())] == [None, results[1].cost]
    assert read_frame(frame.drop(columns="items"))[0].cost is None
    first, second = (frame[frame["model"] == model] for model in ("random", "text-only"))
    comparison = mmeb_eval.compare(first, second)
    assert comparison == mmeb_eval.compare(results[:1], results[1:])
    path = mmeb_eval.write_report(frame, str(tmp_path / "report.md"))
    assert "text-only" in path.read_text()
    with pytest.raises(DataError, match="the frame lacks the columns chance, counts"):
        mmeb_eval.compare(frame[["model", "task"]], second)
    with pytest.raises(DataError, match="the frame has no rows"):
        mmeb_eval.compare(frame[:0], second)


@pytest.mark.parametrize(
    ("models", "tasks", "problem"),
    [
        ("clop", "lite", "unknown model 'clop': did you mean clip"),
        ([], "lite", r"models: \[\] names none"),
        (3, "lite", "models: 3 names none"),
        ([3], "lite", "3 is neither a model's name nor an object with embed"),
        ("random", "VOC2008", "unknown task 'VOC2008': did you mean VOC2007"),
        ("random", [], r"tasks: \[\] names none"),
        ("random", [3], "3 is neither a name, a folder nor a TaskFiles"),
        ("random", "lite", "where are the data"),
    ],
)
def test_what_cannot_be_meant_is_one_line(models: Any, tasks: Any, problem: str) -> None:
    with pytest.raises((EvalError, InputError), match=problem):
        mmeb_eval.evaluate(models, tasks)


def test_tasks_are_selected_by_their_columns_and_say_where_they_are_from() -> None:
    assert {task.family for task in mmeb_eval.get_tasks(family="vqa")} == {"vqa"}
    assert len(mmeb_eval.get_tasks(benchmark="SCaR")) == 5
    assert len(mmeb_eval.get_tasks(["VOC2007", "lite"], domain="IND")) >= 1
    for task in mmeb_eval.get_tasks():
        assert task.licence
        assert task.languages == ("en",)
        assert task.citation.startswith("arXiv")
    with pytest.raises(UnknownName, match="unknown family 'vqaa': did you mean vqa"):
        mmeb_eval.get_tasks(family="vqaa")


def test_an_empty_list_has_an_empty_frame() -> None:
    assert ResultList().to_frame().empty
