"""One step of training: embed a batch in parts, compute InfoNCE over all processes, update the weights once.

A batch is the pairs of all processes. A part is some items of one process that are embedded at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from mmeb_eval.item import Item
from scar.common.image_bytes import ImageFile
from scar.errors import ItemError, TrainError
from virtue_ref.inference.batching import Collator
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.images import read_image
from virtue_ref.model.virtue import Virtue
from virtue_ref.training import grad_cache, sharded
from virtue_ref.training.batches import BatchLayout, BatchPart, make_batch_layout, make_parts
from virtue_ref.training.loss import compute_accuracy, info_nce
from virtue_ref.training.pairs import Pair
from virtue_ref.training.recipe import OptimiserRecipe
from virtue_ref.training.setup import ReadyModel


@dataclass(frozen=True)
class StepRecord:
    """Numbers of one step for the log.

    Attributes:
        step: number of steps done. `run_step` fills in those before this one; the training loop counts this one too.
        loss: the loss of the whole batch, before the update.
        accuracy: share of the batch's queries whose positive is most similar, before the update.
        gradient_norm: L2 norm of the gradient, before it is clipped.
        rate: learning rate of the step.
        seconds: time of the step in this process; 0 until the training loop fills it in.
        items: number of items that all processes together embedded.
    """

    step: int
    loss: float
    accuracy: float
    gradient_norm: float
    rate: float
    seconds: float
    items: int


class UnusablePairs(Exception):  # noqa: N818 - says what was found
    """Pairs of a batch cannot be embedded; nothing was changed, and every process raises it.

    Attributes:
        problems: index of each such pair in the batch -> what is wrong with it. More may show once these are gone.
    """

    def __init__(self, problems: Mapping[int, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def run_step(
    ready: ReadyModel,
    pairs: Sequence[Pair],
    settings: OptimiserRecipe,
    step: int,
    image_cache: dict[ImageFile, ImageFeatures] | None = None,
) -> StepRecord:
    """Compute the gradient of a whole batch and update the weights once.

    All processes call it together, each with the whole batch, and embed their own share.

    Args:
        ready: the model, from `virtue_ref.training.setup.prepare_training`.
        pairs: the pairs of the whole batch, which are the same in every process.
        settings: settings of the optimiser and of a step.
        step: number of steps done before this one.
        image_cache: image path -> features from the frozen encoders; new images are added. None keeps no features.

    Returns:
        Numbers of the step, with `step` as given and without the time.

    Raises:
        UnusablePairs: an item cannot be embedded; no weight was changed.
        TrainError: the loss or the gradient is not finite; no weight was changed.
        ItemError: there are fewer pairs than processes.
    """
    accelerator, model, wrapped, optimiser = ready.accelerator, ready.model, ready.wrapped, ready.optimiser
    layout = make_batch_layout(pairs, accelerator.num_processes)
    parts, row = prepare_parts(ready, pairs, layout, settings.part, image_cache)
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
            sharded.average_gradients(accelerator, ready.trained.values())
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


def prepare_parts(
    ready: ReadyModel,
    pairs: Sequence[Pair],
    layout: BatchLayout,
    size: int,
    image_cache: dict[ImageFile, ImageFeatures] | None,
) -> tuple[list[BatchPart], Tensor]:
    """Make the parts of this process with the features of their images.

    Args:
        ready: the model.
        pairs: the pairs of the whole batch.
        layout: their layout, which says which items are this process's.
        size: most items in a part.
        image_cache: see `run_step`.

    Returns:
        See `virtue_ref.training.batches.make_parts`.

    Raises:
        UnusablePairs: an item of any process cannot be embedded.
    """
    accelerator, collator = ready.accelerator, ready.collator
    items = layout.items[accelerator.process_index]
    problems: dict[int, str] = {}
    parts, row = list[BatchPart](), torch.empty(0)
    try:
        parts, row = make_parts(items, collator, size, accelerator.device)
        for part in parts:
            part.features = encode_part_images(ready.model, collator, part, image_cache)
    except ItemError:
        problems = find_unusable_pairs(pairs, set(items), collator)
        if not problems:
            raise
    if accelerator.num_processes > 1:  # all go on, or none does
        problems = {index: problem for own in gather_object([problems]) for index, problem in own.items()}
    if problems:
        raise UnusablePairs(problems)
    return parts, row


def find_unusable_pairs(pairs: Sequence[Pair], own: Collection[Item], collator: Collator) -> dict[int, str]:
    """Find the pairs that cannot be embedded: index in `pairs` -> what is wrong; only items in `own` count."""
    problems = {}
    for index, pair in enumerate(pairs):
        try:
            for item in pair.items:
                if item in own:
                    collator.prepare_item(item, index)
                    if item.image is not None:
                        read_image(item.image, collator.config.profile)
        except ItemError as error:
            problems[index] = error.reason
    return problems


@torch.no_grad()
def encode_part_images(
    model: Virtue, collator: Collator, part: BatchPart, image_cache: dict[ImageFile, ImageFeatures] | None
) -> list[ImageFeatures]:
    """Return the features of a part's images from the frozen encoders, in the order of `part.images`.

    Args:
        model: the model.
        collator: opens the images.
        part: the part.
        image_cache: see `run_step`.

    Raises:
        ItemError: an image is missing or cannot be decoded.
    """
    known = {} if image_cache is None else image_cache
    if new := [image for image in part.images if image not in known]:
        known |= zip(new, model.encode_images(collator.open_images(new).to(model.device, model.dtype)), strict=True)
    return [known[image] for image in part.images]


def gather_vectors(accelerator: Accelerator, vectors: Tensor, layout: BatchLayout) -> Tensor:
    """Gather the vectors of all processes; gradients flow only into this process's vectors.

    Args:
        accelerator: knows the processes.
        vectors: the vectors of this process's items, in the order of `BatchLayout.items`.
        layout: knows how many vectors each process has.

    Returns:
        (V, D), the vectors of the first process, then those of the second, and so on.
    """
    if accelerator.num_processes == 1:
        return vectors
    most = max(layout.counts)
    padded = torch.zeros(most, vectors.shape[1], device=vectors.device)
    padded[: len(vectors)] = vectors.detach()
    every = accelerator.gather(padded).reshape(accelerator.num_processes, most, -1)
    blocks = [block[:count] for block, count in zip(every, layout.counts, strict=True)]
    blocks[accelerator.process_index] = vectors
    return torch.cat(blocks)
