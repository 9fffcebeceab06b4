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

from mmeb_eval.run.versions import versions
from scar.errors import TrainError
from virtue_ref.checkpoints.format import Checkpoint, build, of_weights
from virtue_ref.inference.batching import Collator
from virtue_ref.model.tokens import read_tokenizer
from virtue_ref.model.virtue import Seen, Virtue
from virtue_ref.training import grad_cache, lora, runs, sharded
from virtue_ref.training.batches import Layout, Part, lay_out, parts_of
from virtue_ref.training.loss import accuracy, info_nce
from virtue_ref.training.mixing import Mixer
from virtue_ref.training.pairs import Pair, Source
from virtue_ref.training.recipe import Optimiser, Recipe

Say = Callable[[int, int, str], None]
"""(steps done, steps in all, a line; empty between two lines)"""


@dataclass(frozen=True)
class Step:
    """What one step showed; seconds are of this process."""

    step: int
    loss: float
    accuracy: float
    gradient_norm: float
    rate: float
    seconds: float
    items: int


class Trained(nn.Module):
    """The part of a VIRTUE that learns, as one module with one forward pass, which is what DDP wraps."""

    def __init__(self, model: Virtue) -> None:
        super().__init__()
        self.model = model
        self.learning = nn.ParameterList(lora.trained(model).values())

    def forward(self, part: Part) -> Tensor:
        """(B, hidden) of norm 1."""
        vectors: Tensor = self.model(part.batch, part.seen)
        # Texts leave the connector alone; DDP wants a gradient for every weight in every pass, and 0 is one.
        touched = torch.stack([weight.flatten()[0] for weight in self.learning]).sum()
        return vectors + 0.0 * touched


