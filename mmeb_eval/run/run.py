"""Every embedder on every task: each result is on disk before the next begins, and no vector is made twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.embedder import Embedder, get_prompt_kinds
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.lock import lock_folder
from mmeb_eval.run.rank import TieRule
from mmeb_eval.run.results import Result, write_result
from mmeb_eval.run.vector_cache import VectorCache
from mmeb_eval.run.workers import Worker, heartbeat, read_worker
from scar.common.progress import Track, show_progress, track_silently
from scar.errors import EvalError

if TYPE_CHECKING:
    from mmeb_eval.regions.robustness import PerturbedPrompts

VECTOR_FOLDER = ".vectors"
"""Folder of stored vectors below the output folder."""


def run_evaluations(
    embedders: Sequence[Embedder],
    task_files: Sequence[TaskFiles],
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
        task_files: tasks of different names, with their data.
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
    tasks = [files.task.name for files in task_files]
    for kind, called in (("models", names), ("tasks", tasks)):
        if twice := {name for name in called if called.count(name) > 1}:
            raise EvalError(f"two {kind} are called {min(twice)!r}; their results would lie in one file.")
    worker = read_worker()
    if refresh and worker.size > 1:
        raise EvalError(f"--refresh with {worker.size} processes: one would throw away what another makes; use one.")
    work = json.dumps([names, tasks, batch_size, ties, probe, seed])
    with lock_folder(output, worker, work), heartbeat(output / VECTOR_FOLDER, worker):
        tell = say if worker.rank == 0 else lambda _: None
        levels = (
            _perturb_tasks(task_files, seed, tell, show_progress if worker.rank == 0 else track_silently)
            if probe
            else {}
        )
        results = []
        for embedder in embedders:
            cache = None
            if getattr(embedder, "stored", True):
                cache = VectorCache(output / VECTOR_FOLDER, embedder, refresh=refresh, writer=str(worker.rank))
            sharing = worker if cache else Worker()
            score = partial(evaluate, embedder, batch_size=batch_size, ties=ties, store=cache, worker=sharing)
            taken = _select_accepted(embedder, levels, tell)
            own = []
            for files in task_files:
                for disturbed in (None, *taken.get(files.task.name, ())):
                    own.append(score(files, disturbed=disturbed, progress=worker.rank == 0))
                    if worker.rank == 0:
                        write_result(own[-1], output)
                if cache and worker.size == 1:
                    cache.compact_shards()
            if cache:
                tell(_describe_reuse(embedder, cache, own))
            results += own
    return results if worker.rank == 0 else []


def _perturb_tasks(
    task_files: Sequence[TaskFiles], seed: int, say: Callable[[str], None], track: Track
) -> dict[str, list[PerturbedPrompts]]:
    """The disturbed prompts of each task; says what its rows cannot be asked."""
    from mmeb_eval.regions.robustness import PROBES, iter_perturbed_prompts, read_targets

    levels: dict[str, list[PerturbedPrompts]] = {}
    for files in task_files:
        about = read_targets(files)
        own = levels[files.task.name] = []
        for probe in PROBES.values():
            found = list(iter_perturbed_prompts(about, probe, seed, track))
            own += found
            for level in probe.levels:
                asked = next((each.prompts for each in found if each.level == level), (None,) * len(about))
                if out := asked.count(None):
                    where = f"{out:,} of {len(about):,} queries of {files.task.name}"
                    say(f"{probe.title}, {level} ({probe.unit}): {where} have no such prompt and are left out.")
    return levels


def _select_accepted(
    embedder: Embedder, levels: Mapping[str, Sequence[PerturbedPrompts]], say: Callable[[str], None]
) -> dict[str, list[PerturbedPrompts]]:
    """Those of a kind that an embedder takes, or of a box, which it can be told in words; says what is not asked."""
    kinds = {"box", *get_prompt_kinds(embedder)}
    for kind in sorted({each.probe.kind for own in levels.values() for each in own} - kinds):
        say(f"{embedder.name} takes no prompts of kind {kind}: these probes are not asked.")
    return {task: [each for each in own if each.probe.kind in kinds] for task, own in levels.items()}


def _describe_reuse(embedder: Embedder, cache: VectorCache, results: Sequence[Result]) -> str:
    """How often vectors were used again."""
    asked = sum(result.counts["queries"] + result.counts["candidates"] for result in results)
    return (
        f"{embedder.name}: {asked:,} queries and candidates are {cache.requested_count:,} different items "
        f"({cache.requested_count / asked:.0%}); {cache.added_count:,} were embedded now."
    )
