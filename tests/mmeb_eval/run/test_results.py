"""Results survive a round trip, no file is ever half written, and a mean over a part is no mean."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmeb_eval.data.tasks import GROUPS, list_group_tasks, tasks
from mmeb_eval.run.cost import Cost
from mmeb_eval.run.results import (
    Result,
    compute_group_means,
    get_result_path,
    read_result,
    read_results,
    refuse_replacing_longer,
    write_result,
)
from scar.errors import DataError, EvalError
from tests.shared import SHARED

RESULT = Result(
    model="clip:openai/clip",
    task="VOC2007",
    metrics={"hit@1": 0.25, "hit@5": 0.5, "hit@10": 1.0, "mrr": 0.4},
    counts={"queries": 4, "candidates": 40, "items": 44, "ties": 1},
    chance=0.1,
    settings={"layout": "plain", "files": {"a.parquet": "00"}},
    ranks=(1, 2, 3, 4),
    top=((0, 1), (1, 0), (1, 0), (1, 0)),
    margins=(0.5, -0.25, -0.25, 0.0),
)


def _all(model: str, names: tuple[str, ...], value: float = 0.5) -> list[Result]:
    return [replace(RESULT, model=model, task=name, metrics={"hit@1": value}, chance=0.25) for name in names]


def test_a_result_survives_the_round_trip(tmp_path: Path) -> None:
    path = write_result(RESULT, tmp_path)
    assert read_result(path) == RESULT
    assert read_results(tmp_path) == [RESULT]
    row = json.loads(path.read_text())
    assert list(row)[:5] == ["model", "task", "metrics", "counts", "chance"]
    assert row["metrics"]["hit@1"] == 0.25
    before = path.read_bytes()
    write_result(RESULT, tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["VOC2007.json"]


def test_results_come_back_by_model_and_task(tmp_path: Path) -> None:
    for model in ("b", "a"):
        for name in ("VOC2007", "GQA"):
            write_result(replace(RESULT, model=model, task=name), tmp_path)
    assert [(result.model, result.task) for result in read_results(tmp_path)] == [
        ("a", "GQA"), ("a", "VOC2007"), ("b", "GQA"), ("b", "VOC2007")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a/b", "../up", "..", ".", ".hidden", "a:b", "a_b", "x y", "%2F", "é", "a\nb"])
def test_a_name_is_one_file_below_the_folder(tmp_path: Path, name: str) -> None:
    result = replace(RESULT, model=name, task=name)
    path = write_result(result, tmp_path)
    assert path.parent.parent == tmp_path
    assert not path.name.startswith(".")
    assert read_results(tmp_path) == [result]


def test_two_names_never_share_a_file() -> None:
    names = ["a/b", "a:b", "a_b", "a%2Fb", "a b", "a", "A"]
    assert len({get_result_path(Path(), name, name) for name in names}) == len(names)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_result(RESULT, tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(
        EvalError, match=r"VOC2007.json: cannot be written: No space left on device; what was stored before is kept"
    ):
        write_result(replace(RESULT, chance=0.3), tmp_path)
    assert read_result(path) == RESULT
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(EvalError, match=r"out.*cannot be written: Not a directory"):
        write_result(RESULT, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"VOC2007.json: not a readable result: .* Run `mmeb-eval` again"),
        ("[]", r"not a result: expected the keys .* found list"),
        ('{"model": "a"}', r"not a result: expected the keys .* found \['model'\]"),
    ],
)
def test_a_file_that_is_no_result_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write_result(RESULT, tmp_path)
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_results(tmp_path)


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no results; `mmeb-eval --model NAME --tasks DIR --output .*` writes some"):
        read_results(tmp_path)


def test_a_mean_is_over_the_whole_group_or_it_is_none() -> None:
    whole = {mean.group: mean for mean in compute_group_means(_all("m", tuple(tasks())))}
    assert list(whole) == list(GROUPS)
    assert all(mean.mean == 0.5 for mean in whole.values())
    names = tuple(name for name in list_group_tasks("MMEB") if name != "GQA")
    part = {mean.group: str(mean) for mean in compute_group_means(_all("m", names))}
    groups_of_gqa = {name: len(list_group_tasks(name)) for name in ("vqa", "OOD", "MMEB")}
    assert part == {
        **dict.fromkeys(("classification", "retrieval", "grounding", "IND", "lite"), "0.500"),
        **{name: f"incomplete {size - 1}/{size}" for name, size in groups_of_gqa.items()},
    }
    assert compute_group_means(_all("m", ("COCO_mini",))) == []


def test_group_means_of_published_scores_are_the_published_means(only_published_tasks: None) -> None:
    folder = SHARED / "published"
    if not folder.is_dir():
        pytest.skip(f"no published scores at {folder}")
    with (folder / "mmeb_image_hit1_v2.0.1.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "mmeb_image_hit1_v2.0.1_summary.csv").open(encoding="utf-8") as file:
        summary = list(csv.DictReader(file))
    columns = {
        "classification": "Classification", "vqa": "VQA", "retrieval": "Retrieval", "grounding": "Grounding",
        "IND": "IND_20", "OOD": "OOD_16", "MMEB": "mean_36"
    }  # fmt: skip
    assert len(summary) == 8
    for row in summary:
        scores = {line["task"]: float(line["hit@1"]) for line in rows if line["model"] == row["model"]}
        results = [replace(RESULT, task=task, metrics={"hit@1": value}) for task, value in scores.items()]
        means = {
            mean.group: mean.mean for mean in compute_group_means(results) if mean.group != "lite"
        }  # ours, not published
        assert means == {name: pytest.approx(float(row[column]), abs=1e-6) for name, column in columns.items()}


def test_costs_lie_beside_the_result_and_stay_when_nothing_is_embedded(tmp_path: Path) -> None:
    cost = Cost(44, 2.0, 22.0, 32, 64, 10**9, None)
    path = write_result(replace(RESULT, cost=cost), tmp_path)
    assert read_result(path).cost == cost
    before = path.read_bytes()
    write_result(RESULT, tmp_path)
    assert path.read_bytes() == before
    assert [result.cost for result in read_results(tmp_path)] == [cost]
    (path.parent / "costs" / "VOC2007.jsonl").write_text("{}")
    with pytest.raises(DataError, match=r"costs/VOC2007.jsonl: not readable costs .*; delete the file"):
        read_results(tmp_path)


def test_a_result_of_version_0_1_0_is_read_and_says_what_it_lacks(tmp_path: Path) -> None:
    row = json.loads(write_result(RESULT, tmp_path).read_text())
    del row["margins"], row["clusters"]
    old = tmp_path / "old" / "VOC2007.json"
    old.parent.mkdir()
    old.write_text(json.dumps({**row, "top": [0, 1, 1, 1]}))
    result = read_result(old)
    assert (result.top, result.margins, result.clusters) == (((0,), (1,), (1,), (1,)), (), None)
    assert result.lacks[:2] == ("margins", "the images of queries")
    assert result.lacks[2:] == ("the ten best candidates", "digests of the data", "metrics")


def test_a_limited_run_replaces_no_longer_result(tmp_path: Path) -> None:
    write_result(RESULT, tmp_path)
    refuse_replacing_longer(tmp_path, [RESULT.model], {"VOC2007": 4, "GQA": 1})
    refuse_replacing_longer(tmp_path, [RESULT.model], {"VOC2007": None})
    with pytest.raises(EvalError, match=r"--limit 3: .*VOC2007.json has 4 queries and would be lost; use another"):
        refuse_replacing_longer(tmp_path, [RESULT.model], {"VOC2007": 3})


def test_the_folder_of_one_model_points_to_the_one_above(tmp_path: Path) -> None:
    write_result(RESULT, tmp_path)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    with pytest.raises(DataError, match=f"is the folder of one model; give the folder above it, {tmp_path}"):
        read_results(folder)
