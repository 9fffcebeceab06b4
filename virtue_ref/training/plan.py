"""The plan of a run: rows, steps, weights, memory and time, counted or measured before training starts.

The time is measured on a few steps of the run, with a copy of its weights.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerate import init_empty_weights

from scar.errors import ConfigError
from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.config import Config, is_config
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora, sharded
from virtue_ref.training.batches import make_batch_layout
from virtue_ref.training.next_step import run_next_step
from virtue_ref.training.pairs import Pair, PairSource
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.record import describe_run, peak_memory_mib
from virtue_ref.training.resume import resume_run
from virtue_ref.training.setup import ReadyModel, count_batches, make_mixer, prepare_training

MEASURED_STEPS = 2
"""Number of steps that are run to measure the time of a step."""


@dataclass(frozen=True)
class TrainingPlan:
    """The plan of a run.

    Attributes:
        lines: (what, how much) for each line that is printed.
        ready: whether all weights and data are available, so that the run can start.
    """

    lines: tuple[tuple[str, str], ...]
    ready: bool


def make_plan(
    recipe: TrainingRecipe,
    start: Checkpoint | None,
    sources: Sequence[PairSource],
    missing: Sequence[str] = (),
    *,
    run: Path | None = None,
    cpu: bool = False,
) -> TrainingPlan:
    """Plan a run; if all weights and data are available, run `MEASURED_STEPS` steps to measure time and memory.

    They are the first steps of a new run, taken by the functions of training with a copy of the weights. Nothing is
    saved.

    Args:
        recipe: recipe of the run.
        start: weights that the run starts from; None if they are missing.
        sources: the sources that are available, in the order of the recipe.
        missing: for each kind of missing input a message, which the plan shows.
        run: folder of the run, which may hold a checkpoint to continue from; None if there is none.
        cpu: whether to use no GPU.

    Raises:
        TrainError: a step cannot be run.
        CheckpointError: `run` holds a checkpoint of another run, or the weights do not fit their config.
        ConfigError: the language model has no layer of a name in the recipe's `adapter.targets`.
    """
    settings = recipe.optimiser
    lines: list[tuple[str, str]] = [("recipe", f"{recipe.name}: {recipe.about}")]
    lines += [("not here", line) for line in missing]
    for source in sources:
        rejected = "".join(f", {reason} {count:,}" for reason, count in source.rejected.items())
        lines.append((f"rows {source.name}", f"{len(source):,} usable{rejected}"))
    is_complete = start is not None and len(sources) == len(recipe.sources)
    mixer = make_mixer(recipe, sources) if is_complete else None
    steps = settings.steps or (count_batches(mixer) if mixer is not None else 0)
    if start is not None and mixer is not None and run is not None:
        progress, _ = resume_run(run, describe_run(recipe, start, sources), sources, mixer)
        lines.append(("run", f"{run}, continued after step {progress.step:,}" if progress.step else f"{run}, new"))
    lines.append(("steps", f"{steps:,} of {settings.batch:,} pairs" if steps else "one pass over all rows"))
    lines.append(("pairs", f"{steps * settings.batch:,}"))
    config = start.config if start is not None else _read_config(recipe)
    if config is not None:
        lines += _count_weights(recipe, config)
    if is_complete and start is not None:
        lines += _measure_steps(recipe, start, sources, steps, cpu=cpu)
    else:
        lines.append(("time per step", "not measured, as not everything is here"))
    return TrainingPlan(tuple(lines), is_complete)


def _read_config(recipe: TrainingRecipe) -> Config | None:
    return Config.read(recipe.model) if is_config(recipe.model) else None


def _count_weights(recipe: TrainingRecipe, config: Config) -> list[tuple[str, str]]:
    """Lines for the number of weights and the least memory they need, from a model whose weights take no memory."""
    try:
        with init_empty_weights(include_buffers=False):
            model = Virtue(config)
    except ConfigError as error:  # a package that the segmenter needs may be missing here alone
        return [("weights", f"not counted: {error}")]
    total = sum(weight.numel() for weight in model.parameters())
    lora.add_adapters(model, recipe.adapter, checkpointing=False)
    trained = sum(weight.numel() for weight in lora.get_trained_weights(model).values())
    width = 2 if recipe.optimiser.dtype == "bfloat16" else 4
    # A trained weight has itself, its gradient and two moments in float32.
    gib = (total * width + trained * 16) / 2**30
    sharding = ", before they are spread" if sharded.is_requested() else ""
    return [
        ("weights", f"{total:,}, of which {trained:,} more or less are trained ({trained / total:.2%})"),
        ("memory at least", f"{gib:.2f} GiB of weights and moments{sharding}"),
    ]


def _measure_steps(
    recipe: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource], steps: int, *, cpu: bool
) -> list[tuple[str, str]]:
    """Lines for tokens, time and memory of a step, measured on the run's first steps with a copy of its weights."""
    ready = prepare_training(recipe, start, cpu=cpu)
    mixer = make_mixer(recipe, sources)
    seconds = []
    for step in range(MEASURED_STEPS):
        began = time.perf_counter()
        record = run_next_step(ready, recipe, sources, mixer, step, max(steps, MEASURED_STEPS))
        if record is None:
            break
        seconds.append(time.perf_counter() - began)
    again = dataclasses.replace(mixer)  # draws the same batches
    batches = [[sources[source].read_row(row) for source, row in again.next_batch()] for _ in seconds]
    per_step, fastest = sum(_count_tokens(ready, pairs) for pairs in batches) // len(seconds), min(seconds)
    share = "a share of the language model's blocks" if sharded.is_sharded(ready.model) else "a whole model"
    return [
        ("processes", f"{ready.accelerator.num_processes:,}, each with {share}"),
        ("tokens per step", f"{per_step:,}; {per_step * steps:,} in all"),
        ("time per step", f"{fastest:.2f} s measured on {len(seconds)}; {_format_duration(fastest * steps)} in all"),
        ("memory measured", f"{peak_memory_mib(ready.accelerator.device):,.0f} MiB at most"),
    ]


def _count_tokens(ready: ReadyModel, pairs: Sequence[Pair]) -> int:
    items = make_batch_layout(pairs, 1).items[0]
    prepared = [ready.collator.prepare_item(item, index) for index, item in enumerate(items)]
    return sum(each.prefix_length + each.length for each in prepared)


def _format_duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
