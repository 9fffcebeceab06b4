"""Every embedder on every task: each result is on disk before the next begins, and no vector is made twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mmeb_eval.cache import VectorCache
from mmeb_eval.data import TaskFiles
from mmeb_eval.embedder import Embedder
from mmeb_eval.errors import EvalError
from mmeb_eval.evaluate import evaluate
from mmeb_eval.lock import only_one
from mmeb_eval.rank import TieRule
from mmeb_eval.results import Result, write_result
from mmeb_eval.workers import Worker, shown, this_worker

VECTORS = ".vectors"
"""Folder of stored vectors below the output folder."""


def run(
    embedders: Sequence[Embedder],
    chosen: Sequence[TaskFiles],
    output: Path,
    *,
    batch_size: int = 32,
    refresh: bool = False,
    ties: TieRule = "against",
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Score embedders on tasks; a run that was killed goes on where it was and writes the same files.

    Args:
        embedders: of different names.
        chosen: tasks of different names, with their data.
        output: where results and vectors go; one process at a time has it.
        batch_size: most items given to `Embedder.embed` at once.
        refresh: throw away the embedders' stored vectors first.
        ties: the rule for equal scores.
        say: shows a line to the user.

    Returns:
        The results; none in workers other than the first.

    Raises:
        EvalError: two of one name, an output folder that is taken or cannot be written, or what `evaluate` raises.
    """
    names = [embedder.name for embedder in embedders]
    tasks = [files.task.name for files in chosen]
    for kind, called in (("models", names), ("tasks", tasks)):
        if twice := {name for name in called if called.count(name) > 1}:
            raise EvalError(f"two {kind} are called {min(twice)!r}; their results would lie in one file.")
    worker = this_worker()
    if refresh and worker.size > 1:
        raise EvalError(f"--refresh with {worker.size} processes: one would throw away what another makes; use one.")
    with only_one(output, worker.rank), shown(output / VECTORS, worker):
        results = [
            result
            for embedder in embedders
            for result in _on_tasks(embedder, chosen, output, batch_size, worker, refresh, ties, say)
        ]
    return results if worker.rank == 0 else []


def _on_tasks(
    embedder: Embedder,
    chosen: Sequence[TaskFiles],
    output: Path,
    batch_size: int,
    worker: Worker,
    refresh: bool,
    ties: TieRule,
    say: Callable[[str], None],
) -> list[Result]:
    """One embedder's results."""
    stored = getattr(embedder, "stored", True)
    cache = VectorCache(output / VECTORS, embedder, refresh=refresh, writer=str(worker.rank)) if stored else None
    results = []
    for files in chosen:
        first = worker.rank == 0
        sharing = worker if cache else Worker()
        result = evaluate(
            embedder, files, batch_size=batch_size, progress=first, ties=ties, store=cache, worker=sharing
        )
        if first:
            write_result(result, output)
        if cache and worker.size == 1:
            cache.tidy()
        results.append(result)
    if cache and worker.rank == 0:
        asked = sum(result.counts["queries"] + result.counts["candidates"] for result in results)
        say(
            f"{embedder.name}: {asked:,} queries and candidates are {cache.asked:,} different items "
            f"({cache.asked / asked:.0%}); {cache.made:,} were embedded now."
        )
    return results
