"""Turns robustness curves into the coordinates of SVG drawings; the page's template writes the SVG.

The drawings have the page's marks and colours, also in dark mode. Matplotlib's SVG has colours of its own, and is six
times as large.
"""

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
"""Scores at which the score axis may end; the smallest one that fits the curves is used."""


@dataclass(frozen=True, slots=True)
class CurveLine:
    """A model's curve, as coordinates in SVG units.

    Attributes:
        curve: the curve's scores.
        undisturbed: y of the score with exact prompts.
        dots: (x, y, the point) of each point of the curve.
        polyline: the points of the line, as a ``points`` attribute of SVG.
        band: the corners of the area between the ends of the intervals, likewise.
    """

    curve: Curve
    undisturbed: float
    dots: tuple[tuple[float, float, CurvePoint], ...]
    polyline: str
    band: str


@dataclass(frozen=True, slots=True)
class CurveFigure:
    """A drawing of the curves of one task and probe, as coordinates in SVG units.

    Attributes:
        task: name of the task.
        title: title of the probe.
        unit: what the names of its levels measure.
        x_ticks: (x, name) of each level, from left to right.
        y_ticks: (y, score as text) of each tick, from bottom to top.
        chance: y of the expected score of guessing.
        lines: a line for each model.
    """

    task: str
    title: str
    unit: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    chance: float
    lines: tuple[CurveLine, ...]


def draw_curves(curves: Sequence[Curve]) -> list[CurveFigure]:
    """Make one drawing for each task and probe, with the curves of all models."""
    return [_make_figure(group) for group in group_curves(curves)]


def _make_figure(curves: Sequence[Curve]) -> CurveFigure:
    """Make the drawing of the curves of one task and probe."""
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
    """Format points as the value of an SVG ``points`` attribute, such as ``0,1 2.5,3``."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)
