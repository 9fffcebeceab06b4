"""The shapes of the demo world as outlines, and its colours, which are easy to tell apart."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scar.demo.canvas import Point

COLOURS: Mapping[str, str] = {
    "red": "#e53030",
    "orange": "#fb8c00",
    "yellow": "#ffd93b",
    "green": "#2fa84f",
    "blue": "#1e78e6",
    "purple": "#8a35b8",
    "pink": "#ff8fbf",
    "black": "#23262b",
}
"""Name -> hexadecimal colour."""


def _arc_points(radius: float, start: float, stop: float, steps: int, x: float = 0, y: float = 0) -> tuple[Point, ...]:
    """Points on a circle around (x, y); angles are turns, from the right (0) clockwise."""
    angles = (2 * math.pi * (start + (stop - start) * k / steps) for k in range(steps + 1))
    return tuple((x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles)


def _spoke_points(*radii: float, count: int) -> tuple[Point, ...]:
    """``count`` points around the centre, from the top; their distances from the centre alternate between ``radii``."""
    angles = (2 * math.pi * k / count - math.pi / 2 for k in range(count))
    return tuple(
        (radii[k % len(radii)] * math.cos(angle), radii[k % len(radii)] * math.sin(angle))
        for k, angle in enumerate(angles)
    )


def _heart_points() -> tuple[Point, ...]:
    """Points on the heart curve x = 16 sin(t) ** 3, y = 13 cos(t) - 5 cos(2t) - 2 cos(3t) - cos(4t), scaled."""
    turns = (2 * math.pi * k / 48 for k in range(48))
    return tuple(
        (
            math.sin(t) ** 3,
            -0.1 - (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16,
        )
        for t in turns
    )


def _flower_points() -> tuple[Point, ...]:
    """Points on the outline of a flower with five round petals, one of them at the top."""
    turns = [2 * math.pi * k / 80 for k in range(80)]
    radii = [0.6 + 0.44 * abs(math.cos(2.5 * turn)) ** 0.7 for turn in turns]
    return tuple((r * math.sin(turn), -r * math.cos(turn)) for r, turn in zip(radii, turns, strict=True))


SHAPES: Mapping[str, tuple[Point, ...]] = {
    "circle": _arc_points(0.92, 0, 1, 48),
    "square": ((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
    "triangle": ((0, -0.95), (1, 0.8), (-1, 0.8)),
    "star": _spoke_points(1.1, 0.46, count=10),
    "heart": _heart_points(),
    # A seam of no width leads to the hole, so one polygon is enough.
    "ring": _arc_points(1, 0, 1, 48) + _arc_points(0.52, 1, 0, 40),
    "cross": tuple(
        (x, y)
        for x, y in (
            (-0.32, -0.95),
            (0.32, -0.95),
            (0.32, -0.32),
            (0.95, -0.32),
            (0.95, 0.32),
            (0.32, 0.32),
            (0.32, 0.95),
            (-0.32, 0.95),
            (-0.32, 0.32),
            (-0.95, 0.32),
            (-0.95, -0.32),
            (-0.32, -0.32),
        )
    ),
    "crescent": _arc_points(1, 0.14, 0.86, 40, x=0.2) + _arc_points(0.841, 0.816, 0.184, 32, x=0.5),
    "diamond": ((0, -1.1), (0.74, 0), (0, 1.1), (-0.74, 0)),
    "hexagon": _spoke_points(1, count=6),
    "arrow": ((-1, -0.3), (0.1, -0.3), (0.1, -0.85), (1.05, 0), (0.1, 0.85), (0.1, 0.3), (-1, 0.3)),
    "flower": _flower_points(),
}
"""Name -> outline around (0, 0) with a radius of about 1."""
