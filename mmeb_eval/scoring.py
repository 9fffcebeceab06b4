"""The Python front door: models and tasks by name, path or object; results as a list that becomes a frame and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from mmeb_eval.data.choice import find_choice, limit_choice
from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.tasks import tasks as list_tasks
from mmeb_eval.embedder import Embedder
from mmeb_eval.models import load_models
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.report import report as report_files
from mmeb_eval.report.compare import Comparison, compare_results, read_run
from mmeb_eval.run import evaluate as task_scoring
from mmeb_eval.run.cost import Cost
from mmeb_eval.run.embed import VectorsInMemory
from mmeb_eval.run.rank import TieRule, parse_tie_rule
from mmeb_eval.run.results import Result, read_results
from mmeb_eval.run.run import run_evaluations
from mmeb_eval.templates.instructions import apply_instruction_probe
from scar.errors import DataError, InputError

if TYPE_CHECKING:
    import pandas as pd

Models: TypeAlias = "str | Embedder | Sequence[str | Embedder]"
Tasks: TypeAlias = "str | Path | TaskFiles | Sequence[str | Path | TaskFiles]"
Results: TypeAlias = "str | Path | Sequence[Result] | pd.DataFrame"
"""Results in any form: a folder of a run, a list, or a frame of `ResultList.to_frame`."""

WHOLE_COLUMNS = ("counts", "settings", "ranks", "top", "margins", "clusters")
"""Fields of a result that stand in a frame as they are; its metrics and numbers have a column each."""

COST_COLUMNS = tuple(field.name for field in fields(Cost))
"""Fields of a result's cost that have a column each; None where nobody measured them."""


class ResultList(list[Result]):
    """Results of one or more models."""

    def to_frame(self) -> pd.DataFrame:
        """A row for each result, a column for each metric, and columns for all else that a result holds.

        `read_frame` turns the frame, or some rows of it, into results again.
        """
        import pandas as pd

        rows = []
        for result in self:
            task = list_tasks().get(result.task)
            about = {"model": result.model, "task": result.task}
            about |= {"family": task.family if task else "", "benchmark": task.benchmark if task else ""}
            numbers = {**result.metrics, "chance": result.chance, "queries": result.counts.get("queries")}
            numbers |= {name: getattr(result.cost, name, None) for name in COST_COLUMNS}
            rows.append({**about, **numbers, **{name: getattr(result, name) for name in WHOLE_COLUMNS}})
        return pd.DataFrame(rows)


@overload
def evaluate(  # type: ignore[overload-overlap]
    models: Embedder, tasks: TaskFiles, *, batch_size: int = 32, ties: TieRule = "against"
) -> Result: ...


@overload
def evaluate(
    models: Models,
    tasks: Tasks,
    *,
    data: str | Path | None = None,
    images: str | Path | None = None,
    output: str | Path | None = None,
    region: str | None = None,
    instruction: str | None = None,
    limit: int | None = None,
    batch_size: int = 32,
    ties: str = "against",
    progress: bool = False,
) -> ResultList: ...


def evaluate(
    models: Models,
    tasks: Tasks,
    *,
    data: str | Path | None = None,
    images: str | Path | None = None,
    output: str | Path | None = None,
    region: str | None = None,
    instruction: str | None = None,
    limit: int | None = None,
    batch_size: int = 32,
    ties: str = "against",
    progress: bool = False,
) -> ResultList | Result:
    """Score models on tasks.

    Args:
        models: a model by name, as for ``--model``, or an `Embedder`; or several.
        tasks: names of tasks or sets of them, as for ``--tasks``, a SCaR folder, or a `TaskFiles`; or several.
        data: folder with the data of tasks given by name.
        images: folder that the rows' image paths are relative to; None finds it in the data folder.
        output: results folder, which gets the results, and the vectors so that a rerun makes none again. None writes
            nothing.
        region: a region strategy, see `mmeb_eval.regions.strategies`.
        instruction: a probe of the instruction, see `mmeb_eval.templates.instructions`; None keeps those of the tasks.
        limit: number of queries of each task that are scored, the first ones; None scores all.
        batch_size: largest number of items in one call of a model.
        ties: the rule for equal scores, ``against`` or ``official``.
        progress: whether to show progress on stderr.

    Returns:
        The results of each model in turn, on each task in turn; of one `Embedder` on one `TaskFiles`, its result alone.

    Raises:
        EvalError: a model or task is unknown, data are missing or cannot be used, or a model breaks the contract; see
            `mmeb_eval.run.evaluate.evaluate`.
    """
    rule = parse_tie_rule(ties)
    given = [models] if isinstance(models, str) or callable(getattr(models, "embed", None)) else models
    embedders = [each for model in _check_list(given, "models") for each in _load(model)]
    if region is not None:
        embedders = [apply_strategy(embedder, region) for embedder in embedders]
    if instruction is not None:
        embedders = [apply_instruction_probe(embedder, instruction) for embedder in embedders]
    task_files = _find_tasks(tasks, data, images, limit)
    if output is not None:
        return ResultList(
            run_evaluations(embedders, task_files, Path(output).expanduser(), batch_size=batch_size, ties=rule)
        )
    results = ResultList()
    for embedder in embedders:
        store = VectorsInMemory()
        results += [
            task_scoring.evaluate(embedder, files, batch_size=batch_size, ties=rule, progress=progress, store=store)
            for files in task_files
        ]
    is_single = isinstance(tasks, TaskFiles) and not isinstance(models, str | list | tuple)
    return results[0] if is_single else results


