"""What is written for leaderboards is read back by our reader and by mteb's, and nothing unfit is written."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.tasks import list_group_tasks, tasks
from mmeb_eval.report.submit import get_mteb_name, read_mteb_result, read_score_sheet, write_submission
from mmeb_eval.run.metrics import compute_metrics
from mmeb_eval.run.results import Result, write_result
from scar.errors import DataError, EvalError, UnknownName
from tests.shared import SHARED

MMEB, SCAR = list_group_tasks("MMEB"), list_group_tasks("SCaR")


def result(task: str, model: str = "org/mine", **changes: Any) -> Result:
    """A result on as many queries as the published data have."""
    queries = tasks()[task].queries
    ranks = np.random.default_rng(len(task)).integers(1, 8, queries)
    fields: dict[str, Any] = {
        "model": model,
        "task": task,
        "metrics": compute_metrics(ranks[:, None]),
        "counts": {"queries": queries, "candidates": 10 * queries, "items": queries, "ties": 0},
        "chance": 0.1,
        "settings": {"ties": "against", "files": {"b": "22", "a": "11"}, "embedder": {"revision": "abc"}},
        "ranks": tuple(ranks.tolist()),
        "top": ((0,),) * queries,
        "margins": (0.0,) * queries,
    }
    return Result(**fields | changes)


@pytest.fixture(scope="module")
def mmeb() -> list[Result]:
    return [result(name) for name in MMEB]


def write(results: Sequence[Result], tmp_path: Path, **options: Any) -> list[str]:
    return [
        path.relative_to(tmp_path / "out").as_posix()
        for path in write_submission(results, tmp_path / "out", **options).files
    ]


def test_the_score_sheet_has_the_official_shape(mmeb: list[Result], tmp_path: Path) -> None:
    about = tmp_path / "about.toml"
    about.write_text('model_name = "Mine-2B"\nmodel_size = 2\nurl = "https://example.org/mine"\n')
    written = write(mmeb, tmp_path, about=about)
    assert written[0] == "Mine-2B.json"
    assert written[1] == "mteb/results/org__mine/abc/ImageNet-1K.json"
    assert (written[-1], len(written)) == ("run.json", len(MMEB) + 3)
    sheet = json.loads((tmp_path / "out" / "Mine-2B.json").read_text())
    assert sheet["metadata"] == {
        "model_name": "Mine-2B",
        "model_backbone": None,
        "model_size": 2,
        "embedding_dimension": None,
        "max_length_tokens": None,
        "model_release_date": None,
        "data_source": "Self-Reported",
        "url": "https://example.org/mine",
    }
    assert list(sheet["metrics"]) == ["image", "video", "visdoc"]
    assert list(sheet["metrics"]["image"]) == list(MMEB)
    row = sheet["metrics"]["image"]["N24News"]
    assert {key: row[key] for key in mmeb[1].metrics} == mmeb[1].metrics
    assert (len(row), row["num_pred"], row["num_data"]) == (26, 1000, 1000)


def test_the_official_score_files_pass_the_reader_that_ours_pass(only_published_tasks: None, tmp_path: Path) -> None:
    detail = SHARED / "published" / "mmeb_image_hit1_v2.0.1_detail.csv"
    if not detail.is_file():
        pytest.skip(f"no published scores at {detail}")
    head, *lines = (line.split(",") for line in detail.read_text().splitlines())
    rows = [dict(zip(head, line, strict=True)) for line in lines if line[0] == "LamRA-Ret"]
    names = ("hit", "ndcg_linear", "ndcg_exponential", "precision", "recall", "f1", "map", "mrr")
    image = {
        row["task"]: {f"{name}@{k}": float(row["hit@1"]) for name in names for k in (1, 5, 10)}
        | {"num_pred": int(row["num_pred"]), "num_data": int(row["num_data"])}
        for row in rows
    }
    path = tmp_path / "sheet.json"
    path.write_text(json.dumps({"metadata": {"model_name": "LamRA-Ret"}, "metrics": {"image": image}}))
    assert read_score_sheet(path)["N24News"]["hit@1"] == float(rows[1]["hit@1"])


@pytest.mark.slow  # importing mteb takes ten seconds
def test_every_task_is_an_mteb_result(mmeb: list[Result], tmp_path: Path) -> None:
    pytest.importorskip("mteb", reason="mteb is not installed")
    scar = [result(name) for name in SCAR]
    written = write([*mmeb, *scar], tmp_path)
    paths = [tmp_path / "out" / name for name in written if name.startswith("mteb/") and "model_meta" not in name]
    assert len(paths) == len(tasks())
    program = (
        "import json, sys, warnings; warnings.simplefilter('ignore'); from pathlib import Path; import mteb\n"
        "found = [mteb.TaskResult.from_disk(Path(path), load_historic_data=False) for path in sys.argv[1:]]\n"
        "print(json.dumps([[row.task_name, row.get_score(), row.dataset_revision, row.languages] for row in found]))"
    )
    command = [sys.executable, "-c", program, *map(str, paths)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own program
    assert json.loads(shown) == [
        [get_mteb_name(own.task), own.metrics["hit@1"], "sha256:11,22", ["eng"]] for own in [*mmeb, *scar]
    ]


@pytest.mark.slow
def test_mtebs_cache_loads_the_folder_and_no_name_is_one_of_mtebs_own(mmeb: list[Result], tmp_path: Path) -> None:
    pytest.importorskip("mteb", reason="mteb is not installed")
    write(mmeb, tmp_path)
    program = (
        "import json, sys, warnings; warnings.simplefilter('ignore'); import mteb\n"
        "(model,) = mteb.ResultCache(sys.argv[1]).load_results(include_remote=False).model_results\n"
        "own = {row.task_name: row.get_score() for row in model.task_results}\n"
        "known = {task.metadata.name for task in mteb.get_tasks()}\n"
        "print(json.dumps([model.model_name, model.model_revision, own, sorted(known & own.keys())]))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "out" / "mteb")]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own program
    name, revision, own, clashing = json.loads(shown)
    assert (name, revision, clashing) == ("org/mine", "abc", [])
    assert own == {get_mteb_name(each.task): each.metrics["hit@1"] for each in mmeb}


def test_mteb_results_have_mteb_names(mmeb: list[Result], tmp_path: Path) -> None:
    write(mmeb, tmp_path)
    path = tmp_path / "out" / "mteb" / "results" / "org__mine" / "abc" / "VOC2007.json"
    (own,) = [each for each in mmeb if each.task == "VOC2007"]
    task, found = read_mteb_result(path)
    assert task == "VOC2007"
    assert (found["hit_rate_at_1"], found["ndcg_at_10"], found["mrr_at_10"]) == (
        own.metrics["hit@1"],
        own.metrics["ndcg_linear@10"],
        own.metrics["mrr@10"],
    )


def test_scar_alone_has_no_score_sheet(tmp_path: Path) -> None:
    written = write([result(name) for name in SCAR], tmp_path)
    assert len(written) == len(SCAR) + 2
    assert not [name for name in written if "/" not in name and name != "run.json"]
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["tasks"]["SCAR_RefCOCOg_val"]["settings"]["ties"] == "against"


def test_the_same_results_give_the_same_bytes(mmeb: list[Result], tmp_path: Path) -> None:
    first = {name: (tmp_path / "out" / name).read_bytes() for name in write(mmeb, tmp_path)}
    assert {name: (tmp_path / "out" / name).read_bytes() for name in write(mmeb, tmp_path)} == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda own: own[:-1],
            f"MMEB: incomplete {len(MMEB) - 1}/{len(MMEB)}, no result for {MMEB[-1]}; a leaderboard's mean",
        ),
        (
            lambda own: [*own, result("SCAR_ADE20K_val")],
            f"SCaR: incomplete 1/{len(SCAR)}, no result for SCAR_RefCOCO_plus_val",
        ),
        (
            lambda own: [dataclasses.replace(own[0], counts={**own[0].counts, "queries": 24}), *own[1:]],
            "ImageNet-1K: 24 queries, the published data have 1,000; 1 results are on other data",
        ),
        (
            lambda own: [*own, dataclasses.replace(own[0], task="Demo")],
            "Demo: 1,000 queries, and it is no task of `mmeb-eval tasks`",
        ),
        (
            lambda own: [dataclasses.replace(own[0], settings={"ties": "official"}), *own[1:]],
            "results under different rules for ties: against, official",
        ),
        (
            lambda own: [dataclasses.replace(own[0], metrics={"hit@1": 0.5}), *own[1:]],
            "ImageNet-1K: the result of org/mine has no hit@5, hit@10",
        ),
        (
            lambda own: [dataclasses.replace(own[0], metrics=dict.fromkeys(own[0].metrics, float("nan"))), *own[1:]],
            "a score is no finite number",
        ),
        (lambda own: [*own, result("VOC2007", model="b")], "results of 2 models: org/mine, b; choose one with --model"),
    ],
)
def test_what_is_not_fit_for_a_leaderboard_is_refused(
    mmeb: list[Result], tmp_path: Path, change: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write(change(mmeb), tmp_path)
    assert not (tmp_path / "out").exists()


def test_whose_results_are_meant_can_be_said(mmeb: list[Result], tmp_path: Path) -> None:
    both = [*mmeb, result("VOC2007", model="b")]
    assert len(write(both, tmp_path, model="org/mine")) == len(MMEB) + 3
    with pytest.raises(UnknownName, match="unknown model 'org/min': did you mean org/mine"):
        write(both, tmp_path, model="org/min")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modelsize = 2", "about.toml: unknown key 'modelsize': did you mean model_size"),
        ('model_size = "2B"', "model_size = '2B': Expected `float`"),
        ("embedding_dimension = true", "embedding_dimension = True: Expected `int`"),
        ("model_size =", "about.toml: not TOML"),
    ],
)
def test_what_is_said_of_the_model_is_checked(mmeb: list[Result], tmp_path: Path, text: str, message: str) -> None:
    about = tmp_path / "about.toml"
    about.write_text(text)
    with pytest.raises(EvalError, match=message):
        write(mmeb, tmp_path, about=about)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sheet: sheet.pop("metadata"), "metadata = None: expected an object"),
        (lambda sheet: sheet["metadata"].update(model_name=""), "model_name = '' is no name"),
        (
            lambda sheet: sheet["metrics"]["image"].update(GQA="FILE_N/A"),
            "GQA = 'FILE_N/A', so the mean over all tasks",
        ),
        (lambda sheet: sheet["metrics"]["image"]["GQA"].update({"num_pred": 999}), "GQA: 999 predictions of 1000"),
        (lambda sheet: sheet["metrics"]["image"]["GQA"].update({"hit@1": "0.5"}), "GQA: hit@1 = '0.5' is no score"),
        (lambda sheet: sheet["metrics"]["image"]["GQA"].pop("mrr@5"), "GQA: mrr@5 = None is no score"),
    ],
)
def test_a_score_sheet_that_the_leaderboard_could_not_rank_is_named(
    mmeb: list[Result], tmp_path: Path, change: Any, message: str
) -> None:
    write(mmeb, tmp_path)
    path = tmp_path / "out" / "org%2Fmine.json"
    sheet = json.loads(path.read_text())
    change(sheet)
    path.write_text(json.dumps(sheet))
    with pytest.raises(DataError, match=message):
        read_score_sheet(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.pop("task_name"), "task_name = None is no text"),
        (lambda row: row.pop("mteb_version"), "no key mteb_version; without it, mteb takes"),
        (lambda row: row.update(scores={}), "scores: test = None: expected a list"),
        (lambda row: row["scores"]["test"][0].pop("languages"), "hf_subset and languages of the subset are missing"),
        (lambda row: row["scores"]["test"][0].update(main_score=0.5), r"main_score = 0\.5 is not hit_rate_at_1"),
    ],
)
def test_a_result_that_mteb_would_not_read_is_named(
    mmeb: list[Result], tmp_path: Path, change: Any, message: str
) -> None:
    path = tmp_path / "out" / next(name for name in write(mmeb, tmp_path) if name.endswith("/GQA.json"))
    row = json.loads(path.read_text())
    change(row)
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match=message):
        read_mteb_result(path)


def test_the_command_sends_nothing_and_says_so(mmeb: list[Result], tmp_path: Path) -> None:
    for own in mmeb:
        write_result(own, tmp_path / "results")
    arguments = ["submit", str(tmp_path / "results"), "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "this command sends nothing; add --dry-run" in refused.stderr
    shown = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert shown.exit_code == 0
    assert len(shown.stdout.splitlines()) == len(MMEB) + 3
    assert "for the folder scores of TIGER-Lab/MMEB-Leaderboard" in shown.stderr
    assert "it lacks model_backbone, model_size, embedding_dimension, max_length_tokens" in shown.stderr
