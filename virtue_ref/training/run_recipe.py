"""Run a recipe, as ``virtue train`` does: print the plan, train, and evaluate during training."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import HEADLINE_METRIC
from scar.errors import ConfigError, DataError
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Virtue
from virtue_ref.training.inputs import gather_inputs, open_sources, read_start
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.plan import make_plan
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.run_lock import lock_run
from virtue_ref.training.train import train

TRACKERS = ("trackio", "wandb")


def run_recipe(
    recipe: TrainingRecipe,
    data: Path,
    run: Path,
    track: Sequence[str] = (),
    *,
    cpu: bool = False,
    dry_run: bool = False,
) -> Path | None:
    """Print the plan of a run; then train, unless it is a dry run. Training continues from the run's last checkpoint.

    Args:
        recipe: the training recipe.
        data: folder that the recipe's paths are relative to.
        run: folder of the run.
        track: names of trackers besides TensorBoard; these may send the log to other machines.
        cpu: whether to use no GPU.
        dry_run: whether to stop after the plan, which then lists missing weights and data instead of raising.

    Returns:
        Folder of the last checkpoint; None after a dry run, and in processes other than the first.

    Raises:
        VirtueError: weights are missing, or training fails, see `virtue_ref.training.train.train`.
        DataError: data are missing or have other columns.
        ConfigError: a tracker is unknown or not installed, even in a dry run.
        OSError: the folder of the run cannot be made or written to.
    """
    if unknown := sorted(set(track) - set(TRACKERS)):
        raise ConfigError(f"--track {unknown[0]}: it is one of {', '.join(TRACKERS)}.")
    if absent := [name for name in track if find_spec(name) is None]:  # accelerate would ignore it silently
        raise ConfigError(f"--track {absent[0]}: not installed; `pip install {absent[0]}`, or leave it out.")
    if dry_run:
        start, sources, missing = gather_inputs(recipe, data)
        plan = make_plan(recipe, start, sources, missing + check_corpus(recipe, data), run=run, cpu=cpu)
        _print_plan(plan.lines)
        return None
    if problems := check_corpus(recipe, data):
        raise DataError(problems[0])
    start = read_start(recipe)
    sources = open_sources(recipe, data, start)
    with lock_run(run):
        return _plan_and_train(recipe, start, sources, data, run, track, cpu=cpu)


def _plan_and_train(
    recipe: TrainingRecipe,
    start: Checkpoint,
    sources: Sequence[PairSource],
    data: Path,
    run: Path,
    track: Sequence[str],
    *,
    cpu: bool,
) -> Path | None:
    """Print the plan and train; the folder is locked. See `run_recipe` for the arguments and what it returns."""
    first = os.environ.get("RANK", "0") == "0"
    plan = make_plan(recipe, start, sources, run=run, cpu=cpu)  # in every process: the measured steps need all of them
    if first:
        _print_plan(plan.lines)
    silent = not (first and sys.stderr.isatty())
    with Progress(console=Console(stderr=True), disable=silent, transient=True) as bar:
        task = bar.add_task("training", total=None)

        def report_step(step: int, steps: int, line: str) -> None:
            bar.update(task, completed=step, total=steps)
            if line and first:
                bar.console.print(f"step {step}/{steps}: {line}", highlight=False)

        last = train(
            recipe,
            start,
            sources,
            run,
            evaluate=make_scorer(recipe, start, data),
            trackers=("tensorboard", *track),
            cpu=cpu,
            report=report_step,
        )
    return last if first else None


def check_corpus(recipe: TrainingRecipe, data: Path) -> list[str]:
    """Return what is wrong with ``watch.corpus``: one sentence, or an empty list.

    The list is empty if the corpus has an eval split, or if the recipe names no corpus.

    Args:
        recipe: the training recipe.
        data: folder that ``watch.corpus`` is relative to.
    """
    folder = data / recipe.watch.corpus
    try:
        if not recipe.watch.corpus or find_scar_tasks(folder):
            return []
    except DataError as error:
        return [f"watch.corpus: {error}"]
    return [f"watch.corpus: {folder} has no eval split of a SCaR build."]


def make_scorer(recipe: TrainingRecipe, start: Checkpoint, data: Path) -> Callable[[Virtue], float] | None:
    """Make the function that scores a model; None if the recipe names no corpus.

    The score is hit@1 on ``watch.corpus``, from 0 to 1, the mean over its tasks. Scoring changes no random state.

    Args:
        recipe: the training recipe.
        start: gives the tokenizer.
        data: folder that ``watch.corpus`` is relative to.

    Raises:
        DataError: the corpus has no eval split.
        CheckpointError: the tokenizer cannot be read.
    """
    if not recipe.watch.corpus:
        return None
    if problems := check_corpus(recipe, data):
        raise DataError(problems[0])
    tasks = find_scar_tasks(data / recipe.watch.corpus)
    tokenizer = read_tokenizer(start.files, recipe.name)

    def score_model(model: Virtue) -> float:
        training = model.backbone.language_model.training
        model.eval()
        chance = torch.get_rng_state()
        embedder = VirtueEmbedder(model, tokenizer, recipe.name)
        results = [evaluate(embedder, files) for files in tasks]
        torch.set_rng_state(chance)
        model.backbone.language_model.train(training)
        return sum(result.metrics[HEADLINE_METRIC] for result in results) / len(results)

    return score_model


def _print_plan(lines: Sequence[tuple[str, str]]) -> None:
    for what, how_much in lines:
        print(f"{what:28} {how_much}", flush=True)  # noqa: T201 - the plan is what the command prints
