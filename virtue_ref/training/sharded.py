"""Shard a model over processes (FSDP), if it does not fit into one of them.

The blocks of the language model hold most weights of a VIRTUE, and these are frozen. Each process keeps a shard of
every frozen weight of the blocks; the shards of a block are gathered while it runs. Trained weights are small and stay
whole in every process, so gradients, the optimiser's moments and checkpoints are the same as with one process. The
encoders stay whole too: processes run them a different number of times, but all processes must take part in each run of
a sharded block.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from virtue_ref.model.virtue import Virtue

FSDP_SWITCH = "ACCELERATE_USE_FSDP"
"""Environment variable that ``accelerate launch --use_fsdp`` sets."""


def is_requested() -> bool:
    """Whether the program was launched with ``--use_fsdp``, see `FSDP_SWITCH`."""
    return os.environ.get(FSDP_SWITCH, "false").lower() == "true"


@contextmanager
def hide_request() -> Iterator[None]:
    """Hide `FSDP_SWITCH` from accelerate, whose own FSDP shards all weights and does not run on a CPU."""
    value = os.environ.pop(FSDP_SWITCH, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[FSDP_SWITCH] = value


def shard_model(model: Virtue, device: torch.device, processes: int) -> None:
    """Keep this process's share of each frozen weight of the language model's blocks, and move all to its device.

    Args:
        model: the model with adapters, on the CPU, the same in all processes; its frozen weights have one number
            format.
        device: device of this process.
        processes: number of processes.
    """
    mesh = init_device_mesh(device.type, (processes,))
    for block in model.backbone.language_model.layers:
        trained = {weight for weight in block.parameters() if weight.requires_grad}
        fully_shard(block, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    rest = {weight for weight in model.parameters() if not isinstance(weight, DTensor)}
    for weight in rest:
        weight.data = weight.data.to(device)
    fully_shard(model, mesh=mesh, ignored_params=rest)  # shards nothing itself, but coordinates the blocks


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard_model` was called for a model."""
    return isinstance(model, FSDPModule)


def gather_weight(weight: Tensor) -> Tensor:
    """Return a whole weight. If it is sharded, all processes must call this together."""
    # With shards of different sizes the result is a view of a longer tensor, which safetensors refuses: hence the copy.
    return weight.full_tensor().clone() if isinstance(weight, DTensor) else weight


def average_gradients(accelerator: Accelerator, weights: Iterable[nn.Parameter]) -> None:
    """Replace the ``.grad`` of each weight by its mean over all processes.

    DDP does so by itself, a sharded model does not. Weights without a gradient are passed over. All processes must call
    this together.
    """
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    mean = accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="mean")
    for gradient, part in zip(gradients, mean.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
