"""Scores every embedder on every task: each result is written before the next task begins; no vector is made twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mmeb_eval.data.files import TaskFiles
from mmeb_eval.embedder import Embedder, get_prompt_kinds
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.lock import lock_folder
from mmeb_eval.run.memory import BatchCaller
from mmeb_eval.run.plan import count_requests, describe_plan
from mmeb_eval.run.progress import RunProgress, Workload
from mmeb_eval.run.rank import TieRule
from mmeb_eval.run.results import Result, read_cost, refuse_replacing_longer, write_result
from mmeb_eval.run.stored_folders import VECTOR_FOLDER, describe_old_folders, list_stored_folders
from mmeb_eval.run.vector_cache import MAX_NAMES, VectorCache
from mmeb_eval.run.workers import (
    OtherWorkerFailed,
    Worker,
    announce_failure,
    announce_model,
    heartbeat,
    leave_together,
    read_worker,
    refuse_failed_task,
)
from scar.common.progress import Track, show_progress, track_silently
from scar.errors import EvalError, UnsuitedTask, WriteError

if TYPE_CHECKING:
    from mmeb_eval.regions.robustness import PerturbedPrompts


def run_evaluations(
    embedders: Sequence[Embedder],
    task_files: Sequence[TaskFiles],
    output: Path,
    *,
    batch_size: int = 32,
    refresh: bool = False,
    trust_stored: bool = False,
    ties: TieRule = "against",
    probe: bool = False,
    seed: int = 0,
    on_failure: Callable[[str, str, Exception], None] | None = None,
    on_unsuited: Callable[[str, str, Exception], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
    workloads: Mapping[str, Workload] = MappingProxyType({}),
    plan_only: bool = False,
) -> list[Result]:
    """Score embedders on tasks; a run that was killed resumes and writes the same files.

    Args:
        embedders: embedders with different names.
        task_files: tasks with different names, and their data.
        output: results folder; it also gets the vectors, in `VECTOR_FOLDER`. One run at a time may use it.
        batch_size: largest number of items in one call of `Embedder.embed`.
        refresh: whether to delete the embedders' stored vectors first.
        trust_stored: whether to use stored vectors without embedding a few of their items again.
        ties: the rule for equal scores, see `mmeb_eval.run.rank.rank_labels`.
        probe: whether to run each task again with perturbed prompts, at every level of each of the
            `mmeb_eval.regions.robustness.PROBES` whose prompts the embedder takes; boxes can also go into the text.
        seed: seed of the perturbations.
        on_failure: called with the model's name, the task's name and the error when a task fails; the run goes on with
            the next task. None lets the error end the run. A `WriteError` ends it in any case.
        on_unsuited: likewise, for an `UnsuitedTask`; None means ``on_failure``.
        say: called with a line of text for the user.
        workloads: name of a task -> its items, for the plan and the time that is left; without them, that of the
            current task is told alone.
        plan_only: whether to say the plan and embed nothing.

    Returns:
        The results of each embedder in turn, on each task in turn, those of a task before those of its probes; empty in
        workers other than the first.

    Raises:
        EvalError: two embedders or tasks have one name, the output folder is in use or cannot be written, several
            processes run with ``refresh``, stored vectors are damaged, or `evaluate` raised the error.
    """
    embedder_names = [embedder.name for embedder in embedders]
    task_names = [files.task.name for files in task_files]
    for kind, names in (("models", embedder_names), ("tasks", task_names)):
        if twice := {name for name in names if names.count(name) > 1}:
            raise EvalError(f"two {kind} are called {min(twice)!r}; their results would lie in one file.")
    for embedder in embedders:
        if batch_size > (most := getattr(embedder, "max_batch_size", None) or batch_size):
            raise EvalError(f"--batch-size {batch_size}: {embedder.name} takes at most {most} items at the same time.")
    for embedder in embedders:
        planned = [workloads[name] for name in task_names if name in workloads]
        if planned and (plan_only or count_requests(embedder, planned, batch_size) is not None):
            say(describe_plan(embedder, planned, batch_size))
    if plan_only:
        return []
    refuse_replacing_longer(output, embedder_names, {files.task.name: files.limit for files in task_files})
    worker = read_worker()
    is_first = worker.rank == 0
    if refresh and worker.size > 1:
        raise EvalError(f"--refresh with {worker.size} processes: one would throw away what another makes; use one.")
    work = json.dumps([embedder_names, task_names, batch_size, ties, probe, seed])
    with lock_folder(output, worker, work), heartbeat(output / VECTOR_FOLDER, worker):
        say_once = say if is_first else lambda _: None
        track = show_progress if is_first else track_silently
        perturbed = _perturb_tasks(task_files, seed, say_once, track) if probe else {}
        results = []
        for embedder in embedders:
            cache = None
            if getattr(embedder, "stored", True):
                cache = VectorCache(
                    output / VECTOR_FOLDER, embedder, refresh=refresh, trust=trust_stored, writer=str(worker.rank)
                )
                if worker.size > 1:
                    announce_model(output / VECTOR_FOLDER, worker.rank, cache.folder.name)
                    cache.refuse_other_models(worker.size)  # at once: a worker that stops is not seen later
                if cache.changes:
                    say_once(_describe_changes(embedder, cache))
                if cache.unread:
                    say_once(_describe_unread(embedder, cache))
            accepted = _select_accepted(embedder, perturbed, say_once)
            own: list[Result] = []
            share = worker if cache else Worker()
            progress = RunProgress(embedder.name, 1 / share.size, shown=is_first)
            caller = BatchCaller(embedder, say_once)
            pending = [
                [workload, *(Workload(0, len(prompts.prompts)) for prompts in accepted.get(name, ()))]
                for name in task_names
                if (workload := workloads.get(name))
            ]
            for files in task_files:
                of_task: list[Result] = []
                of_pending = pending.pop(0) if pending else []
                with _handle_failure(
                    embedder.name, files.task.name, on_failure, on_unsuited, output / VECTOR_FOLDER, share
                ):
                    for prompts in (None, *accepted.get(files.task.name, ())):
                        progress.pending = list(chain(of_pending[len(of_task) + 1 :], *pending))
                        result = evaluate(
                            embedder,
                            files,
                            batch_size=batch_size,
                            progress=progress,
                            caller=caller,
                            ties=ties,
                            store=cache,
                            worker=share,
                            perturbed=prompts,
                            check_others=partial(
                                refuse_failed_task, output / VECTOR_FOLDER, share, embedder.name, files.task.name
                            ),
                        )
                        if is_first:
                            path = write_result(result, output)
                            if result.cost is None and prompts is None:
                                result = replace(result, cost=read_cost(path))
                        of_task.append(result)
                    own += of_task  # a task with a failed probe has no curve
                if cache and worker.size == 1:
                    cache.compact_shards()
            if cache and own:
                if cache.checked_count:
                    say_once(_describe_check(embedder, cache))
                say_once(_describe_reuse(embedder, cache, own))
            results += own
        if line := describe_old_folders(output, list_stored_folders(output)):
            say_once(line)
        if on_failure or on_unsuited:
            leave_together(output / VECTOR_FOLDER, worker)
    return results if is_first else []


@contextmanager
def _handle_failure(
    model: str,
    task: str,
    on_failure: Callable[[str, str, Exception], None] | None,
    on_unsuited: Callable[[str, str, Exception], None] | None,
    folder: Path,
    worker: Worker,
) -> Iterator[None]:
    """Add the task to the error that is raised inside; hand it to ``on_failure``, if there is one, and other workers.

    Of an error in another worker, ``on_failure`` hears in the first worker alone. An `UnsuitedTask` goes to
    ``on_unsuited`` if there is one.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, EvalError) and task not in str(error):
            error.args = (f"{task}: {error}", *error.args[1:])
        if isinstance(error, UnsuitedTask):
            on_failure = on_unsuited or on_failure
        if on_failure is None or isinstance(error, WriteError):
            raise
        if worker.size > 1:
            message = str(error) if isinstance(error, EvalError) else f"{task}: {type(error).__name__}: {error}"
            announce_failure(folder, worker.rank, model, task, message)
        if worker.rank == 0 or not isinstance(error, OtherWorkerFailed):
            on_failure(model, task, error)


