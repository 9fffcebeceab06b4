"""Every embedder on every task: each result is on disk before the next begins, and no vector is made twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.embedder import Embedder, prompts_of
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.lock import only_one
from mmeb_eval.run.rank import TieRule
from mmeb_eval.run.results import Result, write_result
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker, shown, this_worker
from scar.common.progress import Track, bar, silent
from scar.errors import EvalError

if TYPE_CHECKING:
    from mmeb_eval.regions.robustness import Disturbed

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
    probe: bool = False,
    seed: int = 0,
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
        probe: whether to ask each task again with disturbed prompts, at every level of `PROBES`.
        seed: of the disturbances.
        say: shows a line to the user.

    Returns:
        The results, those of a task before those of its probes; none in workers other than the first.

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
    work = json.dumps([names, tasks, batch_size, ties, probe, seed])
    with only_one(output, worker, work), shown(output / VECTORS, worker):
        tell = say if worker.rank == 0 else lambda _: None
        levels = _levels(chosen, seed, tell, bar if worker.rank == 0 else silent) if probe else {}
        results = []
        for embedder in embedders:
            cache = None
            if getattr(embedder, "stored", True):
                cache = VectorCache(output / VECTORS, embedder, refresh=refresh, writer=str(worker.rank))
            sharing = worker if cache else Worker()
            score = partial(evaluate, embedder, batch_size=batch_size, ties=ties, store=cache, worker=sharing)
            taken = _taken(embedder, levels, tell)
            own = []
            for files in chosen:
                for disturbed in (None, *taken.get(files.task.name, ())):
                    own.append(score(files, disturbed=disturbed, progress=worker.rank == 0))
                    if worker.rank == 0:
                        write_result(own[-1], output)
                if cache and worker.size == 1:
                    cache.tidy()
            if cache:
                tell(_reuse(embedder, cache, own))
            results += own
    return results if worker.rank == 0 else []


def _levels(
    chosen: Sequence[TaskFiles], seed: int, tell: Callable[[str], None], track: Track
) -> dict[str, list[Disturbed]]:
    """The disturbed prompts of each task; says what its rows cannot be asked."""
    from mmeb_eval.regions.robustness import PROBES, disturbed, targets

    levels: dict[str, list[Disturbed]] = {}
    for files in chosen:
        about = targets(files)
        own = levels[files.task.name] = []
        for probe in PROBES.values():
            found = list(disturbed(about, probe, seed, track))
            own += found
            for level in probe.levels:
                asked = next((each.prompts for each in found if each.level == level), (None,) * len(about))
                if out := asked.count(None):
                    where = f"{out:,} of {len(about):,} queries of {files.task.name}"
                    tell(f"{probe.title}, {level} ({probe.unit}): {where} have no such prompt and are left out.")
    return levels


def _taken(
    embedder: Embedder, levels: Mapping[str, Sequence[Disturbed]], tell: Callable[[str], None]
) -> dict[str, list[Disturbed]]:
    """Those of a kind that an embedder takes, or of a box, which it can be told in words; says what is not asked."""
    kinds = {"box", *prompts_of(embedder)}
    for kind in sorted({each.probe.kind for own in levels.values() for each in own} - kinds):
        tell(f"{embedder.name} takes no prompts of kind {kind}: these probes are not asked.")
    return {task: [each for each in own if each.probe.kind in kinds] for task, own in levels.items()}


def _reuse(embedder: Embedder, cache: VectorCache, results: Sequence[Result]) -> str:
    """How often vectors were used again."""
    asked = sum(result.counts["queries"] + result.counts["candidates"] for result in results)
    return (
        f"{embedder.name}: {asked:,} queries and candidates are {cache.asked:,} different items "
        f"({cache.asked / asked:.0%}); {cache.made:,} were embedded now."
    )
