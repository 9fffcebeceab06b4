"""Failures are those that scoring the candidates again finds, whatever the task is made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.adapters.baselines import Random
from mmeb_eval.data import cases
from mmeb_eval.data.files import TaskFiles, find_scar_tasks
from mmeb_eval.report.gallery import LARGEST_CANDIDATE, find_failures
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.templates.fused import get_layout
from scar.common.files import hash_file
from scar.errors import DataError


class Seeing(Random):
    """Vectors by chance; a name that is no baseline's."""

    def __init__(self, seed: int, layout: str = "plain") -> None:
        super().__init__(seed)
        self.name = f"seeing-{seed}"
        self.layout = layout


@pytest.fixture
def grounding(task_rows: Any) -> TaskFiles:
    """Six questions about pictures, answered by pictures with texts."""
    rows = [
        {
            "qry_inst": "<|image_1|>\nSelect the portion of the image that follows the language expressions:",
            "qry_text": f'"the thing {number}"',
            "qry_img_path": f"{number}.png",
            "tgt_inst": "<|image_1|>\nRepresent the given image:",
            "tgt_text": [f"text {number} {place}" for place in range(12)],
            "tgt_img_path": [f"{place}.png" for place in range(12)],
        }
        for number in range(6)
    ]
    files: TaskFiles = task_rows("RefCOCO-Matching", rows)
    for place in range(12):
        Image.new("RGB", (300, 150), (20 * place, 90, 90)).save(files.image_root / f"{place}.png")
    return files


def test_the_worst_are_those_with_the_largest_gap_when_scored_again(grounding: TaskFiles) -> None:
    embedder = Seeing(3, "qwen2_vl")
    result = evaluate(embedder, grounding)
    asked = list(cases.read_cases(grounding, get_layout("qwen2_vl"), box_as_prompt=False))
    gaps = []
    for case in asked:
        query, *candidates = embedder.embed([case.query, *case.candidates])
        scores = np.stack(candidates) @ query
        gaps.append((float(scores[0] - scores[1:].max()), np.argsort(-scores).tolist()))
    wrong = sorted((gap, number) for number, (gap, _) in enumerate(gaps) if gap < 0)
    found = find_failures([result], [grounding], 24)
    assert [failure.query_index for failure in found] == [number for _, number in wrong]
    for failure in found:
        gap, order = gaps[failure.query_index]
        assert failure.margin == pytest.approx(gap, abs=1e-5)
        assert failure.rank == order.index(0) + 1
        told = [line.pieces[0][0] for line in failure.candidates]
        shown = order[:10] + [0] * (0 not in order[:10])
        assert told == [f"Represent the given image: text {failure.query_index} {place}" for place in shown]
        assert [line.rank for line in failure.candidates if line.gold] == [failure.rank]


def test_a_card_says_what_was_asked_without_tokens_and_shows_candidates_small(grounding: TaskFiles) -> None:
    (failure, *_) = find_failures([evaluate(Seeing(3, "qwen2_vl"), grounding)], [grounding], 1)
    expected = (
        f'Select the portion of the image that follows the language expressions: "the thing {failure.query_index}"'
    )
    assert failure.question == expected
    assert (failure.box, failure.category, failure.candidate_count) == (None, "", 12)
    for line in failure.candidates:
        assert line.picture is not None
        assert (line.picture.width, line.picture.height) == (300, 150)
        assert line.kind == ("gold" if line.gold else "")
    assert LARGEST_CANDIDATE < 300


def test_every_model_and_task_has_its_share(grounding: TaskFiles, corpus: Path) -> None:
    (scar,) = find_scar_tasks(corpus)
    results = [evaluate(Seeing(seed), files) for seed in (1, 2, 3) for files in (grounding, scar)]
    found = find_failures([*results, evaluate(Random(), scar)], [scar, grounding], 8)
    models = [failure.model for failure in found]
    assert [models.count(f"seeing-{seed}") for seed in (1, 2, 3)] == [3, 3, 2]
    assert models == sorted(models)
    for model in set(models):
        assert {failure.task for failure in found if failure.model == model} == {"Toy", "RefCOCO-Matching"}
    also = {name for failure in found for line in failure.candidates for name in line.also_first_for}
    assert "random" in also


def test_a_model_without_failures_shows_none(grounding: TaskFiles) -> None:
    right = evaluate(Seeing(3), grounding)
    right = dataclasses.replace(right, ranks=(1,) * 6)
    assert find_failures([right], [grounding], 8) == []


def test_rows_that_changed_since_show_nothing(grounding: TaskFiles) -> None:
    result = evaluate(Seeing(3), grounding)
    (file,) = grounding.paths
    before = hash_file(file)
    file.write_text(file.read_text() + "\n")
    assert hash_file(file) != before
    assert find_failures([result], [grounding], 8) == []


def test_a_candidate_picture_that_cannot_be_opened_is_named(grounding: TaskFiles) -> None:
    result = evaluate(Seeing(3), grounding)
    for place in range(12):
        (grounding.image_root / f"{place}.png").write_bytes(b"none")
    with pytest.raises(DataError, match=r"\d+\.png: not an image that can be decoded"):
        find_failures([result], [grounding], 8)
