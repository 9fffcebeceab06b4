"""A model spread over processes (FSDP), for one that does not fit into each of them.

The blocks of the language model are most of a VIRTUE, and frozen. Each process keeps a share of every frozen weight in
them; the shares of a block meet while it runs. What learns is small and stays whole in every process, so gradients, the
optimiser's moments and checkpoints are those of one process. The encoders stay whole too: how often they look differs
between processes, while each run of a spread block is an exchange in which all must take part.
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
"""What ``accelerate launch --use_fsdp`` sets."""


def is_requested() -> bool:
    """Whether the launcher asked for it."""
    return os.environ.get(FSDP_SWITCH, "false").lower() == "true"


@contextmanager
def hide_request() -> Iterator[None]:
    """Keeps the switch from accelerate, whose own FSDP spreads all weights and takes no CPU."""
    value = os.environ.pop(FSDP_SWITCH, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[FSDP_SWITCH] = value


def shard_model(model: Virtue, device: torch.device, processes: int) -> None:
    """Leave this process its share of the language model's blocks; they go to the device one after the other.

    Args:
        model: on the CPU, the same in all processes, its frozen weights of one type.
        device: of this process.
        processes: how many there are.
    """
    mesh = init_device_mesh(device.type, (processes,))
    for block in model.backbone.language_model.layers:
        learning = {weight for weight in block.parameters() if weight.requires_grad}
        fully_shard(block, mesh=mesh, reshard_after_forward=True, ignored_params=learning)
    rest = {weight for weight in model.parameters() if not isinstance(weight, DTensor)}
    for weight in rest:
        weight.data = weight.data.to(device)
    fully_shard(model, mesh=mesh, ignored_params=rest)  # has no share itself; it lets the blocks take turns


def is_sharded(model: nn.Module) -> bool:
    """Whether a model went through `spread`."""
    return isinstance(model, FSDPModule)


def gather_weight(weight: Tensor) -> Tensor:
    """All of a weight; where it is spread, every process must ask."""
    # Of shares that differ in size it is a piece of something longer, which safetensors does not write: hence the copy.
    return weight.full_tensor().clone() if isinstance(weight, DTensor) else weight


def average_gradients(accelerator: Accelerator, weights: Iterable[nn.Parameter]) -> None:
    """Give every process the mean of all processes' gradients, as DDP does by itself."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    mean = accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="mean")
    for gradient, part in zip(gradients, mean.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
