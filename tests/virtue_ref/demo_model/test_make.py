"""The stages of the miniature run one after another; what a view says of its picture is true."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import virtue_ref
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.item import Item
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.report.strategy_table import PROMPT_STRATEGY, REGION_STRATEGIES, STAGES
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import HEADLINE_METRIC
from scar.demo.corpus import build_demo
from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.world import draw_picture
from scar.errors import CheckpointError
from virtue_ref.config import Config
from virtue_ref.demo_model.make import CONFIG_PATH, Effort, make_demo_model
from virtue_ref.demo_model.strategy_scores import score_strategies
from virtue_ref.demo_model.views import DIRECTIONS, draw_view


@pytest.fixture(scope="module")
def config() -> Config:
    return Config.read(CONFIG_PATH)


def test_a_view_tells_what_was_drawn(config: Config) -> None:
    for index in range(4):
        drawing, seen = draw_picture(index, 5, "train"), draw_view(index, 5, config)
        names = [f"{list(COLOURS)[c]} {list(SHAPES)[s]}" for c, s in zip(seen.colour, seen.shape, strict=True)]
        assert names == [thing.name for thing in drawing.things]
        assert seen.patches.shape[0] == 4 * seen.grid[0] * seen.grid[1]
        area = seen.cell_shares.mean(dim=(1, 2)) * drawing.image.width * drawing.image.height
        assert area.tolist() == pytest.approx(
            [float(mask.sum()) for mask in drawing.masks], rel=0.05
        )  # windows of cells overlap by a pixel
        for box, mask in zip(seen.boxes, drawing.masks, strict=True):
            inside = np.zeros_like(mask)
            inside[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
            assert (mask & ~inside).sum() == 0


def test_related_things_are_the_facts(config: Config) -> None:
    seen = draw_view(3, 5, config)
    for thing in range(len(seen.colour)):
        told = seen.label_relations(thing).reshape(len(DIRECTIONS), len(COLOURS), len(SHAPES))
        wanted = {
            (direction, int(seen.colour[other]), int(seen.shape[other]))
            for subject, direction, other in seen.relations
            if subject == thing
        }
        assert {tuple(place) for place in told.nonzero().tolist()} == wanted
        labels, asked = seen.label_neighbours(thing)
        assert labels.shape == (seen.grid[0] * seen.grid[1], 5)
        assert labels[asked, 0].sum() > 0


def test_the_demo_model_comes_along() -> None:
    model = virtue_ref.load("demo")
    assert model.name.startswith("virtue-demo-clean@")
    assert model.settings["revision"] != "seed0"
    assert sum(weight.numel() for weight in model.model.parameters()) * 2 < 6.5e6


def test_a_run_that_is_not_finished_is_not_scored(tmp_path: Path) -> None:
    (tmp_path / "scar" / "step-000001").mkdir(parents=True)
    with pytest.raises(
        CheckpointError, match=r"scar/last: not there; `virtue train demo --out .* does what is missing"
    ):
        score_strategies(tmp_path)
    (tmp_path / "scar" / "last").write_text("step-000001")
    with pytest.raises(CheckpointError, match="parts: not there"):
        score_strategies(tmp_path)


@pytest.mark.slow
def test_all_stages_run_and_what_is_done_stays_done(tmp_path: Path) -> None:
    effort = Effort(pictures=40, vision=2, segmenter=2, language=2, scar=2)
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
