"""Table of region strategies: scores of the demo model with each strategy, before and after training on SCaR.

A file holds one score for each strategy, stage, training seed and draw of queries. The table shows means over draws,
and beside them the scores that the paper prints for the large models.
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
"""Whether the model was trained on SCaR."""

STAGES: tuple[Stage, ...] = get_args(Stage)
PROMPT_STRATEGY = "prompt"
"""Strategy of a model that takes the box as a prompt; the other strategies are values of ``--region``."""

PAPER_CAVEAT = (
    "The paper's columns are means over its five tasks, of far larger models on photographs: compare the order of the "
    "rows, not the numbers."
)


@dataclass(frozen=True, slots=True)
class StrategyDescription:
    """Title of a region strategy, and which lines of ``published.csv`` hold the paper's scores with it.

    Attributes:
        title: heading of the strategy's row.
        published_before: (model, setting) of the line for a model before training on SCaR; None if the paper has none.
        published_after: (model, setting) of the line for a model after training on SCaR; None if the paper has none.
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
    """A score of one model with one region strategy; the fields are the JSON keys of the file.

    Attributes:
        way: the region strategy, a key of `REGION_STRATEGIES`.
        stage: whether the model was trained on SCaR, see `Stage`.
        seed: seed of the training.
        draw: seed with which the queries were drawn.
        hit: `HEADLINE_METRIC`, 0 to 1.
        queries: number of queries.
        chance: expected score of guessing.
        model: name of the model, with its revision.
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
    """Score of one model with one strategy, over the draws of queries on which it was measured.

    Attributes:
        mean: mean over draws, 0 to 1.
        deviation: sample standard deviation over draws; None if there is only one draw.
    """

    mean: float
    deviation: float | None

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + ("" if self.deviation is None else f" ± {self.deviation:.3f}")


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """Scores of one region strategy.

    Attributes:
        title: heading of the row, see `StrategyDescription`.
        cells: score in each of `StrategyTable.columns`; None where nothing was measured.
        published_scores: the paper's scores before and after training on SCaR; None where it has none.
    """

    title: str
    cells: tuple[MeanScore | None, ...]
    published_scores: tuple[PublishedScore | None, ...]


@dataclass(frozen=True, slots=True)
class StrategyTable:
    """The table of region strategies.

    Attributes:
        columns: (training seed, stage) of each column of measured scores.
        rows: a row for each of `REGION_STRATEGIES`, in that order.
        about: a sentence on how the scores were measured.
    """

    columns: tuple[tuple[int, Stage], ...]
    rows: tuple[StrategyRow, ...]
    about: str

    @property
    def headings(self) -> list[str]:
        """Headings of the columns of measured scores, then of the two columns of the paper's scores."""
        measured = [f"{stage} the SCaR stage, seed {seed}" for seed, stage in self.columns]
        return [*measured, "paper, before SCaR-train", "paper, after SCaR-train"]


def make_strategy_table(scores: Sequence[StrategyScore]) -> StrategyTable:
    """Make the table of means and standard deviations over draws.

    Raises:
        DataError: there are no scores.
    """
    if not scores:
        raise DataError("no scores of region strategies.")
    columns = tuple(sorted({(score.seed, score.stage) for score in scores}, key=lambda c: (c[0], STAGES.index(c[1]))))
    rows = []
    for name, description in REGION_STRATEGIES.items():
        hits = [
            [score.hit for score in scores if (score.way, score.seed, score.stage) == (name, *column)]
            for column in columns
        ]
        rows.append(
            StrategyRow(
                description.title,
                tuple(map(_average_scores, hits)),
                (_find_published(description.published_before), _find_published(description.published_after)),
            )
        )
    draws = sorted({score.draw for score in scores})
    least, most = min(score.queries for score in scores), max(score.queries for score in scores)
    queries = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    about = (
        f"{HEADLINE_METRIC} of the demo model, mean and deviation over {len(draws)} "
        f"draw{'s' if len(draws) > 1 else ''} of {queries} held-out queries (seeds {', '.join(map(str, draws))}), "
        f"chance {statistics.fmean(score.chance for score in scores):.3f}"
    )
    return StrategyTable(columns, tuple(rows), about)


def write_strategy_scores(scores: Sequence[StrategyScore], path: Path) -> None:
    """Write scores as JSON.

    Raises:
        EvalError: the file cannot be written.
    """
    lines = ",\n".join(f" {json.dumps(asdict(score))}" for score in scores)
    write_bytes(f"[\n{lines}\n]\n".encode(), path)


def read_strategy_scores(path: Path) -> list[StrategyScore]:
    """Read the scores that `write_strategy_scores` wrote.

    Raises:
        DataError: the file cannot be read, or a score is malformed.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable scores of region strategies: {error}") from error
    keys = {field.name for field in fields(StrategyScore)}
    for index, row in enumerate(stored if isinstance(stored, list) else [stored]):
        if (
            not isinstance(row, dict)
            or row.keys() != keys
            or row["way"] not in REGION_STRATEGIES
            or row["stage"] not in STAGES
        ):
            raise DataError(f"{path}, score {index}: expected {', '.join(sorted(keys))}, found {row!r}.")
    return [StrategyScore(**row) for row in stored]


def _average_scores(hits: Sequence[float]) -> MeanScore | None:
    if not hits:
        return None
    return MeanScore(statistics.fmean(hits), statistics.stdev(hits) if len(hits) > 1 else None)


def _find_published(row: tuple[str, str] | None) -> PublishedScore | None:
    """The paper's mean over the five SCaR tasks for a (model, setting); None if it has none."""
    if row is None:
        return None
    matching = [
        s
        for s in read_published_scores()
        if s.source.id == "virtue-scar" and s.name == "SCaR" and (s.model, s.setting) == row
    ]
    return matching[0]
