"""Measure latency and peak memory for text, image, image with a prompt, and a new prompt on a known image."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from mmeb_eval.item import Item, Points
from scar.sample import Box, Mask
from virtue_ref.embedder import VirtueEmbedder

SIZE = (640, 480)
BOX = Box(160, 120, 400, 330)
TEXT = "Find the caption that best describes the segmented object, considering local details and global context."
PEAK_RESET_FILE = Path("/proc/self/clear_refs")
"""Writing 5 into this file resets the peak of a process's memory on Linux."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Latency and memory of one kind of item. A run embeds one item.

    Attributes:
        mode: name of the kind of item, such as "image + box".
        latency_ms: median time of a run in milliseconds, reading and encoding the image included. For "new box on a
            known image", the image is encoded already.
        slowest_ms: longest time of a run in milliseconds.
        peak_mib: peak memory in MiB, weights included: the GPU's if the model is on one, else the process's.
    """

    mode: str
    latency_ms: float
    slowest_ms: float
    peak_mib: float


def measure_modes(embedder: VirtueEmbedder, repeat: int = 5) -> Iterator[Timing]:
    """Yield the `Timing` of each of eight kinds of item, measured on an image of 640 x 480 random pixels.

    Args:
        embedder: the embedder to measure. Its image cache is emptied before each run, except for "new box on a known
            image".
        repeat: number of runs for each kind of item, at least 1, after one more that is not measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        image, crop = Path(folder) / "image.png", Path(folder) / "crop.png"
        pixels = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(image)
        Image.fromarray(pixels).crop((160, 120, 400, 330)).save(crop)
        inside = np.zeros((SIZE[1], SIZE[0]), bool)
        inside[120:330, 160:400] = True
        words = f"{TEXT} The object is in the box from (160, 120) to (400, 330)."
        modes: dict[str, tuple[Item, bool]] = {
            "text": (Item(TEXT), True),
            "image": (Item(TEXT, image), True),
            "image + point": (Item(TEXT, image, Points((BOX.center,), (1,))), True),
            "image + box": (Item(TEXT, image, BOX), True),
            "image + mask": (Item(TEXT, image, Mask.from_array(inside)), True),
            "new box on a known image": (Item(TEXT, image, BOX), False),
            "baseline: crop": (Item(TEXT, crop), True),
            "baseline: box in words, no image": (Item(words), True),
        }
        for mode, (item, is_cold) in modes.items():
            if not is_cold:
                embedder.embed([Item(TEXT, image)])
            yield _measure_mode(embedder, mode, item, is_cold, repeat)


def _measure_mode(embedder: VirtueEmbedder, mode: str, item: Item, is_cold: bool, repeat: int) -> Timing:
    read_peak = _watch_peak(embedder.model.device)
    times_ms = []
    for _ in range(repeat + 1):
        if is_cold:
            embedder.image_cache.clear()
        start = time.perf_counter()
        embedder.embed([item])  # returns numpy, so the GPU has finished
        times_ms.append(1000 * (time.perf_counter() - start))
    return Timing(mode, round(median(times_ms[1:]), 3), round(max(times_ms[1:]), 3), round(read_peak(), 1))


def _watch_peak(device: torch.device) -> Callable[[], float]:
    """Reset the memory peak, and return a function that reads the peak since then in MiB."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return lambda: torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "linux":
        PEAK_RESET_FILE.write_text("5")
    return _read_process_peak


def _read_process_peak() -> float:
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS, of the whole process
