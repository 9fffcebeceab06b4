"""Results in the shape that leaderboards take, written to a folder and read back; nothing is ever sent anywhere.

Three kinds of file: the score sheet of the MMEB leaderboard, which TIGER-Lab/MMEB-Leaderboard takes by pull request in
its folder ``scores`` (format of ``experiments/report_score_v2.py`` of TIGER-AI-Lab/VLM2Vec); one result a task as
`mteb.TaskResult` has it; and ``run.json`` with the settings behind both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmeb_eval.data.tasks import group, tasks
from mmeb_eval.report.published import comparable
from mmeb_eval.run.metrics import CUTS
from mmeb_eval.run.results import HEADLINE, Result, models_of
from scar.common.files import write_bytes
from scar.common.tables import check_values, read_toml
from scar.errors import DataError, UnknownName

ABOUT: Mapping[str, type] = {
    "model_name": str,
    "model_backbone": str,
    "model_size": float,
    "embedding_dimension": int,
    "max_length_tokens": int,
    "model_release_date": str,
    "data_source": str,
    "url": str,
}
"""What the MMEB leaderboard asks about a model: size in billions of parameters, date as YYYY-MM-DD."""

METRICS = ("hit", "ndcg_linear", "ndcg_exponential", "precision", "recall", "f1", "map", "mrr")
"""Of a score sheet, each at every k of `mmeb_eval.run.metrics.CUTS`."""

MTEB = {
    "hit": "hit_rate",
    "ndcg_linear": "ndcg",
    "map": "map",
    "recall": "recall",
    "precision": "precision",
    "mrr": "mrr",
}
"""Our metric -> the name that mteb has for it, followed by ``_at_`` and k."""

BENCHMARKS = ("MMEB", "SCaR")


@dataclass(frozen=True, slots=True)
class Submission:
    """What was written.

    Attributes:
        sheet: the score sheet of the MMEB leaderboard; None for results on SCaR alone.
        files: everything, the sheet too.
        unsaid: what the leaderboard asks about the model and the sheet leaves open.
    """

    sheet: Path | None
    files: tuple[Path, ...]
    unsaid: tuple[str, ...]


def write_submission(
    results: Sequence[Result], out: Path, model: str | None = None, about: Path | None = None
) -> Submission:
    """Write a model's submission and read it back.

    The files are ``<name>.json`` if there are results on MMEB, ``mteb/<name>/<revision>/<task>.json`` and ``run.json``.

    Args:
        results: of one or more models.
        out: the folder; files of an earlier submission are replaced.
        model: whose; may be left out where there is only one.
        about: a TOML file with keys of `ABOUT`; what is left out is null in the score sheet.

    Raises:
        UnknownName: no such model, or a key that `ABOUT` does not have.
        DataError: a benchmark of which tasks are missing, results on other data than the published, a metric that is
            missing, or results under different rules for ties.
        EvalError: a file cannot be written.
    """
    own = _of_model(results, model)
    name = own[0].model
    described = {**dict.fromkeys(ABOUT), "model_name": name, "data_source": "Self-Reported", **_about(about)}
    sheet = out / f"{_file_name(str(described['model_name']))}.json" if "MMEB" in _complete(own) else None
    folder = out / "mteb" / _file_name(name.replace("/", "__")) / _file_name(_revision(own[0]))
    contents = {folder / f"{_file_name(result.task)}.json": mteb_result(result) for result in own}
    if sheet:
        _write(score_sheet(own, described), sheet)
        _same(read_score_sheet(sheet), {r.task: _metrics(r) for r in own if r.task in group("MMEB")}, sheet)
    for result, (path, content) in zip(own, contents.items(), strict=True):
        _write(content, path)
        _same(read_mteb_result(path), (result.task, _mteb_metrics(result)), path)
    behind = {r.task: {"settings": r.settings, "counts": r.counts, "chance": r.chance} for r in own}
    run = out / "run.json"
    _write({"model": name, "tasks": behind}, run)
    unsaid = [key for key, value in described.items() if value is None]
    return Submission(sheet, (*([sheet] if sheet else []), *contents, run), tuple(unsaid))


def score_sheet(results: Sequence[Result], about: Mapping[str, Any]) -> dict[str, Any]:
    """The MMEB leaderboard's JSON: all 36 image tasks, no other modality."""
    by_task = {result.task: result for result in results}
    image = {}
    for name in group("MMEB"):
        queries = by_task[name].counts["queries"]
        image[name] = {**_metrics(by_task[name]), "num_pred": queries, "num_data": queries}
    return {"metadata": about, "metrics": {"image": image, "video": {}, "visdoc": {}}}