def _perturb_tasks(
    task_files: Sequence[TaskFiles], seed: int, say: Callable[[str], None], track: Track
) -> dict[str, list[PerturbedPrompts]]:
    """The perturbed prompts of each task, by its name; says how many queries each level leaves out."""
    from mmeb_eval.regions.robustness import PROBES, iter_perturbed_prompts, read_targets

    by_task: dict[str, list[PerturbedPrompts]] = {}
    for files in task_files:
        targets = read_targets(files)
        by_task[files.task.name] = []
        for probe in PROBES.values():
            levels = list(iter_perturbed_prompts(targets, probe, seed, track))
            by_task[files.task.name] += levels
            for level in probe.levels:
                prompts = next((each.prompts for each in levels if each.level == level), (None,) * len(targets))
                if count := prompts.count(None):
                    queries = f"{count:,} of {len(targets):,} queries of {files.task.name}"
                    say(f"{probe.title}, {level} ({probe.unit}): {queries} have no such prompt and are left out.")
    return by_task


def _select_accepted(
    embedder: Embedder, by_task: Mapping[str, Sequence[PerturbedPrompts]], say: Callable[[str], None]
) -> dict[str, list[PerturbedPrompts]]:
    """Select the prompts that an embedder takes, and boxes, which can go into texts; says which probes are left out."""
    kinds = {"box", *get_prompt_kinds(embedder)}
    for kind in sorted({each.probe.kind for levels in by_task.values() for each in levels} - kinds):
        say(f"{embedder.name} takes no prompts of kind {kind}: these probes are left out.")
    return {task: [each for each in levels if each.probe.kind in kinds] for task, levels in by_task.items()}


