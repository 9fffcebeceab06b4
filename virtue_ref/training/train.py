"""The training loop, top to bottom: InfoNCE with gradient caching, on one process or many."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn

from mmeb_eval.run.versions import read_versions
from scar.errors import TrainError
from virtue_ref.checkpoints.format import Checkpoint, build_model, make_checkpoint_from_weights
from virtue_ref.inference.batching import Collator
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import ImageFeatures, Virtue
from virtue_ref.training import grad_cache, lora, runs, sharded
from virtue_ref.training.batches import BatchLayout, BatchPart, make_batch_layout, make_parts
from virtue_ref.training.loss import compute_accuracy, info_nce
from virtue_ref.training.mixing import Mixer
from virtue_ref.training.pairs import Pair, PairSource
from virtue_ref.training.recipe import OptimiserRecipe, TrainingRecipe

ProgressReporter = Callable[[int, int, str], None]
"""(steps done, steps in all, a line; empty between two lines)"""


@dataclass(frozen=True)
class StepRecord:
    """What one step showed; seconds are of this process."""

    step: int
    loss: float
    accuracy: float
    gradient_norm: float
    rate: float
    seconds: float
    items: int


class TrainableModel(nn.Module):
    """The part of a VIRTUE that learns, as one module with one forward pass, which is what DDP wraps."""

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        self.model = model
        self.learning = nn.ParameterList(lora.get_trained_weights(model).values())

    def forward(self, part: BatchPart) -> Tensor:
        """(B, hidden) of norm 1."""
        vectors: Tensor = self.model(part.batch, part.features)
        # Texts leave the connector alone; DDP wants a gradient for every weight in every pass, and 0 is one.
        touched = torch.stack([weight.flatten()[0] for weight in self.learning]).sum()
        return vectors + 0.0 * touched


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
    image_cache: dict[Path, ImageFeatures] | None = None,
    report: ProgressReporter = lambda *_: None,
) -> Path:
    """Train, or go on training, until all steps are done.

    Args:
        recipe: what to do.
        start: weights to start from.
        sources: the data, as `recipe.sources` names them.
        run: folder of the run; if there is a checkpoint in it, the run goes on from there.
        evaluate: scores the model, higher is better; called every `recipe.watch.evaluate` steps and at the end, by the
            first process, or by all where the model is spread over them.
        until: stop after so many steps all the same, as if interrupted.
        trackers: of accelerate's, where curves go.
        cpu: leave a GPU alone.
        image_cache: what the frozen encoders make of images, kept from step to step; for few and small images.
        report: shows progress.

    Returns:
        The folder of the last checkpoint.

    Raises:
        TrainError: the loss is not a number, the data are smaller than a batch, or a checkpoint cannot be written.
        CheckpointError: the run's checkpoint is of another recipe.
    """
    how = recipe.optimiser
    accelerator = make_accelerator(how, cpu=cpu, log_with=list(trackers) or None, project_dir=str(run))
    mixer = make_mixer(recipe, sources)
    steps = how.steps or count_batches(mixer)

    model = prepare_model(recipe, start, accelerator)
    collator = Collator(model.config, read_tokenizer(start.files, recipe.name), allow_stray_tokens=True)
    learning = lora.get_trained_weights(model)
    names = list(learning)
    optimiser: Any = torch.optim.AdamW(learning.values(), lr=how.rate, weight_decay=how.decay)

    facts = describe_run(recipe, start, sources)
    progress = runs.RunProgress(facts=facts)
    if runs.find_named(run, runs.LAST) is not None:
        progress, state = runs.read_progress(run, facts)
        for name, weight in learning.items():
            weight.data.copy_(state[f"weight.{name}"])
        runs.restore_optimiser(names, optimiser, state)
        mixer.restore_state(dict(progress.mixer))
        report(progress.step, steps, f"goes on after step {progress.step}")

    spread = sharded.is_sharded(model)
    wrapped = accelerator.prepare_model(TrainableModel(model), device_placement=not spread, evaluation_mode=spread)
    optimiser = accelerator.prepare_optimizer(optimiser)
    accelerator.init_trackers("training")

    def save_progress(scores: Mapping[str, float]) -> None:
        nonlocal progress
        progress = runs.RunProgress(step, mixer.get_state(), dict(scores), facts)
        weights = lora.iter_merged_weights(model)
        if accelerator.is_main_process:
            kept = {f"weight.{name}": weight.detach().cpu().contiguous() for name, weight in learning.items()}
            kept |= runs.get_optimiser_state(names, optimiser)
            runs.save_checkpoint(
                run, progress, make_checkpoint_from_weights(model, dict(weights), start, recipe.watch.save_dtype), kept
            )
        elif spread:
            for _ in weights:  # the first process has them of all
                pass
        accelerator.wait_for_everyone()

    step = progress.step
    scores = dict(progress.scores)
    with catch_stop_signals() as stopped:
        while step < min(steps, steps if until is None else until):
            began = time.perf_counter()
            pairs = [sources[source].read_pair(row) for source, row in mixer.next_batch()]
            for group in optimiser.param_groups:
                group["lr"] = learning_rate_at(step, steps, how)
            # Chance of a step depends on nothing before it: a run that was interrupted draws the same.
            torch.manual_seed((how.seed * 1_000_003 + step) * 1_009 + accelerator.process_index)
            shown = run_step(accelerator, wrapped, model, collator, optimiser, pairs, how, step, image_cache)
            step += 1
            seen = dataclasses.replace(shown, step=step, seconds=time.perf_counter() - began)
            if accelerator.is_main_process and (step % recipe.watch.log == 0 or step == steps):
                log_step(run, seen, accelerator)
                report(step, steps, f"loss {seen.loss:.4f}, accuracy {seen.accuracy:.3f}, {seen.seconds:.2f} s a step")
            due = evaluate is not None and (
                step == steps or (recipe.watch.evaluate and step % recipe.watch.evaluate == 0)
            )
            if due and evaluate is not None:
                if accelerator.is_main_process or spread:  # a spread model runs in all processes or in none
                    scores[str(step)] = evaluate(model)
                if accelerator.is_main_process:
                    accelerator.log({"score": scores[str(step)]}, step=step)
                    report(step, steps, f"score {scores[str(step)]:.4f}")
                accelerator.wait_for_everyone()
            report(step, steps, "")
            halt = is_stop_requested(accelerator, stopped)
            if halt or due or step % recipe.watch.save == 0 or step in (steps, until):
                save_progress(scores)
            if halt and step < steps:
                accelerator.end_training()
                raise TrainError(f"stopped after step {step} of {steps} as asked; run it again and it goes on.")
    accelerator.end_training()
    return runs.find_named(run, runs.LAST) or run


def make_accelerator(settings: OptimiserRecipe, **options: Any) -> Accelerator:
    """Who knows devices, processes and types.

    Args:
        settings: its type is used.
        options: of `accelerate.Accelerator`.
    """
    AcceleratorState._reset_state()  # another run of this process may have had another type
    with sharded.hide_request():
        return Accelerator(
            mixed_precision="bf16" if settings.dtype == "bfloat16" else "no",
            # Processes may have different numbers of parts: nothing may be exchanged with each forward pass.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
            **options,
        )


def prepare_model(recipe: TrainingRecipe, start: Checkpoint, accelerator: Accelerator) -> Virtue:
    """The model with its adapters on its device, spread over processes if there are several and that is asked for."""
    how = recipe.optimiser
    spread = sharded.is_requested() and accelerator.num_processes > 1
    device = torch.device("cpu") if spread else accelerator.device  # it may not fit in one piece
    model = build_model(start).move_to(device, torch.bfloat16 if how.dtype == "bfloat16" else torch.float32)
    torch.manual_seed(how.seed)
    lora.add_adapters(model, recipe.adapter, checkpointing=how.checkpointing)
    if spread:
        sharded.shard_model(model, accelerator.device, accelerator.num_processes)
    return model


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
    """Gradients of a whole batch, one update.

    Raises:
        TrainError: the loss or the gradient is not a number; no weight was changed.
    """
    layout = make_batch_layout(pairs, accelerator.num_processes)
    parts, row = make_parts(layout.items[accelerator.process_index], collator, settings.part, accelerator.device)
    for part in parts:
        part.features = encode_part_images(model, collator, part, image_cache)
    spread = sharded.is_sharded(model)
    if spread:  # all must make as many passes; vectors beyond this process's rows are in no loss
        most = max(-(-count // settings.part) for count in layout.counts)
        parts += [parts[0]] * (most - len(parts))
    hits = 0.0

    def compute_loss(vectors: Tensor) -> Tensor:
        nonlocal hits
        every = gather_vectors(accelerator, vectors[row.to(vectors.device)].float(), layout)
        queries, targets = (every[rows.to(every.device)] for rows in (layout.queries, layout.targets))
        gold = layout.gold.to(every.device)
        hits = compute_accuracy(queries, targets, gold)
        # Every process has the whole loss and the gradient for its own vectors; a mean is then taken of what is a sum.
        return info_nce(queries, targets, gold, settings.temperature)

    try:
        if settings.cached or accelerator.num_processes > 1:
            value = grad_cache.backward_cached(
                wrapped, parts, compute_loss, lambda: accelerator.no_sync(wrapped), scale=accelerator.num_processes
            )
        else:
            value = grad_cache.backward_uncached(wrapped, parts, compute_loss)
        if spread:
            sharded.average_gradients(accelerator, lora.get_trained_weights(model).values())
        norm = float(accelerator.clip_grad_norm_(wrapped.parameters(), settings.clip))
        if not torch.isfinite(torch.tensor(norm)):
            raise FloatingPointError(f"the gradient's norm is {norm}")
    except FloatingPointError as error:
        optimiser.zero_grad()
        places = ", ".join(pair.where for pair in pairs[:3])
        raise TrainError(
            f"step {step + 1}: {error}, in the batch of {len(pairs)} that begins with {places}; "
            f"the checkpoints before it are kept. A smaller rate or dtype float32 may help."
        ) from error
    optimiser.step()
    optimiser.zero_grad()
    return StepRecord(step, float(value), hits, norm, optimiser.param_groups[0]["lr"], 0.0, sum(layout.counts))


@torch.no_grad()
def encode_part_images(
    model: Virtue, collator: Collator, part: BatchPart, image_cache: dict[Path, ImageFeatures] | None
) -> list[ImageFeatures]:
    """What the frozen encoders make of a part's images, once for both passes."""
    known = {} if image_cache is None else image_cache
    if new := [image for image in part.images if image not in known]:
        known |= zip(new, model.encode_images(collator.open_images(new).to(model.device, model.dtype)), strict=True)
    return [known[image] for image in part.images]


