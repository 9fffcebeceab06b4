"""A run from its options to its results: the steps that ``mmeb-eval`` and ``mmeb-eval probe`` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mmeb_eval.cli_steps import load_embedders, note_failure, refuse_files, select_checked_tasks
from scar.errors import EvalError

if TYPE_CHECKING:
    from mmeb_eval.run.rank import TieRule
    from mmeb_eval.run.results import Result


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run, named as on the command line; `mmeb_eval.options` describes them."""

    model: Sequence[str]
    tasks: Sequence[str]
    output: Path
    data: Path | None
    images: Path | None
    config: str | None
    seed: int | None
    batch_size: int
    region: str | None
    refresh: bool
    trust_stored: bool
    keep_going: bool
    limit: int | None = None
    plan: bool = False
    task_file: Sequence[Path] = ()
    request_json: str | None = None
    at_once: int | None = None
    instruction: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made.

    Attributes:
        results: results of this run; empty in workers other than the first.
        failures: a line for each evaluation that failed, and for each task whose data cannot be used.
    """

    results: list[Result]
    failures: list[str]

    def tell_failures(self) -> None:
        """Print the failures to stderr.

        Raises:
            EvalError: there are some, and this process is the first of the run; the other ones leave it to the first.
        """
        from mmeb_eval.run.workers import read_worker

        if not self.failures or read_worker().rank > 0:
            return
        for line in self.failures:
            typer.echo(f"failed: {line}", err=True)
        tasks = {(result.model, result.task) for result in self.results}
        total = len(self.failures) + len(tasks)
        raise EvalError(f"{len(self.failures)} of {total} evaluations failed; see above.")


def run_models(
    options: RunOptions, *, ties: TieRule = "against", probe: bool = False, perturbation_seed: int = 0
) -> Outcome:
    """Check the data, load the models, and score them.

    Args:
        options: options of the run.
        ties: the rule for equal scores.
        probe: whether to score perturbed prompts too.
        perturbation_seed: seed of the perturbations.

    Raises:
        EvalError: the options do not fit together, a model cannot be loaded, or an evaluation failed; with
            ``keep_going``, failures of single evaluations are noted instead.
        DataError: no task is usable; or one is unusable, and ``keep_going`` is False.
    """
    from mmeb_eval.run.progress import Workload
    from mmeb_eval.run.run import run_evaluations
    from mmeb_eval.templates.instructions import apply_instruction_probe

    if options.refresh and options.trust_stored:
        raise EvalError("--refresh and --trust-stored: the first deletes what the second trusts; give one of the two.")
    refuse_files(output=options.output, data=options.data)
    failures: list[str] = []
    noted = failures if options.keep_going else None
    choice = select_checked_tasks(options.tasks, options.data, options.images, noted, options.limit, options.task_file)
    embedders = load_embedders(
        options.model,
        options.config,
        options.seed,
        options.region,
        choice.usable,
        options.request_json,
        options.at_once,
    )
    if options.instruction is not None:
        embedders = [apply_instruction_probe(embedder, options.instruction) for embedder in embedders]
    given = [name for name in ("refresh", "trust_stored") if getattr(options, name)]
    if given and not any(getattr(embedder, "stored", True) for embedder in embedders):
        names = " and ".join(embedder.name for embedder in embedders)
        verb = "stores" if len(embedders) == 1 else "store"
        raise EvalError(f"--{given[0].replace('_', '-')}: {names} {verb} no vectors; leave the option out.")
    results = run_evaluations(
        embedders,
        choice.usable,
        options.output,
        batch_size=options.batch_size,
        refresh=options.refresh,
        trust_stored=options.trust_stored,
        ties=ties,
        probe=probe,
        seed=perturbation_seed,
        on_failure=partial(note_failure, failures) if options.keep_going else None,
        on_unsuited=partial(note_failure, failures),
        say=partial(typer.echo, err=True),
        workloads={name: Workload(found.items - found.images, found.images) for name, found in choice.readings.items()},
        plan_only=options.plan,
    )
    return Outcome(results, failures)
