"""The pretraining loop that encoders and language model share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor, nn

WARM_UP_STEPS = 50
"""Number of steps over which the learning rate rises."""

REPORT_EVERY = 50
"""Number of steps between two progress reports."""

Progress = Callable[[int, int, str], None]
"""Function that gets the number of steps done, the number of all steps, and a line to show; "" shows no line."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How vision encoder, segmenter or language model of the demo model is pretrained.

    Attributes:
        steps: number of optimiser steps.
        batch: number of examples in a step: pictures for encoders, questions for the language model.
        rate: peak learning rate.
        decay: weight decay of AdamW.
    """

    steps: int
    batch: int
    rate: float
    decay: float


def train_steps(
    weights: Sequence[nn.Parameter],
    compute_loss: Callable[[list[int]], tuple[Tensor, str]],
    examples: int,
    schedule: Schedule,
    rng: Random,
    report: Progress,
) -> None:
    """Train weights with AdamW.

    All examples are shuffled; each step takes the next `schedule.batch` of them. When fewer are left, they are dropped
    and all are shuffled again.

    Args:
        weights: the weights to train, in place.
        compute_loss: function from the indices of a step's examples to the loss and a line that describes it.
        examples: number of examples, at least `schedule.batch`.
        schedule: see `Schedule`.
        rng: shuffles the examples.
        report: is called every `REPORT_EVERY` steps and after the last.
    """
    optimiser = torch.optim.AdamW(weights, lr=schedule.rate, weight_decay=schedule.decay, betas=(0.9, 0.98))
    order: list[int] = []
    for step in range(schedule.steps):
        if len(order) < schedule.batch:
            order = rng.sample(range(examples), examples)
        chosen, order = order[: schedule.batch], order[schedule.batch :]
        for group in optimiser.param_groups:
            group["lr"] = find_learning_rate(step, schedule.steps, schedule.rate)
        loss, line = compute_loss(chosen)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == schedule.steps:
            report(step + 1, schedule.steps, line)


def find_learning_rate(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of a step, counted from 0.

    It falls linearly from `peak` at step 0 to 0 at step `steps`. In the first `WARM_UP_STEPS` steps it is also
    multiplied by a factor that rises linearly to 1.
    """
    return peak * min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - step / steps)
