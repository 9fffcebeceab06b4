"""What the vectors of a result cost: seconds, items and memory; measured where they are made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmeb_eval.item import Item


@dataclass(frozen=True, slots=True)
class Cost:
    """What the vectors of one model on one task cost, in the run that made them; other runs read them from the store.

    Attributes:
        items: number of items that were embedded; less than the task has if others were stored already.
        seconds: seconds in the embedder, waits for images and servers included.
        items_per_second: the quotient of both.
        batch_size: largest number of items in one call; less than asked for if memory ran out.
        vector_width: number of components of a vector.
        peak_memory: largest resident size of the process until then, in bytes; None where the system does not tell.
        peak_device_memory: likewise, allocated by PyTorch on the busiest CUDA device; None without one.
    """

    items: int
    seconds: float
    items_per_second: float
    batch_size: int
    vector_width: int
    peak_memory: int | None
    peak_device_memory: int | None


@dataclass(slots=True)
class EmbedClock:
    """Counts items and seconds while an embedder works: of texts and of items with an image, which take longer.

    Attributes:
        items: number of [texts, items with an image] that were embedded.
        seconds: seconds that each of the two took.
        batch_size: largest number of items in one call.
    """

    items: list[int] = field(default_factory=lambda: [0, 0])
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])
    batch_size: int = 0

    def add_call(self, batch: Sequence[Item], seconds: float) -> None:
        """Count a call. The seconds of a mixed batch are shared by the number of items."""
        with_image = sum(item.image is not None for item in batch)
        for kind, count in enumerate((len(batch) - with_image, with_image)):
            self.items[kind] += count
            self.seconds[kind] += seconds * count / len(batch)
        self.batch_size = max(self.batch_size, len(batch))

    def add_clock(self, other: EmbedClock) -> None:
        """Add the counts of another clock."""
        self.items = [a + b for a, b in zip(self.items, other.items, strict=True)]
        self.seconds = [a + b for a, b in zip(self.seconds, other.seconds, strict=True)]
        self.batch_size = max(self.batch_size, other.batch_size)

    def estimate_seconds(self, texts: float, images: float) -> float | None:
        """Seconds that so many texts and items with an image will take; None while a needed rate is unknown."""
        total = 0.0
        for kind, count in enumerate((texts, images)):
            if count > 0:
                if not self.items[kind]:
                    return None
                total += count * self.seconds[kind] / self.items[kind]
        return total

    def make_cost(self, vector_width: int) -> Cost | None:
        """The cost so far of vectors with that many components; None if nothing was embedded."""
        items, seconds = sum(self.items), sum(self.seconds)
        if not items:
            return None
        rate = round(items / max(seconds, 1e-9), 3)
        memory = find_peak_memory(), find_peak_device_memory()
        return Cost(items, round(seconds, 3), rate, self.batch_size, vector_width, *memory)


def find_peak_memory() -> int | None:
    """Largest resident size of this process so far, in bytes; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, others kilobytes


def find_peak_device_memory() -> int | None:
    """Largest number of bytes that PyTorch allocated on a CUDA device so far; None if it uses none."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_available() or not cuda.is_initialized():
        return None
    return max(int(cuda.max_memory_allocated(device)) for device in range(cuda.device_count()))
