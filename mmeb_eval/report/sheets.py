"""Score sheets of the MMEB leaderboard, one's own or downloaded, as rows of a table of published scores."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mmeb_eval.data.tasks import tasks
from mmeb_eval.report.published import PublishedScore, PublishedSource
from mmeb_eval.run.results import HEADLINE_METRIC
from scar.errors import DataError

URL = "https://huggingface.co/spaces/TIGER-Lab/MMEB-Leaderboard"
"""Where the sheets are collected."""


def read_sheet_scores(path: Path) -> list[PublishedScore]:
    """The scores on image tasks in a sheet, which may lack some tasks; videos and documents are no part of our tables.

    A sheet is a file ``scores/<model>.json`` of TIGER-Lab/MMEB-Leaderboard, or what ``mmeb-eval submit`` writes:
    ``{"metadata": {"model_name": ...}, "metrics": {"image": {task: {"hit@1": ...}}}}``, all scores fractions of 1.

    Raises:
        DataError: the file is no such sheet, has no score on an image task, or a score is no fraction; the message
            names the task and the value.
    """
    try:
        sheet = json.loads(path.read_text(encoding="utf-8"))
        metadata, rows = sheet["metadata"], sheet["metrics"]["image"]
        model, origin = str(metadata["model_name"]), metadata.get("data_source") or "no source named"
        listed = {str(name): row for name, row in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: no score sheet of the MMEB leaderboard: {type(error).__name__} {error}.") from error
    source = PublishedSource(path.stem, f"score sheet {path.name}, {origin}", URL, URL, HEADLINE_METRIC, "fraction")
    scores = [_read_score(source, model, name, listed[name], path) for name in tasks() if name in listed]
    if not scores:
        raise DataError(f"{path}: no score on any of our image tasks; it has {', '.join(listed) or 'none'}.")
    return scores


def _read_score(source: PublishedSource, model: str, name: str, row: Any, path: Path) -> PublishedScore:
    """The score on one task, with a note if queries have no prediction."""
    share: Any = row.get(HEADLINE_METRIC) if isinstance(row, dict) else row
    is_number = isinstance(share, int | float) and not isinstance(share, bool) and math.isfinite(share)
    if not is_number or not 0 <= share <= 1:
        raise DataError(f"{path}: {name}: {HEADLINE_METRIC} = {share!r} is no fraction of 1.")
    predicted, queries = (row.get(key) if isinstance(row, dict) else None for key in ("num_pred", "num_data"))
    note = "" if predicted == queries else f"{predicted} predictions of {queries} queries"
    return PublishedScore(source, model, "", name, float(share), note)
