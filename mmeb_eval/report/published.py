"""Published scores: ``published.csv`` as printed, ``published.toml`` with the source, metric and scale of each row."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

from mmeb_eval.data.tasks import GROUPS, tasks
from mmeb_eval.run.results import Result
from scar.common.tables import make_record, read_toml
from scar.errors import DataError

SCORES_PATH = Path(__file__).with_name("published.csv")
SOURCES_PATH = Path(__file__).with_name("published.toml")

Unit: TypeAlias = Literal["percent", "fraction"]


@dataclass(frozen=True, slots=True)
class PublishedSource:
    """Where scores are from.

    Attributes:
        id: as the rows name it.
        title: what it is.
        cite: arXiv id or repository.
        url: where to read it.
        metric: its own name of what it measures. With one right answer a query, as in all of these tasks, precision@1
            is hit@1.
        unit: of its scores: percent, or fraction of 1.
    """

    id: str
    title: str
    cite: str
    url: str
    metric: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """One score.

    Attributes:
        source: where it is from.
        model: as printed there.
        setting: what it was trained on besides, or how it was told the region; empty for the model as it is.
        name: a task of `mmeb_eval.data.tasks.tasks`, or a group of `GROUPS` there over which it is a mean.
        score: as printed, in the source's unit.
        note: what is wrong with it; empty if nothing is known.
    """

    source: PublishedSource
    model: str
    setting: str
    name: str
    score: float
    note: str

    @property
    def share(self) -> float:
        """The score as a fraction of 1, whatever the source's unit."""
        return self.score / 100 if self.source.unit == "percent" else self.score


@cache
def read_published_scores() -> tuple[PublishedScore, ...]:
    """Every score, in the order of the table."""
    return read_scores_table(SCORES_PATH, SOURCES_PATH)


def read_scores_table(scores_path: Path, sources_path: Path) -> tuple[PublishedScore, ...]:
    """Read a table of scores and its sources.

    Raises:
        DataError: a row or source of another shape; names file, line and value.
    """
    try:
        sources = {
            name: _parse_source(name, row, sources_path) for name, row in read_toml(sources_path, DataError).items()
        }
        with scores_path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file, strict=True)
            columns = [field.name for field in fields(PublishedScore)]
            if lines.fieldnames != columns:
                raise DataError(f"{scores_path}: expected the columns {columns}, found {lines.fieldnames}.")
            scores = tuple(_parse_score(row, sources, f"{scores_path.name}, line {lines.line_num}") for row in lines)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{scores_path}: not a readable table: {error}") from error
    seen: set[tuple[str, ...]] = set()
    for score in scores:
        key = (score.source.id, score.model, score.setting, score.name)
        if key in seen:
            raise DataError(f"{scores_path.name}: {', '.join(filter(None, key))} stands there twice.")
        seen.add(key)
    return scores


def is_on_published_data(result: Result) -> bool:
    """Whether a result may stand beside published scores: one of the 41 tasks, as many queries as officially.

    A part of the data, or a drawn world under the same names, asks something else.
    """
    task = tasks().get(result.task)
    return task is not None and result.counts["queries"] == task.queries


def group_by_name(scores: Iterable[PublishedScore]) -> dict[str, list[PublishedScore]]:
    """Scores by task or group."""
    found: dict[str, list[PublishedScore]] = {}
    for score in scores:
        found.setdefault(score.name, []).append(score)
    return found


def _parse_source(name: str, row: object, sources_path: Path) -> PublishedSource:
    """A table of ``published.toml``, checked."""
    return make_record(row, PublishedSource, f"{sources_path.name}, [{name}]", DataError, given={"id": name})


def _parse_score(row: dict[str, str], sources: dict[str, PublishedSource], where: str) -> PublishedScore:
    """A line of ``published.csv``, checked."""
    if row["source"] not in sources:
        raise DataError(f"{where}: source {row['source']!r} is none of {', '.join(sources)}.")
    if row["name"] not in tasks() and row["name"] not in GROUPS:
        raise DataError(f"{where}: {row['name']!r} is neither a task nor a group.")
    source = sources[row["source"]]
    whole = 100 if source.unit == "percent" else 1
    try:
        score = float(row["score"])
    except (TypeError, ValueError):
        score = -1
    if not 0 <= score <= whole:
        raise DataError(f"{where}: score = {row['score']!r} is no number from 0 to {whole}, the scale of {source.id}.")
    return PublishedScore(source, row["model"], row["setting"], row["name"], score, row["note"])
