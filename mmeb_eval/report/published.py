"""Published scores: ``published.csv`` holds them as printed, ``published.toml`` their sources, metrics and scales."""

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
    """A paper or repository that published scores.

    Attributes:
        id: name of the source in ``published.csv``.
        title: title of the paper, or description of the repository.
        cite: arXiv id or name of the repository.
        url: address of the paper or repository.
        metric: the metric as the source calls it. precision@1 equals hit@1, as every query has one right answer.
        unit: unit of the scores: percent, or fraction of 1.
    """

    id: str
    title: str
    cite: str
    url: str
    metric: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """A published score of one model.

    Attributes:
        source: where the score was published.
        model: name of the model as printed there.
        setting: additional training data, or how the region was given; empty for the model as released.
        name: name of the task, a key of `mmeb_eval.data.tasks.tasks`; or of a group, a key of `GROUPS` there, for the
            mean over its tasks.
        score: the number as printed, in the unit of the source.
        note: what is wrong with the number; empty if nothing is known to be wrong.
    """

    source: PublishedSource
    model: str
    setting: str
    name: str
    score: float
    note: str

    @property
    def share(self) -> float:
        """The score as a fraction of 1."""
        return self.score / 100 if self.source.unit == "percent" else self.score

    @property
    def label(self) -> str:
        """Name of the model, with the setting in brackets if there is one."""
        return f"{self.model} ({self.setting})" if self.setting else self.model


@cache
def read_published_scores() -> tuple[PublishedScore, ...]:
    """All published scores, in the order of ``published.csv``."""
    return read_scores_table(SCORES_PATH, SOURCES_PATH)


def read_scores_table(scores_path: Path, sources_path: Path) -> tuple[PublishedScore, ...]:
    """Read a table of scores and its sources.

    Args:
        scores_path: a CSV file with the columns of ``published.csv``.
        sources_path: a TOML file in the format of ``published.toml``.

    Raises:
        DataError: a file cannot be read, or a row or source is malformed or occurs twice; the message names it.
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
            raise DataError(f"{scores_path.name}: {', '.join(filter(None, key))} occurs twice.")
        seen.add(key)
    return scores


def is_on_published_data(result: Result) -> bool:
    """Whether a result is on a task of the table, with its official number of queries; nothing else is compared.

    Only such results can be compared with published scores; those on a part of the data or on demo data cannot.
    """
    task = tasks().get(result.task)
    return task is not None and result.counts["queries"] == task.queries


def group_by_name(scores: Iterable[PublishedScore]) -> dict[str, list[PublishedScore]]:
    """Name of a task or group -> its published scores, in the order given."""
    by_name: dict[str, list[PublishedScore]] = {}
    for score in scores:
        by_name.setdefault(score.name, []).append(score)
    return by_name


def _parse_source(name: str, row: object, sources_path: Path) -> PublishedSource:
    """Make a source from a table of ``published.toml``; every key is checked."""
    return make_record(row, PublishedSource, f"{sources_path.name}, [{name}]", DataError, given={"id": name})


def _parse_score(row: dict[str, str], sources: dict[str, PublishedSource], where: str) -> PublishedScore:
    """Make a score from a line of ``published.csv``; every value is checked."""
    if row["source"] not in sources:
        raise DataError(f"{where}: source {row['source']!r} is none of {', '.join(sources)}.")
    if row["name"] not in tasks() and row["name"] not in GROUPS:
        raise DataError(f"{where}: {row['name']!r} is neither a task nor a group.")
    source = sources[row["source"]]
    highest = 100 if source.unit == "percent" else 1
    try:
        score = float(row["score"])
    except (TypeError, ValueError):
        score = -1
    if not 0 <= score <= highest:
        raise DataError(
            f"{where}: score = {row['score']!r} is no number from 0 to {highest}, the scale of {source.id}."
        )
    return PublishedScore(source, row["model"], row["setting"], row["name"], score, row["note"])
