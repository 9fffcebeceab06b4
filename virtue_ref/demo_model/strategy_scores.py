"""Score the demo model with every region strategy on drawn worlds that it was not trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path

from mmeb_eval.data.cases import read_cases
from mmeb_eval.data.files import TaskFiles, find_scar_tasks
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.report.strategy_table import PROMPT_STRATEGY, REGION_STRATEGIES, STAGES, StrategyScore
from mmeb_eval.run.embed import VectorsInMemory
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import HEADLINE_METRIC, Result, get_result_path, read_result, write_result
from mmeb_eval.templates.fused import get_layout
from scar.demo.corpus import build_demo
from scar.errors import CheckpointError
from virtue_ref.checkpoints.run_folder import LAST, STATE_STEM, find_named
from virtue_ref.demo_model.make import PARTS_FOLDER
from virtue_ref.embedder import VirtueEmbedder, load

DRAW_SEEDS = (11, 12, 13)
"""Seeds of the evaluation worlds; seeds of training worlds begin at `demo_model.make.FIRST_TRAINING_SEED`."""

PICTURES_PER_WORLD = 240
"""Number of pictures in an evaluation world; 240 give a little over 1,000 queries."""

BATCH_SIZE = 512
"""Number of items given to the model at once, which it divides into batches itself."""


def score_strategies(
    run: Path,
    draws: Sequence[int] = DRAW_SEEDS,
    pictures: int = PICTURES_PER_WORLD,
    report: Callable[[str], None] = lambda _: None,
) -> list[StrategyScore]:
    """Score a finished run with all region strategies, before and after its SCaR stage.

    Worlds and results that are already in ``run/table`` are reused.

    Args:
        run: folder that `virtue_ref.demo_model.make.make_demo_model` wrote.
        draws: seeds of the evaluation worlds.
        pictures: number of pictures in each world.
        report: function that shows a line to the user.

    Returns:
        A score for each draw, stage ("before", then "after") and strategy, in this order.

    Raises:
        CheckpointError: the run has no model before or after the SCaR stage.
    """
    after = find_named(run / "scar", LAST)
    before = run / PARTS_FOLDER
    if after is None or not before.is_dir():
        absent = run / "scar" / LAST if after is None else before
        raise CheckpointError(f"{absent}: missing; `virtue train demo --out {run}` finishes the run.")
    seed = json.loads((after / f"{STATE_STEM}.json").read_text())["facts"]["recipe"]["optimiser"]["seed"]
    # four of the strategies use the same images, which are encoded once
    models = {
        "before": load(before, cached_images=pictures),
        "after": load(run / "scar", cached_images=pictures),
    }
    scores: list[StrategyScore] = []
    for draw in draws:
        folder = run / "table" / f"draw-{draw}"
        if not (folder / "corpus" / "build_report.json").exists():
            build_demo(folder / "corpus", pictures, draw)
        (files,) = find_scar_tasks(folder / "corpus")
        for stage in STAGES:
            for strategy, result in _evaluate_strategies(models[stage], files, folder / "results"):
                queries = result.counts["queries"]
                hit = result.metrics[HEADLINE_METRIC]
                scores.append(StrategyScore(strategy, stage, seed, draw, hit, queries, result.chance, result.model))
                title = REGION_STRATEGIES[strategy].title
                report(f"{stage} the SCaR stage, draw {draw}, {title}: {hit:.3f} of {queries:,}")
    return scores


def _evaluate_strategies(model: VirtueEmbedder, files: TaskFiles, out: Path) -> Iterator[tuple[str, Result]]:
    """Yield the result of a model with each strategy; captions are embedded once for all strategies."""
    captions = VectorsInMemory()
    for strategy in REGION_STRATEGIES:
        embedder = model if strategy == PROMPT_STRATEGY else apply_strategy(model, strategy)
        path = get_result_path(out, embedder.name, files.task.name)
        if path.exists():
            yield strategy, read_result(path)
            continue
        if captions.width is None:
            cases = read_cases(files, get_layout(model.layout), box_as_prompt=True)
            texts = list(dict.fromkeys(caption for case in cases for caption in case.candidates))
            captions.add_vectors(texts, model.embed(texts))
        result = evaluate(embedder, files, batch_size=BATCH_SIZE, progress=True, store=deepcopy(captions))
        write_result(result, out)
        yield strategy, result
