"""Late interaction beside the bare matrix product: 1,000 queries, 1,000 documents, 128 vectors of 128 numbers each.

Usage: python benchmarks/maxsim_speed.py [--items 1000] [--turns 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from mmeb_eval.multi_vectors import MultiVectors
from mmeb_eval.run.maxsim import BLOCK_ROWS, compute_maxsim


def measure(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    count, length, width = options.items, 128, 128
    rows = np.random.default_rng(0).standard_normal((2 * count * length, width)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = MultiVectors(rows.astype(np.float16), np.arange(2 * count + 1) * length)
    queries, documents = rows[: count * length], rows[count * length :]

    def multiply() -> None:
        for first in range(0, len(queries), BLOCK_ROWS):
            for other in range(0, len(documents), BLOCK_ROWS):
                queries[first : first + BLOCK_ROWS] @ documents[other : other + BLOCK_ROWS].T

    print(f"{count:,} x {count:,} items of {length} vectors of {width} numbers")
    ratios = []
    for _ in range(options.turns):
        bare = measure(multiply)
        whole = measure(lambda: compute_maxsim(vectors, range(count), range(count, 2 * count)))
        ratios.append(whole / bare)
        print(f"bare product {bare:.1f} s, late interaction {whole:.1f} s: {whole / bare:.2f} times", flush=True)
    print(f"median {sorted(ratios)[len(ratios) // 2]:.2f} times the bare product")


if __name__ == "__main__":
    main()
