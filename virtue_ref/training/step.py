"""One step of training: embed a batch in parts, compute InfoNCE over all processes, update the weights once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from scar.errors import TrainError
from virtue_ref.inference.batching import Collator
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import grad_cache, lora, sharded
from virtue_ref.training.batches import BatchLayout, BatchPart, make_batch_layout, make_parts
from virtue_ref.training.loss import compute_accuracy, info_nce
from virtue_ref.training.pairs import Pair
from virtue_ref.training.recipe import OptimiserRecipe


@dataclass(frozen=True)
class StepRecord:
    """Numbers of one step for the log; `seconds` is the time in this process."""

    step: int
    loss: float
    accuracy: float
    gradient_norm: float
    rate: float
    seconds: float
    items: int


class TrainableModel(nn.Module):
    """A VIRTUE in the form that DDP needs: one module whose forward pass uses every trained weight."""

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        self.model = model
        self.trained = nn.ParameterList(lora.get_trained_weights(model).values())

    def forward(self, part: BatchPart) -> Tensor:
        """Embed the items of a part; returns (B, hidden) of norm 1."""
        vectors: Tensor = self.model(part.batch, part.features)
        # Texts do not use the connector, but DDP needs a gradient for every weight in every pass, so add 0 times each.
        touched = torch.stack([weight.flatten()[0] for weight in self.trained]).sum()
        return vectors + 0.0 * touched


def run_step(
    accelerator: Accelerator,
    wrapped: nn.Module,
    model: Virtue,
    collator: Collator,
    optimiser: Any,
    pairs: Sequence[Pair],
    settings: OptimiserRecipe,
    step: int,
    image_cache: dict[Path, ImageFeatures] | None = None,
) -> StepRecord:
    """Compute the gradient of a whole batch and update the weights once.

    Args:
        accelerator: the accelerator, which connects the processes.
        wrapped: the `TrainableModel`, prepared by the accelerator.
        model: the VIRTUE in `wrapped`.
        collator: collator of the model.
        optimiser: optimiser of the trained weights.
        pairs: the pairs of the whole batch, which are the same in every process.
        settings: settings of the optimiser and of a step.
        step: number of steps done before this one.
        image_cache: image path -> features from the frozen encoders; new images are added. None keeps no features.

    Raises:
        TrainError: the loss or the gradient is not finite; no weight was changed.
    """
    layout = make_batch_layout(pairs, accelerator.num_processes)
    parts, row = make_parts(layout.items[accelerator.process_index], collator, settings.part, accelerator.device)
    for part in parts:
        part.features = encode_part_images(model, collator, part, image_cache)
    is_sharded = sharded.is_sharded(model)
    if is_sharded:  # every process runs as many passes; the loss ignores vectors beyond a process's own rows
        most = max(-(-count // settings.part) for count in layout.counts)
        parts += [parts[0]] * (most - len(parts))
    hits = 0.0

    def compute_loss(vectors: Tensor) -> Tensor:
        nonlocal hits
        every = gather_vectors(accelerator, vectors[row.to(vectors.device)].float(), layout)
        queries, targets = (every[rows.to(every.device)] for rows in (layout.queries, layout.targets))
        gold = layout.gold.to(every.device)
        hits = compute_accuracy(queries, targets, gold)
        # Each process has the whole loss but only the gradient of its own vectors: their sum is the gradient.
        return info_nce(queries, targets, gold, settings.temperature)

    try:
        if settings.cached or accelerator.num_processes > 1:
            value = grad_cache.backward_cached(
                wrapped, parts, compute_loss, lambda: accelerator.no_sync(wrapped), scale=accelerator.num_processes
            )
        else:
            value = grad_cache.backward_uncached(wrapped, parts, compute_loss)
        if is_sharded:
            sharded.average_gradients(accelerator, lora.get_trained_weights(model).values())
        norm = float(accelerator.clip_grad_norm_(wrapped.parameters(), settings.clip))
        if not torch.isfinite(torch.tensor(norm)):
            raise FloatingPointError(f"the gradient's norm is {norm}")
    except FloatingPointError as error:
        optimiser.zero_grad()
        first_rows = ", ".join(pair.where for pair in pairs[:3])
        raise TrainError(
            f"step {step + 1}: {error}, in the batch of {len(pairs)} that begins with {first_rows}; "
            f"the checkpoints before it are kept. A smaller rate or dtype float32 may help."
        ) from error
    optimiser.step()
    optimiser.zero_grad()
    return StepRecord(step, float(value), hits, norm, optimiser.param_groups[0]["lr"], 0.0, sum(layout.counts))


@torch.no_grad()
def encode_part_images(
    model: Virtue, collator: Collator, part: BatchPart, image_cache: dict[Path, ImageFeatures] | None
) -> list[ImageFeatures]:
    """Features of a part's images from the frozen encoders, computed once for both passes of the gradient cache."""
    known = {} if image_cache is None else image_cache
    if new := [image for image in part.images if image not in known]:
        known |= zip(new, model.encode_images(collator.open_images(new).to(model.device, model.dtype)), strict=True)
    return [known[image] for image in part.images]


def gather_vectors(accelerator: Accelerator, vectors: Tensor, layout: BatchLayout) -> Tensor:
    """Gather the (V, D) vectors of all processes in their order; gradients flow only into this process's vectors."""
    if accelerator.num_processes == 1:
        return vectors
    most = max(layout.counts)
    padded = torch.zeros(most, vectors.shape[1], device=vectors.device)
    padded[: len(vectors)] = vectors.detach()
    every = accelerator.gather(padded).reshape(accelerator.num_processes, most, -1)
    blocks = [block[:count] for block, count in zip(every, layout.counts, strict=True)]
    blocks[accelerator.process_index] = vectors
    return torch.cat(blocks)
