"""The stages of the demo model run one after another, and what is done stays done."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

import virtue_ref
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item, Points
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.report.strategy_table import PROMPT_STRATEGY, REGION_STRATEGIES, STAGES
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import HEADLINE_METRIC
from scar.common.files import write_json
from scar.demo.corpus import build_demo
from scar.demo.world import draw_picture
from scar.errors import ConfigError, TrainError
from scar.sample import Box
from virtue_ref.demo_model.make import Effort, describe_stages, make_demo_model
from virtue_ref.demo_model.mask_heads import HEADS, MaskPretraining, train_mask_heads
from virtue_ref.demo_model.steps import Schedule
from virtue_ref.demo_model.strategy_scores import score_strategies
from virtue_ref.demo_model.views import draw_view
from virtue_ref.embedder import VirtueEmbedder


def test_the_demo_model_comes_along() -> None:
    model = virtue_ref.load("demo")
    assert model.name.startswith("virtue-demo-clean@")
    assert model.settings["revision"] != "seed0"
    assert sum(weight.numel() for weight in model.model.parameters()) * 2 < 6.5e6


def test_a_folder_holds_one_seed_and_one_effort(tmp_path: Path) -> None:
    """The stages of another run would be taken for this one's."""
    write_json({"seed": 3, "effort": dataclasses.asdict(Effort())}, tmp_path / "demo.json")
    with pytest.raises(TrainError, match="holds a run whose seed was 3 and is 4; name a new folder"):
        make_demo_model(tmp_path, 4)
    with pytest.raises(TrainError, match=r"holds a run whose effort was \{.*\} and is \{.*\}; name a new folder"):
        make_demo_model(tmp_path, 3, Effort(scar=1))
    with pytest.raises(ConfigError, match="seed = -1; it must be at least 0"):
        describe_stages(tmp_path / "new", -1, Effort())
    assert ("SCaR stage", "300 steps") in describe_stages(tmp_path, 3, Effort())


@pytest.mark.parametrize("kind", ["box", "click"])
def test_the_demo_model_segments_drawn_things(kind: str) -> None:
    """On held-out pictures it was measured at 0.86 for boxes and 0.78 for clicks; untrained heads have 0.04."""
    model = virtue_ref.load("demo")
    overlaps = []
    for index in range(12):
        drawing = draw_picture(index, 5, "eval")
        for mask in drawing.masks[:3]:
            y, x = np.nonzero(mask)
            box = Box(float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
            middle = float(x[len(x) // 2]) + 0.5, float(y[len(y) // 2]) + 0.5
            prompt = box if kind == "box" else Points((middle,), (1,))
            found = model.segment(Item("", drawing.image, prompt)).masks[0]
            overlaps.append((found & mask).sum() / (found | mask).sum())
    assert np.mean(overlaps) > 0.7


def test_training_mask_heads_changes_no_vector(tiny: VirtueEmbedder) -> None:
    model = virtue_ref.load("tiny")
    segmenter = cast(Any, model.model.segmenter)
    before = {key: value.clone() for key, value in model.model.state_dict().items()}
    views = [draw_view(index, 1, model.model.config, segmenter.size) for index in range(4)]
    schedule = Schedule(2, batch=2, rate=1e-3, decay=0.01)
    train_mask_heads(MaskPretraining(segmenter), views, schedule, 0, lambda *_: None)
    changed = {key for key, value in model.model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed
    assert all(any(f".{head}." in key for head in HEADS) for key in changed)
    assert all(weight.requires_grad for weight in segmenter.parameters())
    items = [Item("a cat"), Item("", draw_picture(0, 5, "eval").image, Box(5, 5, 60, 60))]
    np.testing.assert_array_equal(model.embed(items), tiny.embed(items))


@pytest.mark.slow
def test_all_stages_run_and_what_is_done_stays_done(tmp_path: Path) -> None:
    effort = Effort(pictures=40, vision=2, segmenter=2, masks=2, language=2, scar=2)
    folder = make_demo_model(tmp_path, 3, effort)
    vectors = virtue_ref.load(folder / "model").embed([Item("a red star")])
    assert np.isfinite(vectors).all()
    before = (tmp_path / "parts.safetensors").stat().st_mtime_ns
    shutil.rmtree(tmp_path / "parts")  # as in a run of before it was written
    assert make_demo_model(tmp_path, 3, effort) == folder
    assert (tmp_path / "parts.safetensors").stat().st_mtime_ns == before

    stages = {stage: virtue_ref.load(tmp_path / place) for stage, place in (("before", "parts"), ("after", "scar"))}
    scores = score_strategies(tmp_path, [11], pictures=4)
    assert [(each.way, each.stage) for each in scores] == [
        (way, stage) for stage in STAGES for way in REGION_STRATEGIES
    ]
    assert {each.seed for each in scores} == {3}
    build_demo(tmp_path / "again", 4, 11)
    for each in scores:
        model = stages[each.stage]
        (files,) = find_scar_tasks(tmp_path / "again")
        result = evaluate(model if each.way == PROMPT_STRATEGY else apply_strategy(model, each.way), files)
        assert (each.hit, each.queries, each.model) == (
            result.metrics[HEADLINE_METRIC],
            result.counts["queries"],
            result.model,
        )
    assert score_strategies(tmp_path, [11], pictures=4) == scores
