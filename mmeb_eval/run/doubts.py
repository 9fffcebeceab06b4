"""What makes results doubtful: one name for different models or different data, and vectors that nobody checked."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mmeb_eval.run.region_facts import BEYOND, LEAKED
from mmeb_eval.run.results import FINGERPRINT, TRUSTED_VECTORS, Result, is_limited, list_models


def list_doubts(results: Sequence[Result]) -> list[str]:
    """One line for each doubt about a model, then one for each task on which models had different data.

    A model is doubtful if its tasks have different fingerprints or settings, as after new weights under its name, if
    stored vectors were used without a check, if only the first queries were asked, if an early version wrote its
    results, or if images are leaked or boxes reach beyond them. Data are different if queries or candidates are.
    """
    lines = []
    for model in list_models(results):
        own = [result for result in results if result.model == model]
        if odd := _find_odd_tasks(own):
            tasks = ", ".join(odd)
            lines.append(
                f"{model}: results on {tasks} are of another model of this name than the rest; run all tasks again."
            )
        if trusted := [result.task for result in own if TRUSTED_VECTORS in result.settings]:
            lines.append(
                f"{model}: stored vectors were not checked (--trust-stored), so these scores may be of another model: "
                f"{', '.join(trusted)}."
            )
        if old := [result for result in own if not result.margins or result.clusters is None]:
            lacking = ", ".join(dict.fromkeys(what for result in old for what in result.lacks))
            tasks = ", ".join(result.task for result in old)
            lines.append(f"{model}: results on {tasks} are of an early version, without {lacking}; run them again.")
        if limited := [result.task for result in own if is_limited(result)]:
            lines.append(f"{model}: only the first queries were asked (--limit), a trial: {', '.join(limited)}.")
        lines += [_describe_leak(result) for result in own if LEAKED in result.settings]
        for result in own:
            if count := result.counts.get(BEYOND):
                lines.append(f"{model}: {result.task}: {count:,} boxes reach beyond their image.")
    for task in dict.fromkeys(result.task for result in results):
        models: dict[tuple[str | None, str | None], list[str]] = {}
        for result in results:
            if result.task == task:
                models.setdefault(get_data_digests(result), []).append(result.model)
        if len(models) > 1:
            odd = min(models.values(), key=len)
            lines.append(
                f"{task}: {', '.join(odd)} had other data than the other models; score all models on the same data."
            )
    return lines


def _describe_leak(result: Result) -> str:
    """A line about images of a task that models may have been trained on."""
    leak = result.settings[LEAKED]
    elsewhere = leak["hit@1_elsewhere"]
    other = "there are no others" if elsewhere is None else f"hit@1 on the others is {elsewhere:.3f}"
    return (
        f"{result.model}: {result.task}: {leak['queries']:,} of {result.counts['queries']:,} queries show images of "
        f"{leak['images']}, on which models are often trained; {other}."
    )


def get_data_digests(result: Result) -> tuple[str | None, str | None]:
    """(digest of a result's queries, digest of its candidates); each is None in results of early versions."""
    return result.settings.get("queries"), result.settings.get("candidates")


def _find_odd_tasks(results: Sequence[Result]) -> list[str]:
    """The tasks of the smallest group of results that share a fingerprint, or settings; empty if all do.

    Results of earlier versions have no fingerprint.
    """
    with_fingerprint = [result for result in results if FINGERPRINT in result.settings]
    for group, key in ((with_fingerprint, FINGERPRINT), (results, "embedder")):
        tasks: dict[str, list[str]] = {}
        for result in group:
            tasks.setdefault(json.dumps(result.settings.get(key), sort_keys=True), []).append(result.task)
        if len(tasks) > 1:
            return min(tasks.values(), key=len)
    return []
