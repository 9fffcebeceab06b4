"""Robustness curves as files: ``<output>/<model>/probes/<source>.json``, a score at each strength of a disturbance."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmeb_eval.errors import DataError


@dataclass(frozen=True, slots=True)
class Point:
    """One strength.

    Attributes:
        x: the strength, in the curve's unit.
        score: hit@1, 0 to 1.
        low: lower end of its interval; `high` is the upper one.
        high: see `low`.
        queries: how many were asked.
    """

    x: float
    score: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A model under a disturbance of its prompts.

    Attributes:
        model: its name.
        source: the SCaR source that was asked.
        name: what is disturbed, such as ``jittered box``.
        unit: of the strength, such as ``IoU``.
        chance: what guessing gives.
        points: in the order in which they are drawn, the mildest first.
    """

    model: str
    source: str
    name: str
    unit: str
    chance: float
    points: tuple[Point, ...]


def read_curves(output: Path) -> list[Curve]:
    """Every curve below a results folder, by model and source; there may be none.

    Raises:
        DataError: a file of another shape; names it and what is wrong.
    """
    return [curve for path in sorted(output.glob("*/probes/*.json")) for curve in _curves(path)]


def _curves(path: Path) -> list[Curve]:
    """The curves of a file."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        return [
            Curve(
                model=_text(row["model"]),
                source=_text(row["source"]),
                name=_text(curve["name"]),
                unit=_text(curve["unit"]),
                chance=_number(row["chance"]),
                points=tuple(_point(point) for point in curve["points"]),
            )
            for curve in row["curves"]
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise DataError(f"{path}: not a file of robustness curves: {reason}.") from error


def _point(row: Any) -> Point:
    """A point, checked."""
    score, low, high = (_number(row[key]) for key in ("score", "low", "high"))
    if not 0 <= low <= score <= high <= 1:
        raise ValueError(f"score {score} with interval {low} to {high} is not in order within 0 to 1")
    return Point(_number(row["x"]), score, low, high, int(row["queries"]))


def _number(value: Any) -> float:
    """A finite number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


def _text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
