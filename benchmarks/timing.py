"""Time several functions by turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


def best(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Call each of ``works`` once a round; returns the least seconds of each."""
    least = [math.inf] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            least[place] = min(least[place], time.perf_counter() - start)
    return least
