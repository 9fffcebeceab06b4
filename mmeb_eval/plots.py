"""Robustness curves as coordinates of a drawing; the page only writes them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmeb_eval.curves import Curve, Point

WIDTH, HEIGHT = 360, 216
"""Of a drawing, in its own units."""

LEFT, RIGHT, TOP, BOTTOM = 36, 348, 10, 176
"""Edges of the area between the axes."""

FULL_SCALES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Heights that a score axis may have."""


@dataclass(frozen=True, slots=True)
class Series:
    """A model's line.

    Attributes:
        model: its name.
        dots: x, y and the point.
        line: points of the polyline.
        band: points of the polygon around it, its intervals.
    """

    model: str
    dots: tuple[tuple[float, float, Point], ...]
    line: str
    band: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One disturbance of one source.

    Attributes:
        title: the disturbance.
        source: the SCaR source.
        unit: of the strength.
        across: x and label of each tick.
        up: y and label of each tick.
        chance: y of the chance level.
        series: one a model.
    """

    title: str
    source: str
    unit: str
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    chance: float
    series: tuple[Series, ...]


def figures(curves: Sequence[Curve]) -> list[Figure]:
    """Curves of one source and disturbance in one drawing; the axis runs as the first curve does, mildest first."""
    together: dict[tuple[str, str, str], list[Curve]] = {}
    for curve in curves:
        if curve.points:
            together.setdefault((curve.source, curve.name, curve.unit), []).append(curve)
    return [_figure(own) for own in together.values()]


def _figure(curves: Sequence[Curve]) -> Figure:
    """A drawing."""
    first = curves[0]
    strengths = sorted({point.x for curve in curves for point in curve.points})
    if first.points[0].x > first.points[-1].x:
        strengths.reverse()
    span = strengths[-1] - strengths[0]
    highest = max(point.high for curve in curves for point in curve.points)
    scale = next(full for full in FULL_SCALES if highest <= full)

    def across(x: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * ((x - strengths[0]) / span if span else 0.5), 1)

    def up(share: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * share / scale, 1)

    def series(curve: Curve) -> Series:
        dots = tuple((across(point.x), up(point.score), point) for point in curve.points)
        edge = [(across(point.x), up(point.high)) for point in curve.points]
        edge += [(across(point.x), up(point.low)) for point in reversed(curve.points)]
        return Series(curve.model, dots, _path([(x, y) for x, y, _ in dots]), _path(edge))

    return Figure(
        title=first.name,
        source=first.source,
        unit=first.unit,
        across=tuple((across(x), f"{x:g}") for x in strengths),
        up=tuple((up(scale * step / 4), f"{scale * step / 4:.2f}") for step in range(5)),
        chance=up(first.chance),
        series=tuple(series(curve) for curve in curves),
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Points as SVG writes them."""
    return " ".join(f"{x:g},{y:g}" for x, y in points)