def _describe_changes(embedder: Embedder, cache: VectorCache) -> str:
    """A line that says why vectors that are stored under the embedder's name are not used, and the way out if any."""
    names = ", ".join(cache.changes[:MAX_NAMES]) + ", ..." * (len(cache.changes) > MAX_NAMES)
    line = f"{embedder.name}: stored vectors are not used, as these have changed since: {names}."
    if not (attributes := cache.list_changed_attributes()):
        return line
    last = ", ".join(dict.fromkeys(f'"{name.rpartition(".")[2]}"' for name in attributes))
    return (
        f"{line} Are they new in each run without changing a vector, such as an id or a time? Then write "
        f"volatile = ({last},) in the embedder's class."
    )


def _describe_unread(embedder: Embedder, cache: VectorCache) -> str:
    """A line that says what of the embedder no fingerprint covers."""
    names = "; ".join(cache.unread[:MAX_NAMES]) + "; ..." * (len(cache.unread) > MAX_NAMES)
    return f"{embedder.name}: not fingerprinted, so that a change in it may go unseen: {names}."


def _describe_check(embedder: Embedder, cache: VectorCache) -> str:
    """A line that says how many stored vectors were checked."""
    agreement = f"the lowest cosine of old and new is {cache.lowest_cosine:.5f}"
    return f"{embedder.name}: {cache.checked_count:,} stored vectors were checked: {agreement}."


def _describe_reuse(embedder: Embedder, cache: VectorCache, results: Sequence[Result]) -> str:
    """A line that says how many distinct items there were, and how many of them were embedded in this run."""
    mentions = sum(result.counts["queries"] + result.counts["candidates"] for result in results)
    return (
        f"{embedder.name}: {mentions:,} queries and candidates are {cache.requested_count:,} different items "
        f"({cache.requested_count / mentions:.0%}); {cache.added_count:,} were embedded now."
    )