def gather_vectors(accelerator: Accelerator, vectors: Tensor, layout: BatchLayout) -> Tensor:
    """(V, D): vectors of all processes in their order; gradients reach this one's only."""
    if accelerator.num_processes == 1:
        return vectors
    most = max(layout.counts)
    padded = torch.zeros(most, vectors.shape[1], device=vectors.device)
    padded[: len(vectors)] = vectors.detach()
    every = accelerator.gather(padded).reshape(accelerator.num_processes, most, -1)
    blocks = [block[:count] for block, count in zip(every, layout.counts, strict=True)]
    blocks[accelerator.process_index] = vectors
    return torch.cat(blocks)


def learning_rate_at(step: int, steps: int, settings: OptimiserRecipe) -> float:
    """Learning rate of a step, from 0: up in a line for `warm_up` steps, then down in a line to 0 after the last."""
    if step < settings.warm_up:
        return settings.rate * (step + 1) / settings.warm_up
    return settings.rate * (steps - step) / max(1, steps - settings.warm_up)


def make_mixer(recipe: TrainingRecipe, sources: Sequence[PairSource]) -> Mixer:
    """The order of rows.

    Raises:
        TrainError: a source has fewer rows than a sub-batch.
    """
    how = recipe.optimiser
    sub_batch = how.sub_batch or how.batch
    for source in sources:
        if len(source) < sub_batch:
            raise TrainError(
                f"{source.name}: {len(source)} usable rows are fewer than the {sub_batch} of a sub-batch; "
                "take a smaller batch or sub_batch, or leave it out."
            )
    weights = [each.weight or len(source) for each, source in zip(recipe.sources, sources, strict=True)]
    return Mixer([len(source) for source in sources], weights, how.batch, sub_batch, how.seed, once=how.steps == 0)


