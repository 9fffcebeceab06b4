"""Write results in the formats of leaderboards, and check what was written; nothing is sent anywhere.

There are three kinds of file: the score sheet of the MMEB leaderboard, which TIGER-Lab/MMEB-Leaderboard takes by pull
request in its folder ``scores`` (format of ``experiments/report_score_v2.py`` of TIGER-AI-Lab/VLM2Vec); a
`mteb.TaskResult` for each task, in a folder that ``mteb.ResultCache`` loads; and ``run.json`` with the settings behind
both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmeb_eval.data.tasks import list_group_tasks, tasks
from mmeb_eval.report.published import is_on_published_data
from mmeb_eval.run.metrics import CUTOFFS, METRICS
from mmeb_eval.run.results import HEADLINE_METRIC, Result, list_models
from scar.common.files import write_bytes
from scar.common.tables import check_values, read_toml
from scar.errors import DataError, UnknownName

MODEL_METADATA: Mapping[str, type] = {
    "model_name": str,
    "model_backbone": str,
    "model_size": float,
    "embedding_dimension": int,
    "max_length_tokens": int,
    "model_release_date": str,
    "data_source": str,
    "url": str,
}
"""Metadata of a model on the MMEB leaderboard -> type; size in billions of parameters, date as YYYY-MM-DD."""

MTEB_METRICS = {
    "hit": "hit_rate",
    "ndcg_linear": "ndcg",
    "map": "map",
    "recall": "recall",
    "precision": "precision",
    "mrr": "mrr",
}
"""Metric here -> its name in mteb, to which mteb appends ``_at_`` and k."""

MTEB_NAMES = {"SUN397": "MMEB-SUN397", "Country211": "MMEB-Country211"}
"""Task -> its name for mteb, whose own task of that name is another one: a classifier's accuracy (mteb 2.26.24)."""

BENCHMARKS = ("MMEB", "SCaR")


@dataclass(frozen=True, slots=True)
class Submission:
    """The files of a submission.

    Attributes:
        sheet: the score sheet of the MMEB leaderboard; None for results on SCaR alone.
        files: all files, the sheet included.
        missing_metadata: keys of `MODEL_METADATA` that the sheet leaves null.
    """

    sheet: Path | None
    files: tuple[Path, ...]
    missing_metadata: tuple[str, ...]


def write_submission(
    results: Sequence[Result], out: Path, model: str | None = None, about: Path | None = None
) -> Submission:
    """Write a model's submission; what is for leaderboards is read back and compared with the results.

    Below ``out``, the files are the score sheet ``<name>.json`` if there are results on MMEB,
    ``mteb/results/<name>/<revision>/<task>.json`` for each task, ``model_meta.json`` beside these, and ``run.json``;
    ``mteb.ResultCache(out / "mteb").load_results()`` loads them.

    Args:
        results: results of one or more models.
        out: output folder; files of the same names are replaced.
        model: name of the model to submit; None if the results are of one model only.
        about: a TOML file with keys of `MODEL_METADATA`; missing keys are null in the score sheet. None gives no keys.

    Raises:
        UnknownName: there are no results of that model.
        DataError: ``model`` is None and the results are of several models, some but not all tasks of a benchmark have
            results, results are not on the published data, a metric is missing, tie rules differ, or ``about`` cannot
            be used.
        EvalError: a file cannot be written.
    """
    of_model = _select_model(results, model)
    name = of_model[0].model
    metadata = {
        **dict.fromkeys(MODEL_METADATA),
        "model_name": name,
        "data_source": "Self-Reported",
        **_read_metadata(about),
    }
    sheet = (
        out / f"{_file_name(str(metadata['model_name']))}.json"
        if "MMEB" in _find_complete_benchmarks(of_model)
        else None
    )
    revision = _find_model_revision(of_model[0])
    folder = out / "mteb" / "results" / _file_name(name.replace("/", "__")) / _file_name(revision)
    contents = {
        folder / f"{_file_name(get_mteb_name(result.task))}.json": make_mteb_result(result) for result in of_model
    }
    if sheet:
        _write_json(make_score_sheet(of_model, metadata), sheet)
        _check_read_back(
            read_score_sheet(sheet),
            {
                result.task: _select_sheet_metrics(result)
                for result in of_model
                if result.task in list_group_tasks("MMEB")
            },
            sheet,
        )
    for result, (path, content) in zip(of_model, contents.items(), strict=True):
        _write_json(content, path)
        _check_read_back(read_mteb_result(path), (get_mteb_name(result.task), _select_mteb_metrics(result)), path)
    meta = folder / "model_meta.json"
    _write_json(make_model_meta(name, revision, metadata), meta)
    settings = {
        result.task: {"settings": result.settings, "counts": result.counts, "chance": result.chance}
        for result in of_model
    }
    run = out / "run.json"
    _write_json({"model": name, "tasks": settings}, run)
    missing = [key for key, value in metadata.items() if value is None]
    return Submission(sheet, (*([sheet] if sheet else []), *contents, meta, run), tuple(missing))


