"""Time to rank 1,000 candidates for each of 1,000 queries and compute all metrics, compared with a loop over queries.

The vectors have 1,536 numbers. OMP_NUM_THREADS sets the number of threads:

    OMP_NUM_THREADS=1 python benchmarks/rank_speed.py
"""

from __future__ import annotations

import math
import os
import tracemalloc
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from timing import best

from mmeb_eval.run.metrics import CUTOFFS
from mmeb_eval.run.rank import rank_candidates

QUERIES, CANDIDATES, WIDTH = 1000, 1000, 1536
ROUNDS = 20
LOOP_ROUNDS = 3


def rank_in_loop(
    queries: NDArray[np.float32], vectors: Mapping[str, NDArray[np.float32]], names: Sequence[Sequence[str]]
) -> None:
    """Rank as the official evaluator does: for each query, look up vectors by name, sort, look up names, use sets."""
    per_query = []
    for query, own in zip(queries, names, strict=True):
        order = np.argsort(-(np.stack([vectors[name] for name in own]) @ query))
        per_query.append(score_query([own[column] for column in order], [own[0]]))
    for key in per_query[0]:
        np.mean([found[key] for found in per_query])


def score_query(ranked: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Compute all metrics of one query with Python's sets and sums."""
    right = set(labels)
    found: dict[str, float] = {}
    for k in CUTOFFS:
        top = ranked[:k]
        hits = [name in right for name in top]
        precision = len(set(top) & right) / k
        recall = len(set(top) & right) / len(right)
        ideal = sum(1 / math.log2(position + 2) for position in range(min(k, len(right))))
        gained = sum(hit / math.log2(position + 2) for position, hit in enumerate(hits))
        found |= {
            f"hit@{k}": float(any(hits)),
            f"precision@{k}": precision,
            f"recall@{k}": recall,
            f"f1@{k}": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
            f"map@{k}": sum(sum(hits[: position + 1]) / (position + 1) for position, hit in enumerate(hits) if hit)
            / min(k, len(right)),
            f"mrr@{k}": next((1 / (position + 1) for position, hit in enumerate(hits) if hit), 0.0),
            f"ndcg_linear@{k}": gained / ideal,
            f"ndcg_exponential@{k}": gained / ideal,
        }
    return found


def main() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2 * QUERIES + CANDIDATES, WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pool = vectors[2 * QUERIES :]
    candidates = [2 * QUERIES + rng.permutation(CANDIDATES) for _ in range(2 * QUERIES)]
    by_name = {f"candidate {row}": vector for row, vector in enumerate(pool)}
    names = [[f"candidate {row - 2 * QUERIES}" for row in own] for own in candidates[:QUERIES]]

    def make_ranking(queries: int) -> Callable[[], object]:
        return lambda: rank_candidates(vectors, np.arange(queries), candidates[:queries])

    product, half, whole, double = best(
        ROUNDS,
        lambda: vectors[:QUERIES] @ pool.T,
        make_ranking(QUERIES // 2),
        make_ranking(QUERIES),
        make_ranking(2 * QUERIES),
    )
    (looped,) = best(LOOP_ROUNDS, lambda: rank_in_loop(vectors[:QUERIES], by_name, names))
    tracemalloc.start()
    make_ranking(QUERIES)()
    peak = tracemalloc.get_traced_memory()[1]

    threads = os.environ.get("OMP_NUM_THREADS", "all")
    table = Table(
        title=f"{QUERIES} queries x {CANDIDATES} candidates x {WIDTH}, threads: {threads}", title_justify="left"
    )
    for column in ("what", "ms", "ratio"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("loop over queries", f"{looped * 1e3:.0f}", f"{looped / whole:.1f} x rank")
    table.add_row("rank", f"{whole * 1e3:.0f}", "1")
    table.add_row("matrix product alone", f"{product * 1e3:.0f}", f"rank = {whole / product:.2f} x product")
    table.add_row("rank, half the queries", f"{half * 1e3:.0f}", f"{half / whole:.2f} x rank")
    table.add_row("rank, twice the queries", f"{double * 1e3:.0f}", f"{double / whole:.2f} x rank")
    console = Console()
    console.print(table)
    console.print(f"peak memory above the vectors: {peak / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
