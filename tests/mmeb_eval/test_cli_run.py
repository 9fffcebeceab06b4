"""A run by the command line: data are checked first, failures are told, and no result is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.run.results import read_results
from tests.mmeb_eval.command_line import EMBEDDER, FAILING, VQA_ROW, fails, run

pytestmark = pytest.mark.usefixtures("work_here")


def test_a_broken_embedder_is_one_line_and_loses_no_earlier_result(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "cli_own_b.py").write_text(EMBEDDER.format(factor=3))
    line = fails("--model", "constant", "--model", "cli_own_b:load", "--tasks", corpus, "--output", "out")
    assert "mine/v1: the vector of the item" in line
    assert "has length 3, not 1" in line
    assert [result.model for result in read_results(tmp_path / "out")] == ["constant"]


def test_an_exception_in_an_embedder_is_one_line_and_debug_shows_the_traceback(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "cli_raises.py").write_text(FAILING.replace('"bus"', '"thing 7 3"'))
    arguments = ["--model", "cli_raises:load", "--tasks", corpus, "--output", "out"]
    line = fails(*arguments)
    assert "SCaR_eval_Toy.parquet, row 7: mine: embed raised RuntimeError: no buses (cli_raises.py, line 10)" in line
    assert "it failed on the item (text 'thing 7 3')" in line
    for order in (["--debug", *arguments], [*arguments, "--debug"]):
        shown = run(*order, code=2).stderr
        assert "Traceback (most recent call last)" in shown
        assert "RuntimeError: no buses" in shown
        assert shown.splitlines()[-1] == line.strip()


def test_with_keep_going_the_other_tasks_are_scored_and_the_failed_are_listed(task_rows: Any, tmp_path: Path) -> None:
    (tmp_path / "cli_raises2.py").write_text(FAILING)
    task_rows("VOC2007", [VQA_ROW])
    task_rows("SUN397", [VQA_ROW | {"tgt_text": ["cat", "dog"]}])
    task_rows("GQA", [VQA_ROW | {"qry_img_path": "../gone.jpg"}, VQA_ROW | {"tgt_text": 3}])
    names = "VOC2007,SUN397,GQA,OK-VQA"
    arguments = ["--model", "cli_raises2:load", "--model", "constant", "--tasks", names, "--data", ".", "--output", "o"]
    stopped = fails(*arguments)
    assert "3 problems in 2 of 4 tasks: OK-VQA: .: no data for task OK-VQA: looked for" in stopped
    assert "GQA: GQA.jsonl, row 0: qry_img_path = '../gone.jpg' leaves the image folder . (and 1 more)" in stopped
    assert stopped.strip().endswith("; --keep-going scores the other 2.")
    assert not (tmp_path / "o").exists()
    result = run(*arguments, "--keep-going", code=2)
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert [line.split(":")[1].strip() for line in failed] == ["OK-VQA", "GQA", "VOC2007.jsonl, row 0"]
    assert result.stderr.splitlines()[-1] == "mmeb-eval: 3 of 6 evaluations failed; see above."
    found = [(each.model, each.task) for each in read_results(tmp_path / "o")]
    assert sorted(found) == [("constant", "SUN397"), ("constant", "VOC2007"), ("mine", "SUN397")]
    run("--model", "constant", "--tasks", "SUN397", "--data", ".", "--output", "o", "--keep-going")


TEXTS_ONLY = """
import numpy as np

class Mine:
    name = "texts"

    def find_refusal(self, item):
        return None if item.image is None else "it reads text alone"

    def embed(self, items):
        assert not any(item.image for item in items)
        return np.eye(64, dtype=np.float32)[[len(item.text) % 64 for item in items]]

def load():
    return Mine()
