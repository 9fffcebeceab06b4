"""The paper's table in small: one model told the region in every way, before and after training on SCaR.

Scores stand in a file as they were measured, one of each way, stage, training seed and draw of queries; the table has
their means, and beside them what the paper prints of the large models.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from mmeb_eval.report.published import PublishedScore, read_published_scores
from mmeb_eval.run.results import HEADLINE_METRIC
from scar.common.files import write_bytes
from scar.errors import DataError

Stage: TypeAlias = Literal["before", "after"]
"""Before training on SCaR, and after it."""

STAGES: tuple[Stage, ...] = get_args(Stage)
PROMPT_STRATEGY = "prompt"
"""The way of a model that takes boxes; the others are values of ``--region``."""


@dataclass(frozen=True, slots=True)
class StrategyDescription:
    """How a model learns which region is meant, and which rows of the paper's table are told it likewise.

    Attributes:
        title: for people.
        published_before: (model, setting) in ``published.csv`` before training on SCaR; None if the paper has none.
        published_after: likewise after it.
    """

    title: str
    published_before: tuple[str, str] | None = None
    published_after: tuple[str, str] | None = None


REGION_STRATEGIES = {
    PROMPT_STRATEGY: StrategyDescription(
        "box as prompt and in words", ("VIRTUE-2B", "MMEB-train"), ("VIRTUE-2B", "MMEB-train, SCaR-train")
    ),
    "whole-image": StrategyDescription("no box: a grid of points as prompt"),
    "text": StrategyDescription("box in words, a grid of points as prompt"),
    "text-bare": StrategyDescription(
        "box in words, no segment tokens", ("VLM2Vec-2B", "MMEB-train"), ("VLM2Vec-2B", "MMEB-train, SCaR-train")
    ),
    "crop": StrategyDescription("crop", ("VIRTUE-2B", "MMEB-train, crop")),
    "red-circle": StrategyDescription("red circle", ("CLIP", "red circle")),
}


@dataclass(frozen=True, slots=True)
class StrategyScore:
    """A score.

    Attributes:
        way: a key of `WAYS`.
        stage: see `Stage`.
        seed: of the training.
        draw: seed of the queries.
        hit: `HEADLINE_METRIC`, 0 to 1.
        queries: how many were asked.
        chance: what guessing gives.
        model: name of what was asked, with its revision.
    """

    way: str
    stage: Stage
    seed: int
    draw: int
    hit: float
    queries: int
    chance: float
    model: str


@dataclass(frozen=True, slots=True)
class MeanScore:
    """Scores of one model told in one way.

    Attributes:
        mean: over draws.
        deviation: of the scores from it, with n - 1; None of a single draw.
    """

    mean: float
    deviation: float | None

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + ("" if self.deviation is None else f" ± {self.deviation:.3f}")


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """A way with its scores.

    Attributes:
        title: see `StrategyDescription`.
        cells: as `Ways.columns`; None where nothing was measured.
        published_scores: what the paper prints of each of `STAGES`.
    """

    title: str
    cells: tuple[MeanScore | None, ...]
    published_scores: tuple[PublishedScore | None, ...]


@dataclass(frozen=True, slots=True)
class StrategyTable:
    """The table.

    Attributes:
        columns: (training seed, stage) of each column.
        rows: in the order of `WAYS`.
        about: how it was measured, in a sentence.
    """

    columns: tuple[tuple[int, Stage], ...]
    rows: tuple[StrategyRow, ...]
    about: str

    @property
    def headings(self) -> list[str]:
        """Titles of all columns but the first."""
        own = [f"{stage} the SCaR stage, seed {seed}" for seed, stage in self.columns]
        return [*own, "paper, before SCaR-train", "paper, after SCaR-train"]


def make_strategy_table(scores: Sequence[StrategyScore]) -> StrategyTable:
    """Means and deviations over draws.

    Raises:
        DataError: no scores.
    """
    if not scores:
        raise DataError("no scores of ways to tell a region.")
    columns = tuple(sorted({(each.seed, each.stage) for each in scores}, key=lambda c: (c[0], STAGES.index(c[1]))))
    rows = []
    for name, way in REGION_STRATEGIES.items():
        own = [
            [each.hit for each in scores if (each.way, each.seed, each.stage) == (name, *column)] for column in columns
        ]
        rows.append(
            StrategyRow(
                way.title,
                tuple(map(_average_scores, own)),
                (_find_published(way.published_before), _find_published(way.published_after)),
            )
        )
    draws = sorted({each.draw for each in scores})
    least, most = min(each.queries for each in scores), max(each.queries for each in scores)
    asked = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    about = (
        f"{HEADLINE_METRIC} of the miniature, mean and deviation over {len(draws)} draw{'s' if len(draws) > 1 else ''} "
        f"of {asked} held-out queries (seeds {', '.join(map(str, draws))}), "
        f"chance {statistics.fmean(each.chance for each in scores):.3f}"
    )
    return StrategyTable(columns, tuple(rows), about)


def write_strategy_scores(scores: Sequence[StrategyScore], path: Path) -> None:
    """Write scores as JSON.

    Raises:
        EvalError: they cannot be written.
    """
    lines = ",\n".join(f" {json.dumps(asdict(each))}" for each in scores)
    write_bytes(f"[\n{lines}\n]\n".encode(), path)


def read_strategy_scores(path: Path) -> list[StrategyScore]:
    """Read what `write` wrote.

    Raises:
        DataError: the file is none of these; says what is wrong with it.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable scores of ways to tell a region: {error}") from error
    wanted = {field.name for field in fields(StrategyScore)}
    for number, row in enumerate(stored if isinstance(stored, list) else [stored]):
        if (
            not isinstance(row, dict)
            or row.keys() != wanted
            or row["way"] not in REGION_STRATEGIES
            or row["stage"] not in STAGES
        ):
            raise DataError(f"{path}, score {number}: expected {', '.join(sorted(wanted))}, found {row!r}.")
    return [StrategyScore(**row) for row in stored]


def _average_scores(hits: Sequence[float]) -> MeanScore | None:
    if not hits:
        return None
    return MeanScore(statistics.fmean(hits), statistics.stdev(hits) if len(hits) > 1 else None)


def _find_published(row: tuple[str, str] | None) -> PublishedScore | None:
    """The paper's mean over the five SCaR tasks."""
    if row is None:
        return None
    found = [
        s
        for s in read_published_scores()
        if s.source.id == "virtue-scar" and s.name == "SCaR" and (s.model, s.setting) == row
    ]
    return found[0]
