"""Robustness curves as coordinates of a drawing; the page only writes them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmeb_eval.regions.robustness import PROBES
from mmeb_eval.report.curves import Curve, Point, figures

WIDTH, HEIGHT = 360, 216
"""Of a drawing, in its own units."""

LEFT, RIGHT, TOP, BOTTOM = 44, 340, 10, 176
"""Edges of the area between the axes."""

FULL_SCALES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Heights that a score axis may have."""


@dataclass(frozen=True, slots=True)
class Line:
    """A model's curve.

    Attributes:
        curve: what is drawn.
        undisturbed: y of the ordinary score.
        dots: x, y and the point.
        line: points of the polyline.
        band: points of the polygon around it, its intervals.
    """

    curve: Curve
    undisturbed: float
    dots: tuple[tuple[float, float, Point], ...]
    line: str
    band: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A task and a probe.

    Attributes:
        task: the task's name.
        title: of the probe.
        unit: of its levels.
        across: x and name of each level, side by side as they come.
        up: y and label of each tick.
        chance: y of the chance level.
        lines: one a model.
    """

    task: str
    title: str
    unit: str
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    chance: float
    lines: tuple[Line, ...]


def drawn(curves: Sequence[Curve]) -> list[Figure]:
    """Curves of one task and probe in one drawing."""
    return [_figure(own) for own in figures(curves)]


def _figure(curves: Sequence[Curve]) -> Figure:
    """A drawing."""
    first = curves[0]
    levels = [level for level in PROBES[first.probe].levels if any(level == p.level for c in curves for p in c.points)]
    step = (RIGHT - LEFT) / len(levels)
    across = {level: round(LEFT + step * (place + 0.5), 1) for place, level in enumerate(levels)}
    tops = [curve.undisturbed for curve in curves] + [point.high for curve in curves for point in curve.points]
    scale = next(full for full in FULL_SCALES if max(tops) <= full)

    def up(share: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * share / scale, 1)

    def line(curve: Curve) -> Line:
        dots = tuple((across[point.level], up(point.hit), point) for point in curve.points)
        edge = [(across[point.level], up(point.high)) for point in curve.points]
        edge += [(across[point.level], up(point.low)) for point in reversed(curve.points)]
        return Line(curve, up(curve.undisturbed), dots, _path([(x, y) for x, y, _ in dots]), _path(edge))

    return Figure(
        task=first.task,
        title=first.title,
        unit=first.unit,
        across=tuple((x, level) for level, x in across.items()),
        up=tuple((up(scale * step / 4), f"{scale * step / 4:.2f}") for step in range(5)),
        chance=up(first.chance),
        lines=tuple(map(line, curves)),
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Points as SVG writes them."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)
