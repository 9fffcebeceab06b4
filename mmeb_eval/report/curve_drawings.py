"""Robustness curves as coordinates of an SVG drawing, which the page's template writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmeb_eval.regions.robustness import PROBES
from mmeb_eval.report.curves import Curve, CurvePoint, group_curves

WIDTH, HEIGHT = 360, 216
"""Size of a drawing in SVG units."""

LEFT, RIGHT, TOP, BOTTOM = 44, 340, 10, 176
"""Edges of the area between the axes, in SVG units."""

FULL_SCALES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Scores at which a score axis may end; the smallest that fits is used."""


@dataclass(frozen=True, slots=True)
class CurveLine:
    """A model's curve.

    Attributes:
        curve: the scores.
        undisturbed: y of the score with undisturbed prompts.
        dots: x, y and the scores of each point.
        polyline: points of the line, as SVG writes them.
        band: points of the polygon of the intervals, as SVG writes them.
    """

    curve: Curve
    undisturbed: float
    dots: tuple[tuple[float, float, CurvePoint], ...]
    polyline: str
    band: str


@dataclass(frozen=True, slots=True)
class CurveFigure:
    """A drawing of one task and probe.

    Attributes:
        task: name of the task.
        title: title of the probe.
        unit: unit of its levels.
        x_ticks: x and name of each level, from left to right.
        y_ticks: y and label of each tick.
        chance: y of the chance level.
        lines: one a model.
    """

    task: str
    title: str
    unit: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    chance: float
    lines: tuple[CurveLine, ...]


def draw_curves(curves: Sequence[Curve]) -> list[CurveFigure]:
    """One drawing for each task and probe, with the curves of all models."""
    return [_make_figure(group) for group in group_curves(curves)]


def _make_figure(curves: Sequence[Curve]) -> CurveFigure:
    """The drawing of the curves of one task and probe."""
    first = curves[0]
    levels = [level for level in PROBES[first.probe].levels if any(level == p.level for c in curves for p in c.points)]
    step = (RIGHT - LEFT) / len(levels)
    x_of = {level: round(LEFT + step * (index + 0.5), 1) for index, level in enumerate(levels)}
    tops = [curve.undisturbed for curve in curves] + [point.high for curve in curves for point in curve.points]
    scale = next(full for full in FULL_SCALES if max(tops) <= full)

    def to_y(share: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * share / scale, 1)

    def make_line(curve: Curve) -> CurveLine:
        dots = tuple((x_of[point.level], to_y(point.hit), point) for point in curve.points)
        edge = [(x_of[point.level], to_y(point.high)) for point in curve.points]
        edge += [(x_of[point.level], to_y(point.low)) for point in reversed(curve.points)]
        return CurveLine(
            curve, to_y(curve.undisturbed), dots, format_points([(x, y) for x, y, _ in dots]), format_points(edge)
        )

    return CurveFigure(
        task=first.task,
        title=first.title,
        unit=first.unit,
        x_ticks=tuple((x, level) for level, x in x_of.items()),
        y_ticks=tuple((to_y(scale * step / 4), f"{scale * step / 4:.2f}") for step in range(5)),
        chance=to_y(first.chance),
        lines=tuple(map(make_line, curves)),
    )


def format_points(points: Sequence[tuple[float, float]]) -> str:
    """Points in the syntax of SVG."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)
