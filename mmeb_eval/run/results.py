"""`Result`, the scores of one model on one task; its JSON file; and means over groups of tasks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmeb_eval.data.tasks import GROUPS, list_group_tasks
from mmeb_eval.run.cost import Cost
from mmeb_eval.run.metrics import CUTOFFS, METRICS
from scar.common.files import write_bytes
from scar.errors import DataError, EvalError

HEADLINE_METRIC = "hit@1"
"""The metric that leaderboards show."""

PROBE_FOLDER = "probes"
"""Folder, below a model's folder, of its results with perturbed prompts."""

COST_FOLDER = "costs"
"""Folder, below a model's folder, of what its vectors cost: ``<task>.jsonl``, a line that differs from run to run."""

FINGERPRINT = "fingerprint"
"""Setting of a result: a digest that stands for the model; see `mmeb_eval.run.identity.digest_model`."""

NOT_FINGERPRINTED = "not_fingerprinted"
"""Setting of a result: what of the model is too large or cannot be read, so that no fingerprint covers it."""

LIMIT = "limit"
"""Setting of a result: the largest number of queries that was asked for; only the first ones were scored."""

TRUSTED_VECTORS = "trusted_vectors"
"""Setting of a result: number of its vectors that an earlier run stored and that were used without a check."""


@dataclass(frozen=True, slots=True)
class Result:
    """Scores of one model on one task.

    Attributes:
        model: the embedder's name.
        task: the task's name.
        metrics: ``hit@1``, ``mrr@10`` and so on, means over queries; see `mmeb_eval.run.metrics.compute_metrics`.
        counts: numbers of ``queries``; of distinct ``candidates``, summed over queries; of distinct ``items``; of
            ``ties``, queries with a wrong candidate of exactly the right one's score; of ``repeats``, queries whose
            right candidate the data list more than once; and the embedder's own counts.
        chance: hit@1 of guessing: the mean of 1 / number of distinct candidates over queries.
        settings: all that a rerun needs to get the same numbers. If prompts were perturbed, ``probe`` says how, see
            `mmeb_eval.regions.robustness.PerturbedPrompts.settings`.
        ranks: rank of each query's right candidate, 1 = best. Here and below, queries are in the order of the data;
            those that ``probe`` leaves out are not among them.
        top: for each query, the ten best candidates, best first, as indices in its list of candidates without repeats;
            0 is the right one.
        margins: similarity of each query and its right candidate minus that of the best wrong one, to 6 decimals; 0 if
            no candidate is wrong. Empty in results of early versions.
        clusters: for each query, the number of its image among the task's; empty if no two queries are about one image.
            None in results of early versions, whose queries count as independent.
        cost: what the vectors cost in the run that made them; None if nobody measured it. It lies in a file of its own,
            as it changes from run to run.
    """

    model: str
    task: str
    metrics: Mapping[str, float]
    counts: Mapping[str, int]
    chance: float
    settings: Mapping[str, Any]
    ranks: tuple[int, ...]
    top: tuple[tuple[int, ...], ...]
    margins: tuple[float, ...]
    clusters: tuple[int, ...] | None = ()
    cost: Cost | None = field(default=None, compare=False)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a result of an early version lacks, in words; empty for one of this version."""
        found = {
            "margins": not self.margins,
            "the images of queries": self.clusters is None,
            "the ten best candidates": all(len(best) < 2 for best in self.top) and self.chance < 1,
            "digests of the data": not {"queries", "candidates"} <= self.settings.keys(),
            "metrics": not {f"{name}@{k}" for name in METRICS for k in CUTOFFS} <= self.metrics.keys(),
        }
        return tuple(what for what, is_lacking in found.items() if is_lacking)


_KEYS = dict.fromkeys(field.name for field in fields(Result) if field.name != "cost")
"""Keys of a result's file, in their order."""

_LATER_KEYS = ("margins", "clusters")
"""Keys that files of early versions do not have."""


def is_limited(result: Result) -> bool:
    """Whether only the first queries of a task were asked; one with just as many as the limit is taken to have more."""
    return LIMIT in result.settings and result.counts["queries"] >= result.settings[LIMIT]


@dataclass(frozen=True, slots=True)
class GroupMean:
    """A mean of `HEADLINE_METRIC` over a group of tasks.

    Attributes:
        group: name of the group in `mmeb_eval.data.tasks.GROUPS`.
        scored: number of its tasks that have a result.
        total: number of its tasks.
        mean: the mean, 0 to 1; None unless every task has a result.
    """

    group: str
    scored: int
    total: int
    mean: float | None

    def __str__(self) -> str:
        """The score, or how many of the group's tasks have a result."""
        return f"incomplete {self.scored}/{self.total}" if self.mean is None else f"{self.mean:.3f}"


def compute_group_means(results: Iterable[Result]) -> list[GroupMean]:
    """Means of one model's results, for each group of which at least one task has a result; see `GroupMean`."""
    by_task = {result.task: result for result in results}
    means = []
    for name in GROUPS:
        names = list_group_tasks(name)
        scored = [by_task[task] for task in names if task in by_task]
        complete = len(scored) == len(names)
        if scored:
            mean = sum(result.metrics[HEADLINE_METRIC] for result in scored) / len(names) if complete else None
            means.append(GroupMean(name, len(scored), len(names), mean))
    return means


