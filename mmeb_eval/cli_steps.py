"""Steps that commands of ``mmeb-eval`` share: choose and check the data, load the models, print the results."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from scar.common.files import describe_no_folder
from scar.common.narrow_tables import print_table
from scar.common.terminal import print_traceback
from scar.errors import DataError, EvalError

if TYPE_CHECKING:
    from mmeb_eval.data.choice import Choice
    from mmeb_eval.data.files import TaskFiles
    from mmeb_eval.embedder import Embedder
    from mmeb_eval.run.results import Result


QUERY_VALUES = ("ranks", "top", "margins", "clusters")
"""Fields of a result that hold a value for each query; printed JSON leaves them out."""


@contextmanager
def divert_prints() -> Iterator[None]:
    """Send what models and their libraries print in the block to stderr, so that stdout holds results alone."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)  # for libraries that are not written in Python
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


def refuse_files(**options: Path | None) -> None:
    """Check that no path for a folder is a file. A path that does not exist passes, as does None.

    Args:
        options: name of each option without dashes, or of an argument in capital letters -> its path.

    Raises:
        EvalError: a path is a file; the message names the option or argument.
    """
    for option, path in options.items():
        if path is not None and path.exists() and not path.is_dir():
            name = option if option.isupper() else f"--{option}"
            raise EvalError(f"{name} {path}: is a file, not a folder.")


def select_checked_tasks(
    tasks: Sequence[str],
    data: Path | None,
    images: Path | None,
    failures: list[str] | None = None,
    limit: int | None = None,
    task_files: Sequence[Path] = (),
) -> Choice:
    """Find the chosen tasks, read all their rows and look for their images, without decoding these.

    A task is unusable if its data are missing, have changed since they were fetched, or hold a row or image path that
    cannot be used.

    Args:
        tasks: values of ``--tasks``: see `mmeb_eval.data.choice.find_choice`, also for ``data`` and ``images``.
        data: folder that holds the data of tasks given by name.
        images: folder that the rows' image paths are relative to.
        failures: a list to which one line for each unusable task is added. None makes every unusable task an error.
        limit: largest number of queries of each task; None means all.
        task_files: task files with the user's own tasks, see `mmeb_eval.data.own_tasks`.

    Returns:
        The usable tasks, and what was read of them.

    Raises:
        DataError: no task is usable; one is unusable, and ``failures`` is None; or a folder does not exist.
        EvalError: a name is unknown, or the values of ``--tasks`` and ``--data`` do not fit together; see
            `find_choice`.
    """
    from mmeb_eval.data.choice import check_choice, find_choice, limit_choice
    from mmeb_eval.data.own_tasks import read_task_file

    if images is not None and not images.is_dir():
        raise DataError(f"--images {images}: {describe_no_folder(images)}.")
    from scar.common.progress import show_progress

    own = [files for path in task_files for files in read_task_file(path, images)]
    choice = check_choice(limit_choice(find_choice(tasks, data, images, own), limit), show_progress)
    if choice.problems and (failures is None or not choice.usable):
        hint = f"; --keep-going scores the other {len(choice.usable)}" if choice.usable else ""
        raise DataError(f"{choice.describe_problems().removesuffix('.')}{hint}.")
    if failures is not None:
        failures += choice.list_problems()
    for files in choice.usable:
        if files.left_out:
            why = "their true caption is among the false ones"
            typer.echo(f"{files.task.name}: {files.left_out:,} rows are left out: {why}.", err=True)
    return choice


def load_embedders(
    names: Sequence[str],
    config: str | None,
    seed: int | None,
    region: str | None,
    task_files: Sequence[TaskFiles],
    request_json: str | None = None,
    at_once: int | None = None,
) -> list[Embedder]:
    """Load the models, each wrapped in the region strategy if one is given.

    Args:
        names: values of ``--model``; a name that is given twice is loaded once.
        config: see `mmeb_eval.models.load_model`, also for ``seed``.
        seed: seed of the random baseline, or of the user's own function.
        region: a region strategy; None leaves the models as they are.
        task_files: the tasks on which the models will be scored.
        request_json: see `mmeb_eval.models.load_model`.
        at_once: see there, too.

    Raises:
        EvalError: a model or the strategy is unknown, a model cannot be loaded or lacks the method that the strategy
            needs, or a strategy is given and no task has regions.
    """
    from mmeb_eval.models import load_models
    from mmeb_eval.regions.strategies import apply_strategy
    from mmeb_eval.run.workers import select_device

    if region is not None and not any(files.task.query == "image+text+box" for files in task_files):
        raise EvalError(f"--region {region}: no task here has regions; it is for SCaR, leave it out.")
    select_device()
    wanted = list(dict.fromkeys(names))
    embedders = load_models(wanted, config=config, seed=seed, request_json=request_json, at_once=at_once)
    return embedders if region is None else [apply_strategy(embedder, region) for embedder in embedders]


def note_failure(failures: list[str], model: str, task: str, error: Exception) -> None:
    """Append a line about a model that failed on a task to ``failures``.

    The error's traceback is printed to stderr: that of an `EvalError` only with ``--debug``, any other always.
    """
    print_traceback(error, always=not isinstance(error, EvalError))
    message = str(error) if isinstance(error, EvalError) else f"{task}: {type(error).__name__}: {error}"
    failures.append(message if model in message else f"{model}: {message}")


def print_results(results: Sequence[Result], as_json: bool, output: Path) -> bool:
    """Print the results of a run to stdout, then warnings and doubts to stderr.

    Tables also show the baselines of the output folder. JSON leaves out `QUERY_VALUES`.

    Args:
        results: the results of this run.
        as_json: whether to print JSON instead of tables.
        output: results folder of the run; it may hold results of earlier runs too.

    Returns:
        Whether a model that is no baseline has a score no better than chance, see
        `mmeb_eval.report.statistics.is_at_chance`.
    """
    from mmeb_eval.report.score_tables import list_chance_warnings, make_score_tables
    from mmeb_eval.report.summary import select_baselines, summarise_results
    from mmeb_eval.run.results import read_results

    if as_json:
        short = [{key: value for key, value in asdict(result).items() if key not in QUERY_VALUES} for result in results]
        typer.echo(json.dumps(short, indent=1))
    else:
        for table in make_score_tables([*results, *select_baselines(results, read_results(output))]):
            print_table(table)
    warnings = list_chance_warnings(summarise_results(results))
    for line in warnings:
        typer.secho(line, err=True, fg="red", bold=True)
    print_doubts([each for each in read_results(output) if each.model in {own.model for own in results}])
    return bool(warnings)


def print_doubts(results: Sequence[Result]) -> None:
    """Print why results are doubtful, each reason as a line on stderr; see `mmeb_eval.run.doubts.list_doubts`."""
    from mmeb_eval.run.doubts import list_doubts

    for line in list_doubts(results):
        typer.secho(f"WARNING: {line}", err=True, fg="red", bold=True)