def mteb_result(result: Result) -> dict[str, Any]:
    """A result as `mteb.TaskResult` has it; the data's revision is the digest of its files."""
    scores = {"main_score": result.metrics[HEADLINE], **_mteb_metrics(result)}
    return {
        "dataset_revision": _data_revision(result),
        "task_name": result.task,
        "mteb_version": None,
        "scores": {"test": [{**scores, "hf_subset": "default", "languages": ["eng-Latn"]}]},
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def read_score_sheet(path: Path) -> dict[str, dict[str, float]]:
    """Metrics by task of a score sheet, ours or anybody's.

    Raises:
        DataError: it is not one that the leaderboard can rank: names the place and what is wrong.
    """
    sheet = _read(path)
    metadata, metrics = (_part(sheet, key, path) for key in ("metadata", "metrics"))
    if not isinstance(metadata.get("model_name"), str) or not metadata["model_name"]:
        raise DataError(f"{path}: metadata: model_name = {metadata.get('model_name')!r} is no name.")
    image = _part(metrics, "image", path)
    found = {}
    for name in group("MMEB"):
        row = image.get(name)
        if not isinstance(row, dict):
            raise DataError(f"{path}: image: {name} = {row!r}, so the mean over 36 tasks cannot be taken.")
        if row.get("num_pred") != row.get("num_data"):
            raise DataError(f"{path}: {name}: {row.get('num_pred')!r} predictions of {row.get('num_data')!r} queries.")
        found[name] = {key: _share(row.get(key), f"{path}: {name}: {key}") for key in _names()}
    return found


def read_mteb_result(path: Path) -> tuple[str, dict[str, float]]:
    """Task and metrics of an mteb result with one split and one subset.

    Raises:
        DataError: it has another shape; says where.
    """
    row = _read(path)
    for key in ("dataset_revision", "task_name"):
        if not isinstance(row.get(key), str):
            raise DataError(f"{path}: {key} = {row.get(key)!r} is no text.")
    if "mteb_version" not in row:
        raise DataError(f"{path}: no key mteb_version; mteb would take it for a result of before 1.11.")
    entries = _part(row, "scores", path).get("test")
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise DataError(f"{path}: scores: test = {entries!r}: expected a list of one subset's scores.")
    (scores,) = entries
    if not isinstance(scores.get("hf_subset"), str) or not isinstance(scores.get("languages"), list):
        raise DataError(f"{path}: scores: hf_subset and languages of the subset are missing.")
    kept = {key: value for key, value in scores.items() if "_at_" in key}
    metrics = {key: _share(value, f"{path}: {key}") for key, value in kept.items()}
    if scores.get("main_score") != metrics.get("hit_rate_at_1"):
        raise DataError(f"{path}: main_score = {scores.get('main_score')!r} is not hit_rate_at_1.")
    return row["task_name"], metrics


def _of_model(results: Sequence[Result], model: str | None) -> list[Result]:
    """The results of the model that is meant."""
    models = models_of(results)
    if model is None and len(models) > 1:
        raise DataError(f"results of {len(models)} models: {', '.join(models)}; say whose with --model NAME.")
    if model is not None and model not in models:
        raise UnknownName("model", model, models, f"there are results of {', '.join(models)}.")
    return [result for result in results if model in (None, result.model)]


def _complete(results: Sequence[Result]) -> list[str]:
    """The benchmarks that are there as a whole; every other result is refused."""
    if other := [result for result in results if not comparable(result)]:
        first = other[0]
        known = tasks().get(first.task)
        wants = f"the published data have {known.queries:,}" if known else "and it is none of the 41 tasks"
        raise DataError(
            f"{first.task}: {first.counts['queries']:,} queries, {wants}; {len(other)} results are on other data."
        )
    if len(rules := {result.settings.get("ties") for result in results}) > 1:
        raise DataError(
            f"results under different rules for ties: {', '.join(sorted(map(str, rules)))}; use one rule for all tasks."
        )
    have = {result.task for result in results}
    present = [name for name in BENCHMARKS if have & set(group(name))]
    for name in present:
        if missing := [task for task in group(name) if task not in have]:
            total = len(group(name))
            raise DataError(
                f"{name}: incomplete {total - len(missing)}/{total}, no result for {', '.join(missing)}; "
                "a leaderboard's mean is over all of them."
            )
    return present


def _metrics(result: Result) -> dict[str, float]:
    """The metrics of a score sheet."""
    if missing := [name for name in _names() if name not in result.metrics]:
        raise DataError(f"{result.task}: the result of {result.model} has no {', '.join(missing)}; evaluate it again.")
    return {name: result.metrics[name] for name in _names()}


def _names() -> list[str]:
    """Metrics at every k, in the official order."""
    return [f"{metric}@{k}" for metric in METRICS for k in CUTS]


def _mteb_metrics(result: Result) -> dict[str, float]:
    """The metrics that mteb has, under its names."""
    metrics = _metrics(result)
    return {f"{theirs}_at_{k}": metrics[f"{ours}@{k}"] for ours, theirs in MTEB.items() for k in CUTS}


def _data_revision(result: Result) -> str:
    """Digests of the files that were read."""
    files = result.settings.get("files", {})
    return "sha256:" + ",".join(files[name] for name in sorted(files))


def _revision(result: Result) -> str:
    """The model's revision as the embedder tells it."""
    return str(result.settings.get("embedder", {}).get("revision") or "no_revision_available")


def _about(path: Path | None) -> dict[str, Any]:
    """What is said of the model."""
    if path is None:
        return {}
    return check_values(read_toml(path, DataError), ABOUT, str(path), DataError)


def _write(content: Mapping[str, Any], path: Path) -> None:
    """As JSON that everybody's reader takes."""
    try:
        text = json.dumps(content, indent=2, allow_nan=False)
    except ValueError as error:
        raise DataError(f"{path}: a score is no finite number; evaluate the task again.") from error
    write_bytes(f"{text}\n".encode(), path)


def _read(path: Path) -> dict[str, Any]:
    """A file that holds a JSON object."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable JSON file: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(row).__name__}.")
    return row


def _part(row: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    """An object within an object."""
    value = row.get(key)
    if not isinstance(value, dict):
        raise DataError(f"{path}: {key} = {value!r}: expected an object.")
    return value


def _share(value: object, place: str) -> float:
    """A score. It may exceed 1: under the official rule an answer that is listed twice counts twice in map and ndcg."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise DataError(f"{place} = {value!r} is no score.")
    return float(value)


def _same(found: object, wanted: object, path: Path) -> None:
    """What was read back is what was to be written."""
    if found != wanted:
        raise DataError(f"{path}: read back, it is not what was written; is the disk full or the folder in use?")


def _file_name(name: str) -> str:
    """``name`` as one file name."""
    return quote(name, safe=" +,=@()")