def get_result_path(output: Path, model: str, task: str) -> Path:
    """Path of a result's file: ``<output>/<model>/<task>.json``; characters that file names cannot hold are escaped.

    >>> get_result_path(Path("out"), "clip:openai/clip-vit-base-patch32", "VOC2007").as_posix()
    'out/clip%3Aopenai%2Fclip-vit-base-patch32/VOC2007.json'
    """
    return output / _encode_file_name(model) / f"{_encode_file_name(task)}.json"


def get_probe_path(output: Path, model: str, task: str, probe: str, level: str) -> Path:
    """Path of a result with perturbed prompts: ``<output>/<model>/probes/<task>/<probe>-<level>.json``."""
    folder = output / _encode_file_name(model) / PROBE_FOLDER / _encode_file_name(task)
    return folder / f"{_encode_file_name(f'{probe}-{level}')}.json"


def refuse_replacing_longer(output: Path, models: Sequence[str], limits: Mapping[str, int | None]) -> None:
    """Refuse a run with a limit on queries if it would replace a result of more queries.

    Args:
        output: the results folder.
        models: names of the models that will be scored.
        limits: name of each task -> the largest number of its queries; None means all.

    Raises:
        EvalError: there is such a result; the message names its file.
        DataError: a file in its place is not a result.
    """
    for model in models:
        for task, limit in limits.items():
            path = get_result_path(output, model, task)
            if limit is not None and path.is_file() and (stored := read_result(path).counts["queries"]) > limit:
                raise EvalError(
                    f"--limit {limit}: {path} has {stored:,} queries and would be lost; use another --output."
                )


def write_result(result: Result, output: Path) -> Path:
    """Write a result to `get_result_path`, or to `get_probe_path` if prompts were perturbed; return the path.

    ``output`` is the results folder of the run; an existing file is replaced.

    Raises:
        EvalError: the file cannot be written.
        ValueError: a number of the result is NaN or infinite.
    """
    path = get_result_path(output, result.model, result.task)
    if probe := result.settings.get("probe"):
        path = get_probe_path(output, result.model, result.task, probe["name"], probe["level"])
    row = {name: getattr(result, name) for name in _KEYS}
    lines = (f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in row.items())
    write_bytes(("{\n" + ",\n".join(lines) + "\n}\n").encode(), path)
    if result.cost and not probe:
        write_bytes((json.dumps(asdict(result.cost)) + "\n").encode(), _get_cost_path(path))
    return path


def read_result(path: Path) -> Result:
    """Read what `write_result` wrote, in this version or an earlier one; see `Result.lacks`.

    Raises:
        DataError: the file is not a result; the message says what is wrong with it.
    """
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable result: {error}. Run `mmeb-eval` again to write it.") from error
    if not isinstance(row, dict) or {*row, *_LATER_KEYS} != _KEYS.keys():
        found = sorted(row) if isinstance(row, dict) else type(row).__name__
        raise DataError(f"{path}: not a result: expected the keys {sorted(_KEYS)}, found {found}.")
    top = tuple(
        tuple(best) if isinstance(best, list) else (best,) for best in row["top"]
    )  # one number in version 0.1.0
    lists: dict[str, Any] = {"ranks": tuple(row["ranks"]), "top": top, "margins": tuple(row.get("margins", ()))}
    lists["clusters"] = tuple(row["clusters"]) if row.get("clusters") is not None else None
    return Result(**{**row, **lists}, cost=read_cost(path))


def read_results(output: Path) -> list[Result]:
    """Read every result below a results folder except those with perturbed prompts, sorted by model and task.

    Raises:
        DataError: there are no results, or a file is not a result.
    """
    if output.is_file():
        raise DataError(f"{output}: is a file, not a folder; give the --output of a run.")
    paths = sorted(path for path in output.glob("*/*.json") if not path.name.startswith("."))
    if not paths:
        if any(not path.name.startswith(".") for path in output.glob("*.json")):
            raise DataError(
                f"{output}: is the folder of one model; give the folder above it, {output.resolve().parent}."
            )
        raise DataError(f"{output}: no results; `mmeb-eval --model NAME --tasks DIR --output {output}` writes some.")
    return [read_result(path) for path in paths]


def read_probe_results(output: Path) -> list[Result]:
    """Read every result with perturbed prompts below a results folder, sorted by the paths of their files.

    Empty if there are none.

    Raises:
        DataError: a file is not a result with perturbed prompts.
    """
    results = []
    for path in sorted(output.glob(f"*/{PROBE_FOLDER}/*/*.json")):
        result = read_result(path)
        if "probe" not in result.settings:
            raise DataError(f"{path}: not a result with perturbed prompts; move it away.")
        results.append(result)
    return results


def _get_cost_path(path: Path) -> Path:
    """Path of the costs of the result at a path."""
    return path.parent / COST_FOLDER / f"{path.stem}.jsonl"


def read_cost(path: Path) -> Cost | None:
    """What the vectors of the result at a path cost; None if no run measured it.

    Raises:
        DataError: the file of costs is damaged.
    """
    path = _get_cost_path(path)
    if not path.is_file():
        return None
    try:
        return Cost(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not readable costs ({error}); delete the file.") from error


def list_models(results: Sequence[Result]) -> list[str]:
    """The distinct models of results, in the order in which they first appear."""
    return list(dict.fromkeys(result.model for result in results))


def _encode_file_name(name: str) -> str:
    """Escape a name into a file name; different names give different file names."""
    encoded = quote(name, safe=" +,=@()")
    return encoded.replace(".", "%2E", 1) if encoded.startswith(".") else encoded