def make_score_sheet(results: Sequence[Result], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of the MMEB leaderboard: scores on its image tasks, and none on videos or documents.

    Args:
        results: results of one model, on every task of MMEB; others are ignored.
        metadata: the value of each key of `MODEL_METADATA`.

    Raises:
        DataError: a result lacks a metric of the sheet.
    """
    by_task = {result.task: result for result in results}
    image = {}
    for name in list_group_tasks("MMEB"):
        queries = by_task[name].counts["queries"]
        image[name] = {**_select_sheet_metrics(by_task[name]), "num_pred": queries, "num_data": queries}
    return {"metadata": metadata, "metrics": {"image": image, "video": {}, "visdoc": {}}}


def make_mteb_result(result: Result) -> dict[str, Any]:
    """A result as the JSON of a `mteb.TaskResult`; SHA-256 of the files stand for the revision of the data.

    Raises:
        DataError: the result lacks a metric.
    """
    scores = {"main_score": result.metrics[HEADLINE_METRIC], **_select_mteb_metrics(result)}
    return {
        "dataset_revision": _data_revision(result),
        "task_name": get_mteb_name(result.task),
        "mteb_version": None,
        "scores": {"test": [{**scores, "hf_subset": "default", "languages": ["eng-Latn"]}]},
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def get_mteb_name(task: str) -> str:
    """The name of a task in mteb's files; see `MTEB_NAMES`."""
    return MTEB_NAMES.get(task, task)


def make_model_meta(name: str, revision: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a `mteb.models.ModelMeta`, without which mteb's cache skips a folder; what is not known is null.

    Args:
        name: name of the model in the results.
        revision: revision of the model.
        metadata: the value of each key of `MODEL_METADATA`.
    """
    size = metadata["model_size"]
    unknown = ("languages", "memory_usage_mb", "license", "open_weights", "training_datasets", "loader")
    return {
        "name": name,
        "revision": revision,
        "release_date": metadata["model_release_date"],
        **dict.fromkeys(unknown),
        "n_parameters": None if size is None else round(size * 1e9),
        "max_tokens": metadata["max_length_tokens"],
        "embed_dim": metadata["embedding_dimension"],
        "framework": [],
        "reference": metadata["url"],
        "similarity_fn_name": "cosine",
        "use_instructions": True,
        "public_training_code": None,
        "public_training_data": None,
        "modalities": ["image", "text"],
        "experiment_kwargs": None,
    }


def read_score_sheet(path: Path) -> dict[str, dict[str, float]]:
    """Read a score sheet: name of each MMEB task -> metric, such as ``hit@1`` -> score.

    Raises:
        DataError: the file cannot be read, or the leaderboard could not rank it: it has no name of a model, lacks a
            task or metric, or not every query has a prediction. The message names the key and the value.
    """
    sheet = _read_json(path)
    metadata, metrics = (_get_object(sheet, key, path) for key in ("metadata", "metrics"))
    if not isinstance(metadata.get("model_name"), str) or not metadata["model_name"]:
        raise DataError(f"{path}: metadata: model_name = {metadata.get('model_name')!r} is no name.")
    image = _get_object(metrics, "image", path)
    metrics_by_task = {}
    for name in list_group_tasks("MMEB"):
        row = image.get(name)
        if not isinstance(row, dict):
            raise DataError(f"{path}: image: {name} = {row!r}, so the mean over all tasks cannot be taken.")
        if row.get("num_pred") != row.get("num_data"):
            raise DataError(f"{path}: {name}: {row.get('num_pred')!r} predictions of {row.get('num_data')!r} queries.")
        metrics_by_task[name] = {
            key: _parse_score(row.get(key), f"{path}: {name}: {key}") for key in _list_sheet_metrics()
        }
    return metrics_by_task


def read_mteb_result(path: Path) -> tuple[str, dict[str, float]]:
    """Read an mteb result with the split ``test`` and one subset.

    Returns:
        The task's name; and metric in mteb's words, such as ``hit_rate_at_1`` -> score.

    Raises:
        DataError: the file cannot be read, or a key is missing or malformed; the message names it.
    """
    row = _read_json(path)
    for key in ("dataset_revision", "task_name"):
        if not isinstance(row.get(key), str):
            raise DataError(f"{path}: {key} = {row.get(key)!r} is no text.")
    if "mteb_version" not in row:
        raise DataError(
            f"{path}: no key mteb_version; without it, mteb takes the file for one of a version before 1.11."
        )
    entries = _get_object(row, "scores", path).get("test")
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise DataError(f"{path}: scores: test = {entries!r}: expected a list of one subset's scores.")
    (scores,) = entries
    if not isinstance(scores.get("hf_subset"), str) or not isinstance(scores.get("languages"), list):
        raise DataError(f"{path}: scores: hf_subset and languages of the subset are missing.")
    metrics = {key: _parse_score(value, f"{path}: {key}") for key, value in scores.items() if "_at_" in key}
    if scores.get("main_score") != metrics.get("hit_rate_at_1"):
        raise DataError(f"{path}: main_score = {scores.get('main_score')!r} is not hit_rate_at_1.")
    return row["task_name"], metrics


def _select_model(results: Sequence[Result], model: str | None) -> list[Result]:
    """Results of the model to submit."""
    models = list_models(results)
    if model is None and len(models) > 1:
        raise DataError(f"results of {len(models)} models: {', '.join(models)}; choose one with --model NAME.")
    if model is not None and model not in models:
        raise UnknownName("model", model, models, f"there are results of {', '.join(models)}.")
    return [result for result in results if model in (None, result.model)]


def _find_complete_benchmarks(results: Sequence[Result]) -> list[str]:
    """Benchmarks that have results; all must be complete, on the published data, and under one rule for ties."""
    if on_other_data := [result for result in results if not is_on_published_data(result)]:
        first = on_other_data[0]
        task = tasks().get(first.task)
        expected = f"the published data have {task.queries:,}" if task else "and it is no task of `mmeb-eval tasks`"
        queries = f"{first.counts['queries']:,} queries, {expected}"
        raise DataError(f"{first.task}: {queries}; {len(on_other_data)} results are on other data.")
    if len(rules := {result.settings.get("ties") for result in results}) > 1:
        raise DataError(
            f"results under different rules for ties: {', '.join(sorted(map(str, rules)))}; use one rule for all tasks."
        )
    present_tasks = {result.task for result in results}
    present = [name for name in BENCHMARKS if present_tasks & set(list_group_tasks(name))]
    for name in present:
        if missing := [task for task in list_group_tasks(name) if task not in present_tasks]:
            total = len(list_group_tasks(name))
            raise DataError(
                f"{name}: incomplete {total - len(missing)}/{total}, no result for {', '.join(missing)}; "
                "a leaderboard's mean is over all of them."
            )
    return present


def _select_sheet_metrics(result: Result) -> dict[str, float]:
    """The metrics of a result that a score sheet holds."""
    if missing := [name for name in _list_sheet_metrics() if name not in result.metrics]:
        raise DataError(f"{result.task}: the result of {result.model} has no {', '.join(missing)}; evaluate it again.")
    return {name: result.metrics[name] for name in _list_sheet_metrics()}


def _list_sheet_metrics() -> list[str]:
    """Names of the metrics at every k, in the official order."""
    return [f"{metric}@{k}" for metric in METRICS for k in CUTOFFS]


def _select_mteb_metrics(result: Result) -> dict[str, float]:
    """The metrics of a result under their names in mteb."""
    metrics = _select_sheet_metrics(result)
    return {f"{theirs}_at_{k}": metrics[f"{ours}@{k}"] for ours, theirs in MTEB_METRICS.items() for k in CUTOFFS}


def _data_revision(result: Result) -> str:
    """Digests of a result's data files, as one text."""
    files = result.settings.get("files", {})
    return "sha256:" + ",".join(files[name] for name in sorted(files))


def _find_model_revision(result: Result) -> str:
    """Revision of the model, from the embedder's settings."""
    return str(result.settings.get("embedder", {}).get("revision") or "no_revision_available")


def _read_metadata(path: Path | None) -> dict[str, Any]:
    """Read the model's metadata from a TOML file; keys and types are checked."""
    if path is None:
        return {}
    return check_values(read_toml(path, DataError), MODEL_METADATA, str(path), DataError)


def _write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write strict JSON; raises `DataError` for NaN or infinity."""
    try:
        text = json.dumps(content, indent=2, allow_nan=False)
    except ValueError as error:
        raise DataError(f"{path}: a score is no finite number; evaluate the task again.") from error
    write_bytes(f"{text}\n".encode(), path)


def _read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable JSON file: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}: expected a JSON object, found {type(row).__name__}.")
    return row


def _get_object(row: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    """The object under a key."""
    value = row.get(key)
    if not isinstance(value, dict):
        raise DataError(f"{path}: {key} = {value!r}: expected an object.")
    return value


def _parse_score(value: object, where: str) -> float:
    """Check a score. It may exceed 1: under the official tie rule a repeated answer counts twice in map and ndcg."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise DataError(f"{where} = {value!r} is no score.")
    return float(value)


def _check_read_back(found: object, written: object, path: Path) -> None:
    """Raise `DataError` if a file's content, read back, differs from what was written."""
    if found != written:
        raise DataError(f"{path}: read back, it is not what was written; is the disk full or the folder in use?")


def _file_name(name: str) -> str:
    """Escape the characters of a name that a file name cannot hold."""
    return quote(name, safe=" +,=@()")