def count_batches(mixer: Mixer) -> int:
    """Batches of one pass over all rows."""
    twin = dataclasses.replace(mixer)
    count = 0
    while twin.next_batch():
        count += 1
    return count


def describe_run(recipe: TrainingRecipe, start: Checkpoint, sources: Sequence[PairSource]) -> dict[str, Any]:
    """What a checkpoint says of its origin."""
    return {
        "recipe": recipe.to_dict(),
        "model": {"name": start.config.name, "revision": start.revision},
        "data": {
            source.name: {"revision": source.revision, "rows": len(source), "rejected": dict(source.rejected)}
            for source in sources
        },
        "commit": find_commit(),
        "versions": read_versions(),
    }


def find_commit() -> str | None:
    """The commit of the code; None where it is not a clone."""
    head = Path(__file__).parents[2] / ".git"
    if not head.exists():
        return None
    from subprocess import DEVNULL, run

    asked = ["git", "-C", str(head.parent), "rev-parse", "HEAD"]
    return run(asked, stdout=-1, stderr=DEVNULL, text=True, check=False).stdout.strip() or None  # noqa: S603


def log_step(run: Path, record: StepRecord, accelerator: Accelerator) -> None:
    """Add a step to the log and the curves."""
    line = dataclasses.asdict(record) | {"memory_mib": peak_memory_mib(accelerator.device)}
    run.mkdir(parents=True, exist_ok=True)
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    accelerator.log({key: value for key, value in line.items() if key != "step"}, step=record.step)


def peak_memory_mib(device: torch.device) -> float:
    """Most memory so far: of the GPU, else of the process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)


@contextmanager
def catch_stop_signals() -> Iterator[list[int]]:
    """Collects signals to stop instead of obeying at once; the second one of a kind is obeyed."""
    asked: list[int] = []

    def note_signal(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, note_signal)
    except ValueError:  # not the main thread: whoever runs it handles signals
        pass
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_stop_requested(accelerator: Accelerator, stopped: Sequence[int]) -> bool:
    """Whether any process was asked to stop: all stop after the same step."""
    if accelerator.num_processes == 1:
        return bool(stopped)
    flag = torch.tensor([len(stopped)], device=accelerator.device)
    return bool(accelerator.gather(flag).sum() > 0)