def train(
    recipe: Recipe,
    start: Checkpoint,
    sources: Sequence[Source],
    run: Path,
    *,
    evaluate: Callable[[Virtue], float] | None = None,
    until: int | None = None,
    trackers: Sequence[str] = ("tensorboard",),
    cpu: bool = False,
    memory: dict[Path, Seen] | None = None,
    say: Say = lambda *_: None,
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
        memory: what the frozen encoders make of images, kept from step to step; for few and small images.
        say: shows progress.

    Returns:
        The folder of the last checkpoint.

    Raises:
        TrainError: the loss is not a number, the data are smaller than a batch, or a checkpoint cannot be written.
        CheckpointError: the run's checkpoint is of another recipe.
    """
    how = recipe.optimiser
    accelerator = accelerator_of(how, cpu=cpu, log_with=list(trackers) or None, project_dir=str(run))
    mixer = mixer_of(recipe, sources)
    steps = how.steps or passes(mixer)

    model = ready(recipe, start, accelerator)
    collator = Collator(model.config, read_tokenizer(start.files, recipe.name), stray_tokens=True)
    learning = lora.trained(model)
    names = list(learning)
    optimiser: Any = torch.optim.AdamW(learning.values(), lr=how.rate, weight_decay=how.decay)

    facts = facts_of(recipe, start, sources)
    progress = runs.Progress(facts=facts)
    if runs.named(run, runs.LAST) is not None:
        progress, state = runs.load(run, facts)
        for name, weight in learning.items():
            weight.data.copy_(state[f"weight.{name}"])
        runs.restore_optimiser(names, optimiser, state)
        mixer.restore(dict(progress.mixer))
        say(progress.step, steps, f"goes on after step {progress.step}")

    spread = sharded.is_spread(model)
    wrapped = accelerator.prepare_model(Trained(model), device_placement=not spread, evaluation_mode=spread)
    optimiser = accelerator.prepare_optimizer(optimiser)
    accelerator.init_trackers("training")

    def save(scores: Mapping[str, float]) -> None:
        nonlocal progress
        progress = runs.Progress(step, mixer.state(), dict(scores), facts)
        weights = lora.merged(model)
        if accelerator.is_main_process:
            kept = {f"weight.{name}": weight.detach().cpu().contiguous() for name, weight in learning.items()}
            kept |= runs.optimiser_state(names, optimiser)
            runs.save(run, progress, of_weights(model, dict(weights), start, recipe.watch.save_dtype), kept)
        elif spread:
            for _ in weights:  # the first process has them of all
                pass
        accelerator.wait_for_everyone()

    step = progress.step
    scores = dict(progress.scores)
    with asked_to_stop() as stopped:
        while step < min(steps, steps if until is None else until):
            began = time.perf_counter()
            pairs = [sources[source].pair(row) for source, row in mixer.next()]
            for group in optimiser.param_groups:
                group["lr"] = rate_at(step, steps, how)
            # Chance of a step depends on nothing before it: a run that was interrupted draws the same.
            torch.manual_seed((how.seed * 1_000_003 + step) * 1_009 + accelerator.process_index)
            shown = one_step(accelerator, wrapped, model, collator, optimiser, pairs, how, step, memory)
            step += 1
            seen = dataclasses.replace(shown, step=step, seconds=time.perf_counter() - began)
            if accelerator.is_main_process and (step % recipe.watch.log == 0 or step == steps):
                log(run, seen, accelerator)
                say(step, steps, f"loss {seen.loss:.4f}, accuracy {seen.accuracy:.3f}, {seen.seconds:.2f} s a step")
            due = evaluate is not None and (
                step == steps or (recipe.watch.evaluate and step % recipe.watch.evaluate == 0)
            )
            if due and evaluate is not None:
                if accelerator.is_main_process or spread:  # a spread model runs in all processes or in none
                    scores[str(step)] = evaluate(model)
                if accelerator.is_main_process:
                    accelerator.log({"score": scores[str(step)]}, step=step)
                    say(step, steps, f"score {scores[str(step)]:.4f}")
                accelerator.wait_for_everyone()
            say(step, steps, "")
            halt = any_asked(accelerator, stopped)
            if halt or due or step % recipe.watch.save == 0 or step in (steps, until):
                save(scores)
            if halt and step < steps:
                accelerator.end_training()
                raise TrainError(f"stopped after step {step} of {steps} as asked; run it again and it goes on.")
    accelerator.end_training()
    return runs.named(run, runs.LAST) or run


def accelerator_of(how: Optimiser, **options: Any) -> Accelerator:
    """Who knows devices, processes and types.

    Args:
        how: its type is used.
        options: of `accelerate.Accelerator`.
    """
    AcceleratorState._reset_state()  # another run of this process may have had another type
    with sharded.unasked():
        return Accelerator(
            mixed_precision="bf16" if how.dtype == "bfloat16" else "no",
            # Processes may have different numbers of parts: nothing may be exchanged with each forward pass.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
            **options,
        )


def ready(recipe: Recipe, start: Checkpoint, accelerator: Accelerator) -> Virtue:
    """The model with its adapters on its device, spread over processes if there are several and that is asked for."""
    how = recipe.optimiser
    spread = sharded.asked() and accelerator.num_processes > 1
    device = torch.device("cpu") if spread else accelerator.device  # it may not fit in one piece
    model = build(start).place(device, torch.bfloat16 if how.dtype == "bfloat16" else torch.float32)
    torch.manual_seed(how.seed)
    lora.prepare(model, recipe.adapter, checkpointing=how.checkpointing)
    if spread:
        sharded.spread(model, accelerator.device, accelerator.num_processes)
    return model


def one_step(
    accelerator: Accelerator,
    wrapped: nn.Module,
    model: Virtue,
    collator: Collator,
    optimiser: Any,
    pairs: Sequence[Pair],
    how: Optimiser,
    step: int,
    memory: dict[Path, Seen] | None = None,
) -> Step:
    """Gradients of a whole batch, one update.

    Raises:
        TrainError: the loss or the gradient is not a number; no weight was changed.
    """
    layout = lay_out(pairs, accelerator.num_processes)
    parts, row = parts_of(layout.items[accelerator.process_index], collator, how.part, accelerator.device)
    for part in parts:
        part.seen = look(model, collator, part, memory)
    spread = sharded.is_spread(model)
    if spread:  # all must make as many passes; vectors beyond this process's rows are in no loss
        most = max(-(-count // how.part) for count in layout.counts)
        parts += [parts[0]] * (most - len(parts))
    hits = 0.0

    def loss(vectors: Tensor) -> Tensor:
        nonlocal hits
        every = gathered(accelerator, vectors[row.to(vectors.device)].float(), layout)
        queries, targets = (every[rows.to(every.device)] for rows in (layout.queries, layout.targets))
        gold = layout.gold.to(every.device)
        hits = accuracy(queries, targets, gold)
        # Every process has the whole loss and the gradient for its own vectors; a mean is then taken of what is a sum.
        return info_nce(queries, targets, gold, how.temperature)

    try:
        if how.cached or accelerator.num_processes > 1:
            value = grad_cache.backward(
                wrapped, parts, loss, lambda: accelerator.no_sync(wrapped), scale=accelerator.num_processes
            )
        else:
            value = grad_cache.plain(wrapped, parts, loss)
        if spread:
            sharded.average(accelerator, lora.trained(model).values())
        norm = float(accelerator.clip_grad_norm_(wrapped.parameters(), how.clip))
        if not torch.isfinite(torch.tensor(norm)):
            raise FloatingPointError(f"the gradient's norm is {norm}")
    except FloatingPointError as error:
        optimiser.zero_grad()
        places = ", ".join(pair.place for pair in pairs[:3])
        raise TrainError(
            f"step {step + 1}: {error}, in the batch of {len(pairs)} that begins with {places}; "
            f"the checkpoints before it are kept. A smaller rate or dtype float32 may help."
        ) from error
    optimiser.step()
    optimiser.zero_grad()
    return Step(step, float(value), hits, norm, optimiser.param_groups[0]["lr"], 0.0, sum(layout.counts))


@torch.no_grad()
def look(model: Virtue, collator: Collator, part: Part, memory: dict[Path, Seen] | None) -> list[Seen]:
    """What the frozen encoders make of a part's images, once for both passes."""
    known = {} if memory is None else memory
    if new := [image for image in part.images if image not in known]:
        known |= zip(new, model.look(collator.pictures(new).to(model.device, model.dtype)), strict=True)
    return [known[image] for image in part.images]


def gathered(accelerator: Accelerator, vectors: Tensor, layout: Layout) -> Tensor:
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


def rate_at(step: int, steps: int, how: Optimiser) -> float:
    """Learning rate of a step, from 0: up in a line for `warm_up` steps, then down in a line to 0 after the last."""
    if step < how.warm_up:
        return how.rate * (step + 1) / how.warm_up
    return how.rate * (steps - step) / max(1, steps - how.warm_up)


def mixer_of(recipe: Recipe, sources: Sequence[Source]) -> Mixer:
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


def passes(mixer: Mixer) -> int:
    """Batches of one pass over all rows."""
    twin = dataclasses.replace(mixer)
    count = 0
    while twin.next():
        count += 1
    return count


def facts_of(recipe: Recipe, start: Checkpoint, sources: Sequence[Source]) -> dict[str, Any]:
    """What a checkpoint says of its origin."""
    return {
        "recipe": recipe.table(),
        "model": {"name": start.config.name, "revision": start.revision},
        "data": {
            source.name: {"revision": source.revision, "rows": len(source), "rejected": dict(source.rejected)}
            for source in sources
        },
        "commit": commit(),
        "versions": versions(),
    }


def commit() -> str | None:
    """The commit of the code; None where it is not a clone."""
    head = Path(__file__).parents[2] / ".git"
    if not head.exists():
        return None
    from subprocess import DEVNULL, run

    asked = ["git", "-C", str(head.parent), "rev-parse", "HEAD"]
    return run(asked, stdout=-1, stderr=DEVNULL, text=True, check=False).stdout.strip() or None  # noqa: S603


def log(run: Path, seen: Step, accelerator: Accelerator) -> None:
    """Add a step to the log and the curves."""
    line = dataclasses.asdict(seen) | {"memory_mib": memory_mib(accelerator.device)}
    run.mkdir(parents=True, exist_ok=True)
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    accelerator.log({key: value for key, value in line.items() if key != "step"}, step=seen.step)


def memory_mib(device: torch.device) -> float:
    """Most memory so far: of the GPU, else of the process."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)


@contextmanager
def asked_to_stop() -> Iterator[list[int]]:
    """Collects signals to stop instead of obeying at once; the second one of a kind is obeyed."""
    asked: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, note)
    except ValueError:  # not the main thread: whoever runs it handles signals
        pass
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def any_asked(accelerator: Accelerator, stopped: Sequence[int]) -> bool:
    """Whether any process was asked to stop: all stop after the same step."""
    if accelerator.num_processes == 1:
        return bool(stopped)
    flag = torch.tensor([len(stopped)], device=accelerator.device)
    return bool(accelerator.gather(flag).sum() > 0)
