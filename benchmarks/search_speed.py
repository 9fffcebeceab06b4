"""Exact search of a million vectors against the bare product of torch over the same file, by turns.

`python benchmarks/search_speed.py --folder FOLDER` writes (N, D) float16 random unit rows into a folder, 3 GB by
default. The bare product reads the same file in the same blocks of float32, multiplies, and keeps
the largest ten of each block.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from virtue_ref.search.files import About, create_vectors, iter_blocks, open_vectors
from virtue_ref.search.nearest import BLOCK_BYTES, find_nearest


def write_rows(file: Path, count: int, dim: int) -> About:
    """Write random unit rows."""
    rows = create_vectors(file, count, dim, "float16")
    random = np.random.default_rng(0)
    for block in iter_blocks(count, 16_384):
        some = random.standard_normal((block.stop - block.start, dim), np.float32)
        rows[block] = some / np.linalg.norm(some, axis=1, keepdims=True)
    rows.flush()
    return About(1, "random", "", "", count, dim, "float16")


def run_bare_product(vectors: NDArray[Any], query: NDArray[np.float32]) -> list[tuple[int, float]]:
    """What any exact search has to do."""
    wanted, best = torch.from_numpy(query), []
    for block in iter_blocks(len(vectors), BLOCK_BYTES // (4 * vectors.shape[1])):
        top = (torch.from_numpy(vectors[block]).float() @ wanted).topk(10)
        best += [(block.start + row, score) for score, row in zip(top[0].tolist(), top[1].tolist(), strict=True)]
    return sorted(best, key=lambda pair: -pair[1])[:10]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1536)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = Path(folder) / "vectors.safetensors"
        about = write_rows(file, options.count, options.dim)
        vectors = open_vectors(file, about)
        query = np.asarray(vectors[options.count // 2], np.float32)
        times: dict[str, list[float]] = {"bare": [], "ours": []}
        for turn in range(options.turns + 1):
            for name, search in (("bare", run_bare_product), ("ours", lambda v, q: find_nearest(v, q, 10))):
                start = time.perf_counter()
                found = search(vectors, query)
                if turn:  # the first fills the page cache
                    times[name].append(time.perf_counter() - start)
                if found[0][0] != options.count // 2:
                    raise SystemExit(f"{name} found {found[0]}, not the row that was asked for")
        for name, seconds in times.items():
            print(f"{name}: median {median(seconds):.3f} s of {[round(one, 3) for one in seconds]}")
        print(f"ratio {median(times['ours']) / median(times['bare']):.2f}")
        status = Path("/proc/self/status").read_text().splitlines()
        print(*(line for line in status if line.startswith(("RssAnon", "VmHWM"))), sep="\n")
        print(f"peak resident {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, page cache included")


if __name__ == "__main__":
    main()