"""


def test_a_model_of_texts_scores_the_tasks_that_suit_it(task_rows: Any, tmp_path: Path) -> None:
    (tmp_path / "cli_texts.py").write_text(TEXTS_ONLY)
    task_rows("VOC2007", [VQA_ROW])
    (tmp_path / "mine.jsonl").write_text(json.dumps(VQA_ROW | {"qry_img_path": ""}))
    (tmp_path / "own.toml").write_text('[mine]\nformat = "MMEB"\nrows = "mine.jsonl"\nquery = "text"\njoin = "text"\n')
    arguments = ["--model", "cli_texts:load", "--data", ".", "--task-file", "own.toml", "--output", "o"]
    shown = run(*arguments, "--tasks", "VOC2007,mine", code=2)
    (failed,) = [line for line in shown.stderr.splitlines() if line.startswith("failed: ")]
    assert failed.startswith("failed: VOC2007 does not suit texts: VOC2007.jsonl, row 0: the item (image a.jpg")
    assert failed.endswith("it reads text alone.")
    assert [each.task for each in read_results(tmp_path / "o")] == ["mine"]
    run(*arguments[:2], *arguments[4:], "--tasks", "mine")


def test_a_probe_keeps_going_too(corpus: Path, tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    rows = [make_row(number, [f"dog {number} {place}" for place in range(10)]) for number in range(4)]
    write_corpus(corpus / "SCaR-eval" / "SCaR_eval_Zoo.parquet", rows)
    (corpus / "images" / "Zoo_val").symlink_to(corpus / "images" / "Toy_val")
    (tmp_path / "cli_raises4.py").write_text(FAILING.replace('"bus"', '"dog"').replace("no buses", "no dogs"))
    arguments = ["probe", "--model", "cli_raises4:load", "--tasks", str(corpus), "--output", "o"]
    assert "no dogs" in fails(*arguments)
    result = run(*arguments, "--keep-going", "--json", code=2)
    assert {curve["task"] for curve in json.loads(result.stdout)} == {"Toy"}
    (failed,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert "Zoo" in failed
    assert result.stderr.splitlines()[-1] == "mmeb-eval: 1 of 2 evaluations failed; see above."


def test_data_are_checked_before_a_model_is_loaded(corpus: Path, tmp_path: Path) -> None:
    for image in (3, 5):
        (corpus / "images" / "Toy_val" / f"{image}.png").unlink()
    (tmp_path / "cli_never.py").write_text("def load():\n    raise SystemExit('loaded')\n")
    line = fails("--model", "cli_never:load", "--tasks", corpus)
    assert "Toy: " in line
    assert "row 6: qry_image_path = 'images/Toy_val/3.png': no such file below" in line
    assert "(and 1 more)" in line


WEIGHTED = """
import os
import numpy as np

class Mine:
    name = "mine"

    def __init__(self):
        self.w = np.load("last.npy")

    def embed(self, items):
        seeds = [[*f"{item.text}{item.image and item.image.name}".encode()] for item in items]
        rows = np.stack([np.random.default_rng(seed).standard_normal(8) for seed in seeds]) @ self.w
        rows += float(os.environ["UNSEEN"]) * np.flip(rows, 1)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

def load():
    return Mine()
"""


def test_no_score_of_other_weights_is_printed(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    def evaluate(*options: str) -> tuple[str, Any]:
        made = run("--model", "weighted:load", "--tasks", corpus, "--output", "out", *options)
        return made.stderr, json.loads(Path("out/mine/Toy.json").read_text())

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("UNSEEN", "0")
    Path("weighted.py").write_text(WEIGHTED)
    np.save("last.npy", np.eye(8))
    _, first = evaluate()
    said, again = evaluate()
    assert again == first
    assert "stored vectors were checked: the lowest cosine of old and new is 1.00000" in said
    np.save("last.npy", np.diag(np.arange(8.0)))
    said, second = evaluate()
    assert "stored vectors are not used, as these have changed since: last.npy, Mine.w." in said
    assert second["ranks"] != first["ranks"]
    assert second["settings"]["fingerprint"] != first["settings"]["fingerprint"]
    monkeypatch.setenv("UNSEEN", "1")  # such as other weights behind a URL
    line = fails("--model", "weighted:load", "--tasks", corpus, "--output", "out")
    assert "rerun with --refresh to make new ones, or with --trust-stored to use them" in line
    said, trusted = evaluate("--trust-stored")
    assert trusted["ranks"] == second["ranks"]
    assert trusted["settings"]["trusted_vectors"] == trusted["counts"]["items"]
    assert "WARNING: mine: stored vectors were not checked (--trust-stored)" in said
    assert "?" in run("--model", "weighted:load", "--tasks", corpus, "--output", "out", "--trust-stored").stdout
    assert "were not checked" in run("leaderboard", "out").stderr
    run("report", "out", "--out", "report.md")
    assert "(unchecked)" in Path("report.md").read_text()
    _, third = evaluate("--refresh")
    assert third["ranks"] != second["ranks"]
    assert "trusted_vectors" not in third["settings"]


def test_a_limit_scores_the_first_queries_and_a_plan_embeds_nothing(corpus: Path, tmp_path: Path) -> None:
    arguments = ("--model", "random", "--tasks", corpus, "--limit", 3, "--output", tmp_path / "out")
    planned = run(*arguments, "--plan")
    assert "random: at most 33 items, 3 of them with an image" in planned.stderr
    assert not (tmp_path / "out").exists()
    (row,) = json.loads(run(*arguments, "--json").stdout)
    assert (row["counts"]["queries"], row["settings"]["limit"]) == (3, 3)
    (whole,) = json.loads(run("--model", "random", "--tasks", corpus, "--output", tmp_path / "out", "--json").stdout)
    assert whole["counts"]["queries"] == 40
    assert "has 40 queries and would be lost" in fails(*arguments)
