"""Small drawings that several scenes share; each is drawn in a frame of its own."""

from __future__ import annotations

import math
from random import Random

from scar.demo.canvas import Canvas, Point


def draw_cloud(frame: Canvas) -> None:
    for x, y, r in ((-0.3, 0, 0.2), (0, -0.1, 0.28), (0.3, 0, 0.2), (0, 0.06, 0.24)):
        frame.disc(x, y, r, "#ffffff", flat=0.75)


def draw_pine(frame: Canvas, colour: str, *, snow: bool = False) -> None:
    frame.rect(-0.04, -0.15, 0.04, 0.02, "#5e4632")
    for low, high, half in ((-0.1, -0.52, 0.3), (-0.36, -0.76, 0.24), (-0.62, -1, 0.17)):
        frame.poly([(0, high), (half, low), (-half, low)], colour)
        if snow:
            frame.poly(
                [
                    (0, high),
                    (half * 0.5, (low + high) / 2),
                    (0, (low + high) / 2 + 0.05),
                    (-half * 0.5, (low + high) / 2),
                ],
                "#ffffff",
            )


def draw_palm(frame: Canvas, rng: Random) -> None:
    lean = rng.uniform(0.1, 0.22)
    for k in range(8):
        low, high = lean * (k / 8) ** 2, lean * ((k + 1) / 8) ** 2
        frame.poly(
            [
                (low - 0.035, -0.1 * k),
                (low + 0.035, -0.1 * k),
                (high + 0.028, -0.1 * (k + 1)),
                (high - 0.028, -0.1 * (k + 1)),
            ],
            "#8d6239" if k % 2 else "#9d7043",
        )
    for angle, colour in zip((-3, -2.2, -1.5, -0.8, 0, -2.6, -0.4), ("#2f8f4e",) * 5 + ("#3aa45c",) * 2, strict=True):
        across, up = math.cos(angle), math.sin(angle)
        tip = (0.4 * across, 0.2 * up + 0.14 * abs(across))
        upper = [_curve_point((0.2 * across, 0.3 * up - 0.16), tip, k / 6) for k in range(7)]
        lower = [_curve_point((0.16 * across, 0.2 * up - 0.02), tip, k / 6) for k in range(6, -1, -1)]
        frame.poly([(lean + x, y - 0.8) for x, y in upper + lower], colour)
    for dx in (-0.03, 0.03):
        frame.disc(lean + dx, -0.8, 0.03, "#6b4423")


def _curve_point(control: Point, end: Point, share: float) -> Point:
    """Point of the quadratic Bezier curve from the origin to ``end`` with the control point ``control``.

    Args:
        control: control point of the curve.
        end: end of the curve.
        share: parameter of the curve: 0 at the origin, 1 at the end.
    """
    bend, rest = 2 * share * (1 - share), share * share
    return bend * control[0] + rest * end[0], bend * control[1] + rest * end[1]


def draw_boat(frame: Canvas, hull: str) -> None:
    frame.line([(0, -0.1), (0, -1)], "#6b4c30", 0.03)
    frame.poly([(0.04, -0.98), (0.04, -0.22), (0.46, -0.22)], "#fffdf7")
    frame.poly([(-0.04, -0.85), (-0.04, -0.22), (-0.34, -0.22)], "#f1e4cc")
    frame.poly([(-0.5, -0.16), (0.56, -0.16), (0.36, 0.12), (-0.34, 0.12)], hull)
    frame.poly([(-0.5, -0.16), (0.56, -0.16), (0.52, -0.1), (-0.46, -0.1)], "#00000033")


def draw_fish(frame: Canvas, rng: Random) -> None:
    turn = rng.choice((-1, 1))
    colour = rng.choice(("#ffd166", "#ff8552", "#f7f7ff"))
    frame.disc(0, 0, 0.5, colour, flat=0.6)
    frame.poly([(-0.35 * turn, 0), (-0.8 * turn, -0.3), (-0.8 * turn, 0.3)], colour)
    frame.disc(0.25 * turn, -0.06, 0.06, "#1d2b3a")


def draw_football(frame: Canvas) -> None:
    frame.disc(0.06, 0.75, 0.8, "#00000033", flat=0.3)
    frame.disc(0, 0, 0.8, "#ffffff")
    frame.disc(0, 0, 0.26, "#22262b")
    for k in range(5):
        angle = 2 * math.pi * k / 5 - math.pi / 2
        frame.disc(0.64 * math.cos(angle), 0.64 * math.sin(angle), 0.15, "#22262b")
