"""Set up a run before its first step: processes and devices, the model with adapters, the order of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs

from scar.errors import TrainError
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora, sharded
from virtue_ref.training.mixing import Mixer
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import OptimiserRecipe, TrainingRecipe


def make_accelerator(settings: OptimiserRecipe, **options: Any) -> Accelerator:
    """Make the accelerator, which manages devices, processes and number formats.

    Args:
        settings: only `dtype` is used.
        options: further arguments of `accelerate.Accelerator`.
    """
    AcceleratorState._reset_state()  # an earlier run of this process may have had another number format
    with sharded.hide_request():
        return Accelerator(
            mixed_precision="bf16" if settings.dtype == "bfloat16" else "no",
            # Processes may have different numbers of parts, so forward passes may exchange nothing.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
            **options,
        )


def prepare_model(recipe: TrainingRecipe, start: Checkpoint, accelerator: Accelerator) -> Virtue:
    """Build the model with adapters on its device, sharded if there are several processes and FSDP is requested."""
    settings = recipe.optimiser
    is_sharded = sharded.is_requested() and accelerator.num_processes > 1
    device = torch.device("cpu") if is_sharded else accelerator.device  # the whole may not fit on the device
    model = build_model(start).move_to(device, torch.bfloat16 if settings.dtype == "bfloat16" else torch.float32)
    torch.manual_seed(settings.seed)
    lora.add_adapters(model, recipe.adapter, checkpointing=settings.checkpointing)
    if is_sharded:
        sharded.shard_model(model, accelerator.device, accelerator.num_processes)
    return model


def learning_rate_at(step: int, steps: int, settings: OptimiserRecipe) -> float:
    """Learning rate of a step, counted from 0: rises linearly for `warm_up` steps, then falls linearly to 0."""
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    return settings.rate * (steps - step) / max(1, steps - settings.warm_up)


def make_mixer(recipe: TrainingRecipe, sources: Sequence[PairSource]) -> Mixer:
    """Make the mixer, which draws the rows of the sources for each batch.

    Raises:
        TrainError: a source has fewer usable rows than a sub-batch.
    """
    settings = recipe.optimiser
    sub_batch = settings.sub_batch or settings.batch
    for source in sources:
        if len(source) < sub_batch:
            raise TrainError(
                f"{source.name}: {len(source)} usable rows are fewer than the {sub_batch} of a sub-batch; "
                "take a smaller batch or sub_batch, or leave it out."
            )
    weights = [each.weight or len(source) for each, source in zip(recipe.sources, sources, strict=True)]
    sizes = [len(source) for source in sources]
    return Mixer(sizes, weights, settings.batch, sub_batch, settings.seed, once=settings.steps == 0)


def count_batches(mixer: Mixer) -> int:
    """Number of batches that a new mixer draws until all rows are used; only for a mixer with `once`."""
    copy = dataclasses.replace(mixer)
    count = 0
    while copy.next_batch():
        count += 1
    return count
