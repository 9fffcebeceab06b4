"""The training loop: steps, the log, evaluations and checkpoints, on one process or many."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from scar.common.image_bytes import ImageFile
from scar.errors import TrainError
from virtue_ref.checkpoints.checkpoint import Checkpoint, make_checkpoint_from_weights
from virtue_ref.checkpoints.run_folder import LAST, find_named
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora, sharded
from virtue_ref.training.interrupt import catch_stop_signals, is_stop_requested
from virtue_ref.training.next_step import UnusableRow, run_next_step
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.record import describe_run, log_step
from virtue_ref.training.resume import describe_rows, resume_run
from virtue_ref.training.run_lock import lock_run
from virtue_ref.training.runs import (
    RunProgress,
    get_optimiser_state,
    restore_optimiser,
    save_checkpoint,
    trim_log,
)
from virtue_ref.training.setup import count_batches, make_mixer, prepare_training

ProgressReporter = Callable[[int, int, str], None]
"""Function that gets the number of steps done, the number of all steps, and a line to show; "" shows no line."""


def train(
    recipe: TrainingRecipe,
    start: Checkpoint,
    sources: Sequence[PairSource],
    run: Path,
    *,
    evaluate: Callable[[Virtue], float] | None = None,
    until: int | None = None,
    trackers: Sequence[str] = ("tensorboard",),
    cpu: bool = False,
    image_cache: dict[ImageFile, ImageFeatures] | None = None,
    report: ProgressReporter = lambda *_: None,
) -> Path:
    """Train until all steps are done; if the run has a checkpoint, training continues from it.

    Args:
        recipe: the training recipe.
        start: checkpoint with the initial weights. If training continues, the trained ones come from the run.
        sources: the opened sources, in the order of `recipe.sources`.
        run: folder of the run.
        evaluate: function that scores the model, higher is better. It is called every `recipe.watch.evaluate` steps and
            at the end. The first process calls it; if the model is sharded, all do. None never evaluates.
        until: number of steps of the run, counted from its start, after which to save a checkpoint and return early;
            None trains all steps.
        trackers: names of accelerate's trackers, which draw curves.
        cpu: whether to use no GPU.
        image_cache: dictionary that keeps the frozen encoders' image features for later steps; it only suits few and
            small images. None computes them in every step.
        report: is called with lines to show and with the progress.

    Returns:
        The folder of the last checkpoint.

    Raises:
        TrainError: the loss or gradient is not finite, a row cannot be embedded, a source has fewer rows than a
            sub-batch, a checkpoint cannot be written, another process trains in the folder, or a signal came. After a
            signal and after a row that cannot be embedded, a checkpoint of the steps so far is there.
        CheckpointError: the run's checkpoint is damaged or has another recipe, model or data, see
            `virtue_ref.training.resume`.
    """
    with lock_run(run):
        return _train(recipe, start, sources, run, evaluate, until, trackers, image_cache, report, cpu=cpu)


def _train(
    recipe: TrainingRecipe,
    start: Checkpoint,
    sources: Sequence[PairSource],
    run: Path,
    evaluate: Callable[[Virtue], float] | None,
    until: int | None,
    trackers: Sequence[str],
    image_cache: dict[ImageFile, ImageFeatures] | None,
    report: ProgressReporter,
    *,
    cpu: bool,
) -> Path:
    """See `train`; the folder is locked."""
    facts = describe_run(recipe, start, sources)
    mixer = make_mixer(recipe, sources)
    progress, state = resume_run(run, facts, sources, mixer)
    steps = recipe.optimiser.steps or progress.step + count_batches(mixer)

    ready = prepare_training(recipe, start, cpu=cpu, log_with=list(trackers) or None, project_dir=str(run))
    accelerator, model, trained = ready.accelerator, ready.model, ready.trained
    if state:
        for name, weight in trained.items():
            weight.data.copy_(state[f"weight.{name}"])
        restore_optimiser(list(trained), ready.optimiser, state)
        report(progress.step, steps, f"goes on after step {progress.step}")
    step = saved = progress.step
    is_sharded = sharded.is_sharded(model)
    if accelerator.is_main_process:
        trim_log(run, progress.step)
    # Curves of steps that are done again are hidden.
    accelerator.init_trackers("training", init_kwargs={"tensorboard": {"purge_step": progress.step + 1}})

    def save_progress() -> None:
        nonlocal saved
        weights = lora.iter_merged_weights(model)
        if accelerator.is_main_process:
            state = {f"weight.{name}": weight.detach().cpu().contiguous() for name, weight in trained.items()}
            state |= get_optimiser_state(list(trained), ready.optimiser) | describe_rows(sources)
            checkpoint = make_checkpoint_from_weights(model, dict(weights), start, recipe.watch.save_dtype)
            done = RunProgress(step, mixer.get_state(), dict(scores), facts, skipped)
            save_checkpoint(run, done, checkpoint, state)
        elif is_sharded:
            for _ in weights:  # every process takes part in gathering the weights; the first one writes them
                pass
        accelerator.wait_for_everyone()
        saved = step

    def score_model(score: Callable[[Virtue], float]) -> None:
        if accelerator.is_main_process or is_sharded:  # a sharded model runs in all processes or in none
            with accelerator.autocast():
                scores[str(step)] = score(model)
        if accelerator.is_main_process:
            accelerator.log({"score": scores[str(step)]}, step=step)
            report(step, steps, f"score {scores[str(step)]:.4f}")
        accelerator.wait_for_everyone()

    def note_skipped(source: int, row: int, sentence: str) -> None:
        rows = skipped.setdefault(sources[source].name, [])
        if row not in rows:
            rows.append(row)
        report(step, steps, sentence)

    scores = dict(progress.scores)
    skipped = {name: list(rows) for name, rows in progress.skipped.items()}
    with catch_stop_signals() as signals:
        while step < min(steps, steps if until is None else until):
            began = time.perf_counter()
            try:
                record = run_next_step(
                    ready, recipe, sources, mixer, step, steps, image_cache=image_cache, report_skip=note_skipped
                )
            except UnusableRow:
                if step > saved:
                    save_progress()
                raise
            if record is None:
                steps = step  # rows were skipped, so that one pass has fewer batches
            else:
                step += 1
                record = dataclasses.replace(record, step=step, seconds=time.perf_counter() - began)
            if record is not None and accelerator.is_main_process and (step % recipe.watch.log == 0 or step == steps):
                log_step(run, record, accelerator)
                numbers = f"loss {record.loss:.4f}, accuracy {record.accuracy:.3f}, {record.seconds:.2f} s a step"
                report(step, steps, numbers)
            every = recipe.watch.evaluate
            is_scored = evaluate is not None and (step == steps or (every > 0 and step % every == 0))
            if evaluate is not None and is_scored:
                score_model(evaluate)
            report(step, steps, "")
            is_stopped = is_stop_requested(accelerator, signals)
            if is_stopped or is_scored or step % recipe.watch.save == 0 or step in (steps, until):
                save_progress()
            if is_stopped and step < steps:
                accelerator.end_training()
                raise TrainError(f"stopped after step {step} of {steps} by a signal; the same command continues it.")
    accelerator.end_training()
    return find_named(run, LAST) or run
