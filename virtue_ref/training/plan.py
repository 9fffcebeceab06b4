"""What a recipe asks for, opened and counted before anything is trained."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights

from scar.errors import CheckpointError, ConfigError, DataError
from virtue_ref.checkpoints.format import Checkpoint
from virtue_ref.checkpoints.official import read_parts
from virtue_ref.checkpoints.resolve import find_checkpoint_folder, make_random_checkpoint
from virtue_ref.checkpoints.resolve import read_checkpoint as read_checkpoint
from virtue_ref.config import Config, is_config
from virtue_ref.inference.batching import Collator
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora, sharded
from virtue_ref.training.batches import make_batch_layout
from virtue_ref.training.pairs import PairSource, open_source
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.train import (
    TrainableModel,
    count_batches,
    make_accelerator,
    make_mixer,
    peak_memory_mib,
    prepare_model,
    run_step,
)

MEASURED_STEPS = 2
"""Steps that are run to tell the time of one."""


@dataclass(frozen=True)
class TrainingPlan:
    """What a run will do, as far as it can be told.

    Attributes:
        lines: (what, how much), for people.
        ready: whether weights and data are here, so that the run could begin.
    """

    lines: tuple[tuple[str, str], ...]
    ready: bool


def read_start(recipe: TrainingRecipe) -> Checkpoint:
    """The weights that a recipe starts from.

    A config with a backbone takes Qwen2-VL's and SAM 2's weights and a connector from scratch; a config without one has
    random weights throughout; everything else is a checkpoint.

    Raises:
        VirtueError: they are not here and cannot be fetched, or do not fit.
    """
    if recipe.backbone:
        config = Config.read(recipe.model).with_options(profile=recipe.profile or None)
        stored = read_parts(config, find_checkpoint_folder(recipe.backbone), recipe.segmenter or None)
        with init_empty_weights(include_buffers=False):
            model = Virtue(config)
        if model.connector is not None:
            model.connector.to_empty(device="cpu")
            lora.reset_connector(model, recipe.optimiser.seed)
            stored = dataclasses.replace(stored, connector=dict(model.connector.state_dict()))
        return stored
    if is_config(recipe.model):
        return make_random_checkpoint(
            Config.read(recipe.model).with_options(profile=recipe.profile or None), recipe.optimiser.seed
        )
    stored = read_checkpoint(recipe.model, segmenter=recipe.segmenter or None)
    return dataclasses.replace(stored, config=stored.config.with_options(profile=recipe.profile or None))


def open_sources(recipe: TrainingRecipe, data: Path) -> list[PairSource]:
    """The sources of a recipe, every row looked at.

    Raises:
        DataError: files or images that are not there, or rows of another shape.
    """
    return [
        open_source(
            source.name,
            sorted(data.glob(source.files)),
            data / source.images,
            missing=recipe.missing,
            all_negatives=source.all_negatives,
        )
        for source in recipe.sources
    ]


def make_plan(
    recipe: TrainingRecipe,
    start: Checkpoint | None,
    sources: Sequence[PairSource],
    missing: Sequence[str] = (),
    *,
    cpu: bool = False,
) -> TrainingPlan:
    """Tell what a run will do; two steps are run for time and memory where weights and data are here.

    Args:
        recipe: of the run.
        start: its weights; None where they are not here.
        sources: its data, those that are here.
        missing: what is not here, a line each.
        cpu: leave a GPU alone.
    """
    how = recipe.optimiser
    lines: list[tuple[str, str]] = [("recipe", f"{recipe.name}: {recipe.about}")]
    lines += [("not here", line) for line in missing]
    for source in sources:
        dropped = "".join(f", {reason} {count:,}" for reason, count in source.rejected.items())
        lines.append((f"rows {source.name}", f"{len(source):,} usable{dropped}"))
    there = start is not None and len(sources) == len(recipe.sources)
    steps = how.steps or (count_batches(make_mixer(recipe, sources)) if there else 0)
    lines.append(("steps", f"{steps:,} of {how.batch:,} pairs" if steps else "one pass over all rows"))
    lines.append(("pairs", f"{steps * how.batch:,}"))
    with init_empty_weights(include_buffers=False):
        config = start.config if start is not None else _read_config(recipe)
        shell = None if config is None else Virtue(config)
    if shell is not None:
        whole = sum(weight.numel() for weight in shell.parameters())
        lora.add_adapters(shell, recipe.adapter, checkpointing=False)
        learning = sum(weight.numel() for weight in lora.get_trained_weights(shell).values())
        lines.append(("weights", f"{whole:,}, of which {learning:,} more or less are trained ({learning / whole:.2%})"))
        width = 2 if how.dtype == "bfloat16" else 4
        # A trained weight has itself, its gradient and two moments in float32.
        spread = ", before they are spread" if sharded.is_requested() else ""
        least = (whole * width + learning * 16) / 2**30
        lines.append(("memory at least", f"{least:.2f} GiB of weights and moments{spread}"))
    if there and start is not None:
        lines += _measure_steps(recipe, start, sources, steps, cpu=cpu)
    else:
        lines.append(("time per step", "not measured, as not everything is here"))
    return TrainingPlan(tuple(lines), there)


def _read_config(recipe: TrainingRecipe) -> Config | None:
    return Config.read(recipe.model) if is_config(recipe.model) else None


def _measure_steps(
    recipe: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource], steps: int, *, cpu: bool
) -> list[tuple[str, str]]:
    """Tokens, memory and time of a step, from two steps of the run itself on a copy of its weights."""
    how = recipe.optimiser
    accelerator = make_accelerator(how, cpu=cpu)
    model = prepare_model(recipe, start, accelerator)
    collator = Collator(model.config, read_tokenizer(start.files, recipe.name), allow_stray_tokens=True)
    optimiser: Any = torch.optim.AdamW(lora.get_trained_weights(model).values(), lr=how.rate)
    wrapped = TrainableModel(model)
    mixer = make_mixer(recipe, sources)
    took, tokens = [], 0
    for step in range(MEASURED_STEPS):
        pairs = [sources[source].read_pair(row) for source, row in mixer.next_batch()]
        if not pairs:
            break
        began = time.perf_counter()
        run_step(accelerator, wrapped, model, collator, optimiser, pairs, how, step)
        took.append(time.perf_counter() - began)
        items = make_batch_layout(pairs, 1).items[0]
        requests = [collator.prepare_item(item, index) for index, item in enumerate(items)]
        tokens += sum(request.length + collator.count_prefix_tokens(request) for request in requests)
    each = tokens // len(took)
    share = "a share of the language model's blocks" if sharded.is_sharded(model) else "a whole model"
    return [
        ("processes", f"{accelerator.num_processes:,}, each with {share}"),
        ("tokens per step", f"{each:,}; {each * steps:,} in all"),
        ("time per step", f"{min(took):.2f} s measured on {len(took)}; {_format_duration(min(took) * steps)} in all"),
        ("memory measured", f"{peak_memory_mib(accelerator.device):,.0f} MiB at most"),
    ]


def gather_inputs(recipe: TrainingRecipe, data: Path) -> tuple[Checkpoint | None, list[PairSource], list[str]]:
    """Weights and sources that are here, and a line for each that is not; for a plan that needs neither."""
    start, missing, sources = None, [], []
    try:
        start = read_start(recipe)
    except (CheckpointError, ConfigError) as error:
        missing.append(str(error))
    for source in recipe.sources:
        try:
            sources += open_sources(dataclasses.replace(recipe, sources=(source,)), data)
        except DataError as error:
            missing.append(str(error))
    return start, sources, missing


def _format_duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
