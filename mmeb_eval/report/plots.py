"""Robustness curves as coordinates of a drawing; the page only writes them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmeb_eval.regions.robustness import PROBES
from mmeb_eval.report.curves import Curve, CurvePoint, group_curves

WIDTH, HEIGHT = 360, 216
"""Of a drawing, in its own units."""

LEFT, RIGHT, TOP, BOTTOM = 44, 340, 10, 176
"""Edges of the area between the axes."""

FULL_SCALES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Heights that a score axis may have."""


@dataclass(frozen=True, slots=True)
class CurveLine:
    """A model's curve.

    Attributes:
        curve: what is drawn.
        undisturbed: y of the ordinary score.
        dots: x, y and the point.
        polyline: points of the polyline.
        band: points of the polygon around it, its intervals.
    """

    curve: Curve
    undisturbed: float
    dots: tuple[tuple[float, float, CurvePoint], ...]
    polyline: str
    band: str


@dataclass(frozen=True, slots=True)
class CurveFigure:
    """A task and a probe.

    Attributes:
        task: the task's name.
        title: of the probe.
        unit: of its levels.
        x_ticks: x and name of each level, side by side as they come.
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
    """Curves of one task and probe in one drawing."""
    return [_make_figure(own) for own in group_curves(curves)]


def _make_figure(curves: Sequence[Curve]) -> CurveFigure:
    """A drawing."""
    first = curves[0]
    levels = [level for level in PROBES[first.probe].levels if any(level == p.level for c in curves for p in c.points)]
    step = (RIGHT - LEFT) / len(levels)
    across = {level: round(LEFT + step * (place + 0.5), 1) for place, level in enumerate(levels)}
    tops = [curve.undisturbed for curve in curves] + [point.high for curve in curves for point in curve.points]
    scale = next(full for full in FULL_SCALES if max(tops) <= full)

    def to_y(share: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * share / scale, 1)

    def make_line(curve: Curve) -> CurveLine:
        dots = tuple((across[point.level], to_y(point.hit), point) for point in curve.points)
        edge = [(across[point.level], to_y(point.high)) for point in curve.points]
        edge += [(across[point.level], to_y(point.low)) for point in reversed(curve.points)]
        return CurveLine(
            curve, to_y(curve.undisturbed), dots, format_points([(x, y) for x, y, _ in dots]), format_points(edge)
        )

    return CurveFigure(
        task=first.task,
        title=first.title,
        unit=first.unit,
        x_ticks=tuple((x, level) for level, x in across.items()),
        y_ticks=tuple((to_y(scale * step / 4), f"{scale * step / 4:.2f}") for step in range(5)),
        chance=to_y(first.chance),
        lines=tuple(map(make_line, curves)),
    )


def format_points(points: Sequence[tuple[float, float]]) -> str:
    """Points as SVG writes them."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)
