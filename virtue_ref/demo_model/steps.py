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
        batch: number of examples in a step.
        rate: peak learning rate.
        decay: weight decay.
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
    """Train weights with AdamW; examples are drawn without replacement until too few are left for a batch.

    Args:
        weights: the weights to train.
        compute_loss: function from the indices of a batch's examples to the loss and a line that describes it.
        examples: number of examples.
        schedule: see `Schedule`.
        rng: draws the examples.
        report: shows progress.
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
    """Learning rate of a step, counted from 0: linear warm-up over `WARM_UP_STEPS`, linear decay to 0."""
    return peak * min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - step / steps)
