"""The loop: floors and a cheat give the scores they must, and nothing about batches or order moves a number."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mmeb_eval.adapters.baselines import Constant, Random, TextOnly
from mmeb_eval.data.files import JOINED_DATASET, find_scar_tasks
from mmeb_eval.data.tasks import get_task
from mmeb_eval.embedder import SETTINGS
from mmeb_eval.item import Item
from mmeb_eval.run.evaluate import evaluate
from scar.errors import ContractError, DataError
from scar.sample import Box


class Recorder(Random):
    """Random vectors, and a memory of what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Item]] = []

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.batches.append(list(items))
        return super().embed(items)


class Cheat:
    """Knows the toy corpus: sample n is boxed at x = n + 1, and its gold caption is ``thing n 0``."""

    name = "cheat"
    prompts = ("box",)

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        rows = np.zeros((len(items), 64), dtype=np.float32)
        for row, item in zip(rows, items, strict=True):
            words = item.text.split()
            gold = words[0] == "thing" and words[2] == "0"
            row[int(item.prompt.x0 - 1) if isinstance(item.prompt, Box) else int(words[1]) if gold else 63] = 1
        return rows


def test_a_constant_embedder_never_hits_and_a_cheat_always(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    constant = evaluate(Constant(), files)
    assert [constant.metrics[name] for name in ("hit@1", "hit@5", "hit@10")] == [0, 0, 1]
    assert constant.metrics["mrr@10"] == pytest.approx(0.1)
    assert constant.counts == {"queries": 40, "candidates": 400, "items": 440, "ties": 40, "repeats": 0}
    assert constant.chance == pytest.approx(0.1)
    assert constant.ranks == (10,) * 40
    assert not any(best[0] == 0 for best in constant.top)
    cheat = evaluate(Cheat(), files)
    assert {
        name: cheat.metrics[f"{name}@1"] for name in ("hit", "precision", "recall", "f1", "map", "mrr")
    } == dict.fromkeys(("hit", "precision", "recall", "f1", "map", "mrr"), 1)
    assert cheat.ranks == (1,) * 40
    assert all(best[0] == 0 for best in cheat.top)


def test_the_official_rule_has_its_number_and_the_result_says_so(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    constant = evaluate(Constant(), files, ties="official")
    assert (constant.metrics["hit@1"], constant.counts["ties"]) == (1, 40)
    assert (constant.ranks, constant.top) == ((1,) * 40, (tuple(range(10)),) * 40)
    assert (constant.settings["ties"], evaluate(Constant(), files).settings["ties"]) == ("official", "against")
    assert evaluate(Cheat(), files, ties="official").metrics == evaluate(Cheat(), files).metrics


def test_a_candidate_that_is_listed_twice_is_one_but_for_the_official_rule(task_rows: Any) -> None:
    row = {"qry_inst": "<|image_1|>\nName it:", "qry_text": "", "qry_img_path": "a.jpg", "tgt_inst": "",
           "tgt_text": ["bus", "car", "bus", "van", "car"], "tgt_img_path": [""] * 5}  # fmt: skip
    files = task_rows("VOC2007", [row])
    ours, official = evaluate(Random(), files), evaluate(Random(), files, ties="official")
    for result in (ours, official):
        assert (result.counts["candidates"], result.counts["repeats"], result.chance) == (3, 1, 1 / 3)
    assert ours.metrics["map@10"] == ours.metrics["mrr@10"]
    assert official.metrics["map@10"] > official.metrics["mrr@10"]
    assert ours.top == official.top


def test_random_vectors_hit_about_by_chance(tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    rows = [make_row(number) for number in range(1000)]
    for row in rows:
        path = tmp_path / row["qry_image_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    write_corpus(tmp_path / "SCaR-eval" / "SCaR_eval_Toy.parquet", rows)
    result = evaluate(Random(3), find_scar_tasks(tmp_path)[0], batch_size=512)
    assert abs(result.metrics["hit@1"] - 0.1) < 4 * (0.1 * 0.9 / 1000) ** 0.5


def test_batch_size_and_a_second_run_change_nothing(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    for embedder in (Random(), TextOnly()):
        one = evaluate(embedder, files, batch_size=1)
        for batch_size in (7, 64, 10_000):
            other = evaluate(embedder, files, batch_size=batch_size)
            assert other == replace(one, settings={**one.settings, "batch_size": batch_size})


def test_each_distinct_item_is_embedded_once_in_one_order(tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    rows = [make_row(number, [f"caption {number % 3}", "common", "other"]) for number in range(8)]
    for row in rows:
        path = tmp_path / row["qry_image_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    asked = []
    for order in (rows, rows[::-1]):
        write_corpus(tmp_path / "SCaR-eval" / "SCaR_eval_Toy.parquet", order)
        recorder = Recorder()
        result = evaluate(recorder, find_scar_tasks(tmp_path)[0], batch_size=4)
        assert result.counts["items"] == 8 + 5
        assert result.counts["candidates"] == 24
        asked.append(recorder.batches)
        flat = [item for batch in recorder.batches for item in batch]
        assert len(flat) == len(set(flat)) == 13
        assert [len(batch) for batch in recorder.batches] == [4, 4, 4, 1]
    assert asked[0] == asked[1]


def test_the_order_of_rows_moves_ranks_with_their_rows(corpus: Path, write_corpus: Any, make_row: Any) -> None:
    (files,) = find_scar_tasks(corpus)
    before = evaluate(Random(), files)
    write_corpus(files.paths[0], [make_row(number) for number in reversed(range(40))])
    after = evaluate(Random(), files)
    assert after.ranks == before.ranks[::-1]
    assert after.metrics["hit@1"] == before.metrics["hit@1"]


def test_a_result_says_how_it_was_made(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)
    settings = evaluate(Random(5), files).settings
    assert settings["layout"] == "plain"
    assert settings["region"] == "text"
    assert settings["embedder"] == dict.fromkeys(SETTINGS) | {"seed": 5}
    assert list(settings["files"]) == ["SCaR_eval_Toy.parquet"]
    assert settings["versions"]["numpy"] == np.__version__
    assert evaluate(Cheat(), files).settings["region"] == "prompt"

    class Both(Cheat):
        layout = "qwen2_vl"

    assert evaluate(Both(), files).settings["region"] == "prompt and text"


def test_a_task_without_regions_says_so(task_rows: Any) -> None:
    row = {"qry_inst": "<|image_1|>\nName it:", "qry_text": "", "qry_img_path": "a.jpg", "tgt_inst": "",
           "tgt_text": ["bus", "car"], "tgt_img_path": ["", ""]}  # fmt: skip
    result = evaluate(Random(), task_rows("VOC2007", [row]))
    assert result.settings["region"] == "none"
    assert result.chance == 0.5


def test_broken_vectors_stop_the_task(corpus: Path) -> None:
    (files,) = find_scar_tasks(corpus)

    class Late(Random):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            vectors = super().embed(items)
            vectors[[item.text == "thing 7 7" for item in items]] = np.nan
            return vectors

    with pytest.raises(ContractError, match=r"random: the vector of the item \(text 'thing 7 7'\) holds nan"):
        evaluate(Late(), files)

    class Growing(Random):
        calls = 0

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            self.calls += 1
            return np.eye(len(items), 300 + self.calls, dtype=np.float32)

    with pytest.raises(ContractError, match=r"vectors have 301 numbers before and 302 in this batch"):
        evaluate(Growing(), files)


def test_nothing_is_embedded_before_all_rows_are_read(tmp_path: Path, write_corpus: Any, make_row: Any) -> None:
    (tmp_path / "images/Toy_val").mkdir(parents=True)
    (tmp_path / "images/Toy_val/0.png").touch()
    write_corpus(tmp_path / "SCaR-eval" / "SCaR_eval_Toy.parquet", [make_row(0), make_row(9)])
    recorder = Recorder()
    with pytest.raises(DataError, match=r"row 1: qry_image_path = 'images/Toy_val/4.png': no such file"):
        evaluate(recorder, find_scar_tasks(tmp_path)[0])
    assert recorder.batches == []


def test_the_progress_bar_of_a_terminal_goes_to_stderr(
    corpus: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    evaluate(Constant(), find_scar_tasks(corpus)[0], progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "constant: Toy" in err
    assert "440/440" in err


def test_results_name_the_format_and_its_data_set(task_rows: Any, corpus: Path) -> None:
    texts = {"qry_text": "Which?", "qry_img_path": "", "tgt_img_path": ["", "", ""], "tgt_text": ["a", "b", "c"]}
    joined = evaluate(Random(), task_rows("VOC2007", [texts]))
    assert (joined.settings["format"], joined.settings["dataset"]) == ("joined", JOINED_DATASET)
    apart = texts | {"qry_inst": "Which?", "tgt_inst": "", "qry_img_path": "q.jpg"}
    settings = evaluate(Random(), task_rows("GQA", [apart])).settings
    assert (settings["format"], settings["dataset"]) == ("instruct", get_task("GQA").dataset)
