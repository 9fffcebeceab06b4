"""Stop a run between two steps: signals are collected, and all processes stop after the same step."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import torch
from accelerate import Accelerator


@contextmanager
def catch_stop_signals() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM in a list instead of stopping at once; a second one raises KeyboardInterrupt.

    Outside the main thread, which alone may handle signals, nothing is collected.

    Yields:
        The list of signal numbers, empty at first.
    """
    signals: list[int] = []

    def note_signal(number: int, _: FrameType | None) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, note_signal)
    except ValueError:  # not the main thread, which alone may handle signals
        pass
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_stop_requested(accelerator: Accelerator, signals: Sequence[int]) -> bool:
    """Whether any process got a signal to stop. All processes must call this together, and get the same answer."""
    if accelerator.num_processes == 1:
        return bool(signals)
    flag = torch.tensor([len(signals)], device=accelerator.device)
    return bool(accelerator.gather(flag).sum() > 0)