def compare(first: Results, second: Results) -> Comparison:
    """Compare two runs of one model each, see `mmeb_eval.report.compare.compare_results`.

    Args:
        first: folder of a model's results, a list of them, or a frame.
        second: likewise, of another model or with other settings.
    """
    return compare_results(list_results(first), list_results(second))


def write_report(results: Results, out: str | Path) -> Path:
    """Write a report as HTML, Markdown, JSON, CSV or LaTeX, by the suffix of ``out``; return its path."""
    path = Path(out).expanduser()
    several = isinstance(results, str | Path)
    report_files.write_report(read_results(Path(results).expanduser()) if several else list_results(results), path)  # type: ignore[arg-type]
    return path


def list_results(results: Results) -> ResultList:
    """Results in any form as a list.

    Raises:
        DataError: a folder or frame holds none.
        InputError: they are something else.
    """
    if isinstance(results, str | Path):
        return ResultList(read_run(Path(results).expanduser()))
    if hasattr(results, "to_dict"):
        return read_frame(results)
    listed: Any = results
    if isinstance(listed, Sequence) and all(isinstance(result, Result) for result in listed):
        return ResultList(listed)
    raise InputError(f"results: {type(results).__name__} is no folder, list of results or frame of `to_frame`.")


def read_frame(frame: Any) -> ResultList:
    """The results that `ResultList.to_frame` made a frame of.

    Raises:
        DataError: the frame has no rows, or lacks columns.
    """
    rows = frame.to_dict("records")
    missing = [name for name in ("model", "task", "chance", *WHOLE_COLUMNS) if name not in frame.columns]
    if missing or not rows:
        problem = f"lacks the columns {', '.join(missing)}" if missing else "has no rows"
        raise DataError(f"the frame {problem}; give one of ResultList.to_frame.")
    return ResultList(
        Result(
            model=row["model"],
            task=row["task"],
            metrics={name: value for name, value in row.items() if "@" in str(name)},
            chance=row["chance"],
            **{name: row[name] for name in WHOLE_COLUMNS},
            cost=_read_cost(row),
        )
        for row in rows
    )


def _read_cost(row: Mapping[str, Any]) -> Cost | None:
    """The cost in a row of a frame, whose missing numbers may be NaN; None if nobody measured it."""
    values = {name: _drop_missing(row.get(name)) for name in COST_COLUMNS}
    if values["items"] is None:
        return None
    numbers: dict[str, Any] = {
        name: value if value is None or name in ("seconds", "items_per_second") else int(value)
        for name, value in values.items()
    }
    return Cost(**numbers)


def _drop_missing(value: Any) -> Any:
    """The value, None for NaN and NA of pandas."""
    import pandas as pd

    return None if value is None or pd.isna(value) else value


def _load(model: str | Embedder) -> list[Embedder]:
    """A model as a list of one."""
    if isinstance(model, str):
        return load_models([model])
    if not callable(getattr(model, "embed", None)):
        raise InputError(f"models: {model!r:.60} is neither a model's name nor an object with embed(items).")
    return [model]


def _find_tasks(tasks: Tasks, data: str | Path | None, images: str | Path | None, limit: int | None) -> list[TaskFiles]:
    """The tasks with their data."""
    given = [tasks] if isinstance(tasks, str | Path | TaskFiles) else _check_list(tasks, "tasks")
    named = [
        str(Path(each).expanduser()) if isinstance(each, Path) else each
        for each in given
        if isinstance(each, str | Path)
    ]
    found = [each for each in given if isinstance(each, TaskFiles)]
    if wrong := [each for each in given if not isinstance(each, str | Path | TaskFiles)]:
        raise InputError(f"tasks: {wrong[0]!r:.60} is neither a name, a folder nor a TaskFiles.")
    data, images = (None if folder is None else Path(folder).expanduser() for folder in (data, images))
    choice = limit_choice(find_choice(named, data, images, found), limit)
    if choice.problems:
        raise DataError(choice.describe_problems())
    return list(choice.usable)


def _check_list(values: Any, what: str) -> list[Any]:
    """The values as a list, of which there must be some."""
    if not isinstance(values, Sequence) or not values:
        raise InputError(f"{what}: {values!r:.60} names none; give one, or a list of them.")
    return list(values)
