"""The plan of a run: rows, steps, weights, memory and time, counted or measured before training starts."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import init_empty_weights

from virtue_ref.checkpoints.checkpoint import Checkpoint
from virtue_ref.config import Config, is_config
from virtue_ref.inference.batching import Collator
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora, sharded
from virtue_ref.training.batches import make_batch_layout
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.record import peak_memory_mib
from virtue_ref.training.setup import count_batches, make_accelerator, make_mixer, prepare_model
from virtue_ref.training.step import TrainableModel, run_step

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
    cpu: bool = False,
) -> TrainingPlan:
    """Plan a run; if all weights and data are available, `MEASURED_STEPS` steps are run to measure time and memory.

    Args:
        recipe: recipe of the run.
        start: weights that the run starts from; None if they are missing.
        sources: the sources that are available.
        missing: a message for each missing input; the plan shows them.
        cpu: whether to use no GPU.
    """
    settings = recipe.optimiser
    lines: list[tuple[str, str]] = [("recipe", f"{recipe.name}: {recipe.about}")]
    lines += [("not here", line) for line in missing]
    for source in sources:
        rejected = "".join(f", {reason} {count:,}" for reason, count in source.rejected.items())
        lines.append((f"rows {source.name}", f"{len(source):,} usable{rejected}"))
    is_complete = start is not None and len(sources) == len(recipe.sources)
    steps = settings.steps or (count_batches(make_mixer(recipe, sources)) if is_complete else 0)
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
    with init_empty_weights(include_buffers=False):
        model = Virtue(config)
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
    settings = recipe.optimiser
    accelerator = make_accelerator(settings, cpu=cpu)
    model = prepare_model(recipe, start, accelerator)
    collator = Collator(model, read_tokenizer(start.files, recipe.name), allow_stray_tokens=True)
    optimiser: Any = torch.optim.AdamW(lora.get_trained_weights(model).values(), lr=settings.rate)
    wrapped = TrainableModel(model)
    mixer = make_mixer(recipe, sources)
    seconds, tokens = [], 0
    for step in range(MEASURED_STEPS):
        pairs = [sources[source].read_pair(row) for source, row in mixer.next_batch()]
        if not pairs:
            break
        began = time.perf_counter()
        run_step(accelerator, wrapped, model, collator, optimiser, pairs, settings, step)
        seconds.append(time.perf_counter() - began)
        items = make_batch_layout(pairs, 1).items[0]
        prepared = [collator.prepare_item(item, index) for index, item in enumerate(items)]
        tokens += sum(each.prefix_length + each.length for each in prepared)
    per_step, fastest = tokens // len(seconds), min(seconds)
    share = "a share of the language model's blocks" if sharded.is_sharded(model) else "a whole model"
    return [
        ("processes", f"{accelerator.num_processes:,}, each with {share}"),
        ("tokens per step", f"{per_step:,}; {per_step * steps:,} in all"),
        ("time per step", f"{fastest:.2f} s measured on {len(seconds)}; {_format_duration(fastest * steps)} in all"),
        ("memory measured", f"{peak_memory_mib(accelerator.device):,.0f} MiB at most"),
    ]


def _format_duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
