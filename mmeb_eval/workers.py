"""The place of this process among those that ``torchrun`` or ``accelerate launch`` started together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from mmeb_eval.errors import EvalError


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that share the work through a folder that all of them see.

    Attributes:
        rank: its number; 0 alone writes results.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1


def this_worker(environment: Mapping[str, str] = os.environ) -> Worker:
    """What the launcher said in ``RANK`` and ``WORLD_SIZE``; without a launcher the only one.

    Raises:
        EvalError: values that make no sense.

    >>> this_worker({"RANK": "1", "WORLD_SIZE": "3"})
    Worker(rank=1, size=3)
    """
    rank, size = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise EvalError(f"RANK={rank} WORLD_SIZE={size}: expected a rank below the size; unset both to run alone.")
    return Worker(int(rank), int(size))
