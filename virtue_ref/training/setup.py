"""Set up a run before its first step: processes and devices, the model with adapters, the order of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn

from scar.errors import TrainError
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model
from virtue_ref.inference.batching import Collator
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import lora, sharded
from virtue_ref.training.batches import BatchPart
from virtue_ref.training.mixing import Mixer
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import OptimiserRecipe, TrainingRecipe


class TrainableModel(nn.Module):
    """A VIRTUE in the form that DDP needs: one module whose forward pass uses every trained weight.

    Args:
        model: the VIRTUE with adapters.
    """

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        self.model = model
        self.trained = nn.ParameterList(lora.get_trained_weights(model).values())

    def forward(self, part: BatchPart) -> Tensor:
        """Embed the B items of a part, whose features are there; returns (B, hidden) float32 of norm 1."""
        vectors: Tensor = self.model(part.batch, part.features)
        # Texts do not use the connector, but DDP needs a gradient for every weight in every pass, so add 0 times each.
        touched = torch.stack([weight.flatten()[0] for weight in self.trained]).sum()
        return vectors + 0.0 * touched


@dataclass(frozen=True)
class ReadyModel:
    """A model that is ready for `virtue_ref.training.step.run_step`.

    Attributes:
        accelerator: manages devices, processes and number formats.
        model: the VIRTUE with adapters. Outside `wrapped`, it runs only inside `accelerator.autocast()`.
        wrapped: the `TrainableModel` of `model`, prepared by the accelerator.
        collator: collator of the model.
        optimiser: optimiser of the trained weights, prepared by the accelerator.
    """

    accelerator: Accelerator
    model: Virtue
    wrapped: nn.Module
    collator: Collator
    optimiser: Any

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The trained weights by name, in the order in which the optimiser has them."""
        return lora.get_trained_weights(self.model)


def prepare_training(recipe: TrainingRecipe, start: Checkpoint, *, cpu: bool = False, **options: Any) -> ReadyModel:
    """Make a model ready for training steps; the plan of a run and the run itself both begin with this.

    Args:
        recipe: the training recipe.
        start: checkpoint with the initial weights.
        cpu: whether to use no GPU.
        options: further arguments of `accelerate.Accelerator`.

    Raises:
        CheckpointError: the checkpoint's weights do not fit its config, or its tokenizer cannot be read.
        ConfigError: the language model has no layer of a name in the recipe's `adapter.targets`.
    """
    accelerator = make_accelerator(recipe.optimiser, cpu=cpu, **options)
    model = prepare_model(recipe, start, accelerator)
    is_sharded = sharded.is_sharded(model)
    wrapped = accelerator.prepare_model(
        TrainableModel(model), device_placement=not is_sharded, evaluation_mode=is_sharded
    )
    settings = recipe.optimiser
    optimiser = torch.optim.AdamW(
        lora.get_trained_weights(model).values(), lr=settings.rate, weight_decay=settings.decay
    )
    return ReadyModel(
        accelerator=accelerator,
        model=model,
        wrapped=wrapped,
        collator=make_collator(model, start, recipe.name),
        optimiser=accelerator.prepare_optimizer(optimiser),
    )


def make_collator(model: Virtue, start: Checkpoint, name: str) -> Collator:
    """Make the collator of a model for training data, in which texts without an image may have an image token.

    Args:
        model: the model.
        start: gives the tokenizer.
        name: name of the model or recipe, for error messages.

    Raises:
        CheckpointError: the tokenizer cannot be read.
    """
    return Collator(model, read_tokenizer(start.files, name), allow_stray_tokens=True)


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
    """Build the model with adapters on its device; it is sharded if there are several processes and FSDP is requested.

    Frozen weights have the number format of `recipe.optimiser.dtype`, trained ones float32.

    Args:
        recipe: the training recipe.
        start: checkpoint with the initial weights.
        accelerator: knows the device and the processes.

    Raises:
        CheckpointError: the checkpoint's weights do not fit its config.
        ConfigError: the language model has no layer of a name in the recipe's `adapter.targets`.
    """
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
    """Return the learning rate of a step: it rises linearly to a peak, then falls linearly.

    Args:
        step: index of the step, from 0.
        steps: number of all steps of the run; a step with this index would have the rate 0.
        settings: its `rate` is the peak, which steps `warm_up` - 1 and `warm_up` have; without a warm-up, step 0.
    """
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    return settings.rate * (steps - step) / max(1, steps - settings.warm_up)


def make_mixer(recipe: TrainingRecipe, sources: Sequence[PairSource]) -> Mixer:
    """Make the mixer, which draws the rows of the sources for each batch.

    Args:
        recipe: the training recipe; without `optimiser.steps`, the mixer draws each row once.
        sources: the opened sources, in the order of `recipe.sources`.

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
    return Mixer(
        sizes=[len(source.table) for source in sources],
        weights=[each.weight or len(source) for each, source in zip(recipe.sources, sources, strict=True)],
        batch=settings.batch,
        sub_batch=sub_batch,
        seed=settings.seed,
        once=settings.steps == 0,
        skipped=[source.list_unusable() for source in sources],
    )


def count_batches(mixer: Mixer) -> int:
    """Count the batches that a mixer with `once` draws until all rows are used; the mixer is not changed."""
    copy = dataclasses.replace(mixer)
    copy.restore_state(mixer.get_state())
    count = 0
    while copy.next_batch():
        count += 1
    return count
