"""The places of the demo world, each painted so that a person names it at a glance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from scar.scenes.canvas import Canvas, Point


@dataclass(frozen=True, slots=True)
class Scene:
    """A place.

    Attributes:
        label: the noun, as annotations name it.
        place: where something is that is there, "on a beach".
        view: what the picture shows, for sentences about the whole of it.
        paint: covers the canvas; only small things differ between two pictures of one place.
    """

    label: str
    place: str
    view: str
    paint: Callable[[Canvas, Random], None]


def _beach(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#4fb4ec", "#d5f1fb", bottom=0.45)
    sun = rng.uniform(0.35, 0.6)
    canvas.disc(sun, 0.14, 0.13, "#fff6c255")
    canvas.disc(sun, 0.14, 0.085, "#fff1a0")
    _cloud(canvas.frame(rng.uniform(0.7, 0.8), 0.16, 0.2))
    canvas.rect(0, 0.4, 1, 1, "#1c8fc4")
    canvas.waves(0.47, 0.006, 5, rng.random(), "#2ba4d2")
    canvas.waves(0.55, 0.008, 4, rng.random(), "#4fc0dc")
    shore = rng.random()
    canvas.waves(0.63, 0.018, 1.3, shore, "#ffffff")
    canvas.waves(0.65, 0.018, 1.3, shore, "#e9c98d")
    canvas.waves(0.68, 0.02, 1.3, shore, "#f6dfa6")
    _boat(canvas.frame(rng.uniform(0.55, 0.85), 0.42, 0.12), "#ffffff")
    _palm(canvas.frame(rng.uniform(0.08, 0.18), 0.92, 0.75), rng)
    umbrella = canvas.frame(rng.uniform(0.74, 0.86), 0.93, 0.3)
    umbrella.line([(0, 0), (0.12, -0.8)], "#8d6e4a", 0.05)
    for k, colour in enumerate(("#f25f5c", "#ffffff", "#f25f5c", "#ffffff", "#f25f5c")):
        edge = [
            (0.12 + 0.6 * math.cos(math.pi * t / 10), -0.66 - 0.42 * math.sin(math.pi * t / 10))
            for t in (2 * k, 2 * k + 1, 2 * k + 2)
        ]
        umbrella.poly([(0.12, -1.08), *edge, (0.12, -0.66)], colour)


def _mountain(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#6fa8dc", "#dfeefa")
    _cloud(canvas.frame(rng.uniform(0.1, 0.3), 0.14, 0.22))
    _cloud(canvas.frame(rng.uniform(0.7, 0.9), 0.1, 0.18))
    for x, top, half, rock, shade in (
        (rng.uniform(0.05, 0.2), 0.3, 0.42, "#8b9bb4", "#74859f"),
        (rng.uniform(0.8, 0.95), 0.26, 0.45, "#8191ac", "#6b7c97"),
        (rng.uniform(0.42, 0.58), 0.1, 0.5, "#6b7a94", "#57667f"),
    ):
        foot = 0.86
        canvas.poly([(x, top), (x + half, foot), (x - half, foot)], rock)
        canvas.poly([(x, top), (x + half, foot), (x + 0.1 * half, foot)], shade)
        edge = [(-0.42, 0.42), (-0.24, 0.34), (-0.1, 0.46), (0.04, 0.32), (0.2, 0.44), (0.38, 0.38)]
        cap = [(x + u * half, top + v * (foot - top)) for u, v in edge]
        canvas.poly([(x, top), *reversed(cap)], "#ffffff")
        canvas.poly([(x, top), cap[5], cap[4], cap[3]], "#e3edf7")
    canvas.waves(0.74, 0.02, 1, rng.random(), "#e8f1f9")
    canvas.waves(0.83, 0.02, 1.5, rng.random(), "#ffffff")
    for x in (0.06, 0.17, 0.83, 0.94):
        _pine(
            canvas.frame(x + rng.uniform(-0.03, 0.03), rng.uniform(0.82, 0.95), rng.uniform(0.24, 0.36)),
            "#2d6a57",
            snow=True,
        )


def _street(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#0b1437", "#2a2f6b", "#5a4a86")
    canvas.disc(rng.uniform(0.4, 0.6), 0.12, 0.06, "#f5f1d6")
    for _ in range(24):
        canvas.disc(rng.random(), rng.uniform(0, 0.4), 0.004, "#ffffffcc")
    x = -0.02
    while x < 1:
        width = rng.uniform(0.13, 0.2)
        side = abs(x + width / 2 - 0.5)
        top = rng.uniform(0.42, 0.55) - 0.7 * side
        canvas.rect(x, top, x + width, 0.8, rng.choice(("#1b2148", "#232a58", "#181c3d", "#2b3166")))
        columns, rows = 4, int((0.74 - top) / 0.06)
        for row in range(rows):
            for column in range(columns):
                if rng.random() < 0.6:
                    left, up = x + width * (column + 0.25) / columns, top + 0.03 + 0.06 * row
                    canvas.rect(
                        left,
                        up,
                        left + 0.5 * width / columns,
                        up + 0.034,
                        rng.choice(("#ffd66b", "#ffe9a8", "#f7b84b")),
                    )
        x += width + 0.01
    canvas.rect(0, 0.76, 1, 1, "#4a4d5e")
    canvas.poly([(0.3, 0.78), (0.7, 0.78), (1.15, 1), (-0.15, 1)], "#2b2d3a")
    for up, down in ((0.79, 0.82), (0.85, 0.89), (0.93, 1)):
        canvas.poly(
            [
                (0.5 - (up - 0.7) / 12, up),
                (0.5 + (up - 0.7) / 12, up),
                (0.5 + (down - 0.7) / 12, down),
                (0.5 - (down - 0.7) / 12, down),
            ],
            "#f2e6a0",
        )
    for x, turn in ((0.1, 1), (0.9, -1)):
        lamp = canvas.frame(x, 0.92, 0.6)
        lamp.line([(0, 0), (0, -0.85), (0.18 * turn, -0.9)], "#14162a", 0.03)
        lamp.disc(0.2 * turn, -0.87, 0.16, "#ffe08a33")
        lamp.disc(0.2 * turn, -0.87, 0.06, "#fff3c4")


def _forest(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#cfeec2", "#8fcf8b", "#4d9b5a")
    for k in range(9):
        _pine(canvas.frame(k / 8 + rng.uniform(-0.04, 0.04), 0.7, rng.uniform(0.6, 0.75)), "#79bd7e")
    canvas.waves(0.68, 0.015, 2, rng.random(), "#5da35f")
    for k in range(6):
        _pine(canvas.frame(k / 5 + rng.uniform(-0.05, 0.05), 0.8, rng.uniform(0.65, 0.8)), "#3f8f54")
    canvas.waves(0.78, 0.015, 1.5, rng.random(), "#3f8a4a")
    for x in (0.02, 0.3, 0.68, 0.97):
        tree = canvas.frame(x + rng.uniform(-0.05, 0.05), rng.uniform(0.9, 0.97), rng.uniform(0.75, 0.9))
        tree.poly([(-0.05, 0), (-0.03, -0.6), (0.03, -0.6), (0.06, 0)], "#6b4a2f")
        for dx, dy, r, colour in (
            (-0.14, -0.55, 0.16, "#2a6e3f"),
            (0.14, -0.57, 0.16, "#2a6e3f"),
            (0, -0.72, 0.2, "#347d48"),
        ):
            tree.disc(dx, dy, r, colour)
    canvas.waves(0.93, 0.015, 2, rng.random(), "#2f6e3a")
    for _ in range(4):
        mushroom = canvas.frame(rng.random(), rng.uniform(0.94, 0.98), 0.07)
        mushroom.rect(-0.15, -0.5, 0.15, 0.1, "#f5ead6", corner=0.1)
        mushroom.poly(
            [(0.5 * math.cos(math.pi * t / 8), -0.35 - 0.5 * math.sin(math.pi * t / 8)) for t in range(9)], "#d6453d"
        )
        mushroom.disc(0.05, -0.6, 0.09, "#ffffff")


def _desert(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#f7a13d", "#fcd184", "#fff0c9", bottom=0.7)
    canvas.disc(rng.uniform(0.25, 0.75), 0.24, 0.13, "#fff7dd")
    mesa = rng.uniform(0.1, 0.6)
    canvas.poly([(mesa, 0.6), (mesa + 0.05, 0.42), (mesa + 0.24, 0.42), (mesa + 0.31, 0.6)], "#d0824a")
    canvas.waves(0.58, 0.025, 1, rng.random(), "#eab566")
    canvas.waves(0.68, 0.035, 1.2, rng.random(), "#e0a350")
    canvas.waves(0.82, 0.04, 0.9, rng.random(), "#d5923f")
    for x, y, size in (
        (rng.uniform(0.08, 0.2), 0.9, 0.5),
        (rng.uniform(0.8, 0.92), 0.8, 0.36),
        (rng.uniform(0.4, 0.6), 0.68, 0.18),
    ):
        cactus = canvas.frame(x, y, size)
        for arm in (
            [(0, 0), (0, -0.9)],
            [(0, -0.35), (-0.24, -0.38), (-0.24, -0.65)],
            [(0, -0.45), (0.24, -0.48), (0.24, -0.78)],
        ):
            cactus.line(arm, "#3f7d4b", 0.14)
            cactus.disc(arm[-1][0], arm[-1][1], 0.07, "#3f7d4b")
        cactus.line([(0.02, -0.05), (0.02, -0.88)], "#5a9a60", 0.03)


def _kitchen(canvas: Canvas, rng: Random) -> None:
    canvas.rect(0, 0, 1, 1, "#f4ecdc")
    for row in range(4):
        for column in range(12):
            canvas.rect(
                column / 12 + 0.004, 0.36 + row * 0.065, (column + 1) / 12 - 0.004, 0.42 + row * 0.065, "#dcebea"
            )
    wood = rng.choice(("#7fa99b", "#c98b5e", "#8aa4c8"))
    for x in (0.02, 0.18, 0.68, 0.84):
        canvas.rect(x, 0.04, x + 0.145, 0.31, wood, corner=0.01)
        canvas.rect(x + 0.02, 0.06, x + 0.125, 0.29, "#ffffff33", corner=0.01)
        canvas.disc(x + 0.115, 0.24, 0.01, "#f2f2f2")
    canvas.poly([(0.42, 0.02), (0.58, 0.02), (0.64, 0.24), (0.36, 0.24)], "#b9c0c6")
    canvas.rect(0.36, 0.23, 0.64, 0.28, "#98a1a8")
    canvas.rect(0, 0.9, 1, 1, "#b98a62")
    for x in (0.02, 0.18, 0.68):
        canvas.rect(x, 0.66, x + 0.145, 0.9, wood, corner=0.01)
        canvas.rect(x + 0.02, 0.69, x + 0.125, 0.87, "#ffffff33", corner=0.01)
        canvas.disc(x + 0.072, 0.71, 0.01, "#f2f2f2")
    canvas.rect(-0.02, 0.61, 0.84, 0.66, "#6e5a4b")
    canvas.rect(0.345, 0.61, 0.655, 0.9, "#3c4247", corner=0.01)
    canvas.rect(0.385, 0.71, 0.615, 0.87, "#1e2226", corner=0.02)
    canvas.rect(0.385, 0.68, 0.615, 0.695, "#c7cdd2")
    for x in (0.4, 0.47, 0.53, 0.6):
        canvas.disc(x, 0.645, 0.014, "#d9dde0")
    pot = canvas.frame(0.5, 0.61, 0.18)
    pot.rect(-0.4, -0.55, 0.4, 0, "#cf5c36", corner=0.1)
    pot.rect(-0.58, -0.42, 0.58, -0.32, "#a8451f")
    pot.rect(-0.45, -0.63, 0.45, -0.53, "#a8451f")
    pot.disc(0, -0.68, 0.07, "#3b2a22")
    canvas.rect(0.835, 0.3, 1, 0.93, "#e8edf0", corner=0.03)
    canvas.rect(0.835, 0.52, 1, 0.528, "#aab4ba")
    canvas.rect(0.855, 0.4, 0.867, 0.49, "#9aa5ab")
    canvas.rect(0.855, 0.56, 0.867, 0.7, "#9aa5ab")


def _bedroom(canvas: Canvas, rng: Random) -> None:
    wall, blanket = rng.choice((("#cfdcec", "#5b7fb5"), ("#ead7e6", "#9a6aa8"), ("#d8e6d3", "#5f9a76")))
    canvas.rect(0, 0, 1, 1, wall)
    canvas.rect(0, 0.8, 1, 1, "#b98c63")
    for y in (0.85, 0.92):
        canvas.rect(0, y, 1, y + 0.006, "#a67b54")
    canvas.rect(0.08, 0.08, 0.34, 0.42, "#ffffff")
    canvas.rect(0.1, 0.1, 0.32, 0.4, "#93cdf2")
    canvas.rect(0.205, 0.1, 0.215, 0.4, "#ffffff")
    canvas.rect(0.1, 0.245, 0.32, 0.255, "#ffffff")
    for x in (0.05, 0.3):
        canvas.rect(x, 0.06, x + 0.08, 0.46, "#f3b562")
        for fold in (0.025, 0.05):
            canvas.rect(x + fold, 0.06, x + fold + 0.006, 0.46, "#d99843")
    canvas.rect(0.03, 0.05, 0.4, 0.07, "#7a5a3c")
    canvas.rect(0.6, 0.12, 0.84, 0.32, "#8a6746")
    canvas.rect(0.62, 0.14, 0.82, 0.3, "#fdf6e3")
    canvas.poly([(0.62, 0.3), (0.69, 0.19), (0.74, 0.25), (0.77, 0.21), (0.82, 0.3)], "#7fae8b")
    canvas.rect(0.36, 0.48, 0.97, 0.8, "#8a5a35", corner=0.04)
    canvas.rect(0.38, 0.62, 0.95, 0.84, "#fffaf0", corner=0.02)
    for x in (0.42, 0.68):
        canvas.rect(x, 0.56, x + 0.22, 0.68, "#ffffff", corner=0.05)
        canvas.rect(x + 0.01, 0.64, x + 0.21, 0.68, "#dfe4ea", corner=0.02)
    canvas.rect(0.36, 0.68, 0.97, 0.92, blanket, corner=0.03)
    canvas.rect(0.36, 0.68, 0.97, 0.74, "#ffffffaa", corner=0.03)
    for x in (0.39, 0.91):
        canvas.rect(x, 0.92, x + 0.03, 0.96, "#6d4527")
    canvas.rect(0.1, 0.68, 0.3, 0.9, "#9b6b42", corner=0.01)
    canvas.rect(0.12, 0.72, 0.28, 0.8, "#b58357")
    canvas.disc(0.2, 0.76, 0.012, "#5c3c22")
    canvas.rect(0.19, 0.58, 0.21, 0.68, "#6b6f76")
    canvas.disc(0.2, 0.55, 0.15, "#fff3b044")
    canvas.poly([(0.155, 0.5), (0.245, 0.5), (0.275, 0.6), (0.125, 0.6)], "#ffe38a")


def _football_field(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#79bdf0", "#d3ecfb", bottom=0.3)
    canvas.rect(0, 0.16, 1, 0.38, "#59647a")
    crowd = ("#f4d35e", "#ee964b", "#f95738", "#ffffff", "#8ecae6", "#c8d5b9")
    for row in range(5):
        for seat in range(34):
            if rng.random() < 0.8:
                canvas.disc((seat + 0.5 * (row % 2)) / 33, 0.19 + 0.035 * row, 0.012, rng.choice(crowd))
    canvas.rect(0, 0.36, 1, 0.42, "#e9eef2")
    for k, colour in enumerate(("#d7263d", "#1b998b", "#2e5aac", "#f4a300")):
        canvas.rect(k / 4 + 0.01, 0.37, (k + 1) / 4 - 0.01, 0.41, colour)
    for k in range(7):
        near, far = 0.42 + 0.58 * (k / 7) ** 1.3, 0.42 + 0.58 * ((k + 1) / 7) ** 1.3
        canvas.rect(0, near, 1, far, "#3fa34d" if k % 2 else "#4cb45b")
    white = "#f7fff7"
    canvas.line([(0, 0.47), (1, 0.47)], white, 0.012)
    canvas.line([(0.18, 0.47), (0.06, 0.74), (0.94, 0.74), (0.82, 0.47)], white, 0.014)
    canvas.line([(0.31, 0.47), (0.26, 0.57), (0.74, 0.57), (0.69, 0.47)], white, 0.012)
    arc = [(0.5 + 0.16 * math.cos(math.pi * t / 16), 0.74 + 0.09 * math.sin(math.pi * t / 16)) for t in range(17)]
    canvas.line(arc, white, 0.014)
    canvas.disc(0.5, 0.66, 0.012, white)
    for k in range(1, 12):
        canvas.line([(0.36 + 0.28 * k / 12, 0.27), (0.36 + 0.28 * k / 12, 0.47)], "#ffffff77", 0.004)
    for k in range(1, 7):
        canvas.line([(0.36, 0.27 + 0.2 * k / 7), (0.64, 0.27 + 0.2 * k / 7)], "#ffffff77", 0.004)
    canvas.line([(0.36, 0.475), (0.36, 0.27), (0.64, 0.27), (0.64, 0.475)], "#ffffff", 0.018)
    _football(canvas.frame(rng.uniform(0.2, 0.8), rng.uniform(0.82, 0.94), 0.05))


def _coral_reef(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#5fd4ea", "#1b8fc2", "#0b4f86")
    for _ in range(5):
        x = rng.uniform(0, 0.9)
        canvas.poly([(x, 0), (x + rng.uniform(0.05, 0.1), 0), (x + 0.3, 1), (x + 0.05, 1)], "#ffffff18")
    canvas.waves(0.86, 0.025, 1.2, rng.random(), "#d9c08a")
    canvas.waves(0.93, 0.02, 1.7, rng.random(), "#c9ac70")
    for x in (0.1, 0.36, 0.66, 0.9):
        x += rng.uniform(-0.06, 0.06)
        kind = rng.randrange(3)
        coral = canvas.frame(x, rng.uniform(0.9, 0.97), rng.uniform(0.26, 0.4))
        if kind == 0:
            colour = rng.choice(("#ff6f69", "#ff9a5a", "#e85d9b"))
            for trunk in (
                [(0, 0), (0, -0.8)],
                [(0, -0.25), (-0.3, -0.45), (-0.32, -0.75)],
                [(0, -0.35), (0.28, -0.5), (0.3, -0.85)],
                [(-0.3, -0.45), (-0.5, -0.55)],
                [(0.28, -0.5), (0.46, -0.55)],
            ):
                coral.line(trunk, colour, 0.13)
                coral.disc(trunk[-1][0], trunk[-1][1], 0.065, colour)
        elif kind == 1:
            for blade in (-0.3, -0.1, 0.1, 0.3):
                sway = rng.uniform(-0.1, 0.1)
                path = [(blade + sway * k / 6 + 0.05 * math.sin(1.8 * k), -0.18 * k) for k in range(7)]
                coral.line(path, "#2fa36b" if blade > 0 else "#238a58", 0.07)
        else:
            colour = rng.choice(("#b565c9", "#f2b134", "#e0607e"))
            coral.poly(
                [(0.42 * math.cos(math.pi * t / 12), -0.6 * math.sin(math.pi * t / 12)) for t in range(13)], colour
            )
            for t in range(1, 6):
                coral.line(
                    [(0, -0.05), (0.38 * math.cos(math.pi * t / 6), -0.54 * math.sin(math.pi * t / 6))],
                    "#ffffff55",
                    0.03,
                )
    for _ in range(4):
        _fish(canvas.frame(rng.random(), rng.uniform(0.1, 0.75), rng.uniform(0.08, 0.12)), rng)
    for _ in range(10):
        canvas.disc(rng.random(), rng.uniform(0.02, 0.8), rng.uniform(0.006, 0.016), "#ffffff66")


def _outer_space(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#060818", "#141338", "#2a1a4f")
    for _ in range(4):
        canvas.disc(rng.random(), rng.random(), rng.uniform(0.15, 0.3), "#7b4fb512", flat=0.6)
    for _ in range(70):
        canvas.disc(
            rng.random(), rng.random(), rng.choice((0.003, 0.004, 0.006)), rng.choice(("#ffffff", "#ffe9b0", "#bcd7ff"))
        )
    saturn = canvas.frame(rng.uniform(0.74, 0.84), rng.uniform(0.2, 0.28), 0.16)
    saturn.disc(0, 0, 0.68, "#e2b072")
    for y, colour in ((-0.25, "#cf9858"), (0.05, "#f0c78d"), (0.3, "#cf9858")):
        half = math.sqrt(0.66**2 - y**2)
        saturn.rect(-half, y - 0.06, half, y + 0.06, colour)
    ring = [
        (1.25 * math.cos(math.pi * t / 20), 0.1 * math.cos(math.pi * t / 20) + 0.34 * math.sin(math.pi * t / 20))
        for t in range(-4, 25)
    ]
    saturn.line(ring, "#f3dfb8", 0.12)
    earth = canvas.frame(rng.uniform(0.1, 0.2), rng.uniform(0.18, 0.3), 0.1)
    earth.disc(0, 0, 1, "#2f7fd8")
    for x, y, r in ((-0.35, -0.3, 0.36), (0.3, 0.25, 0.4), (0.35, -0.5, 0.2)):
        earth.disc(x, y, r, "#4cb46a", flat=0.8)
    moon = canvas.frame(0.5, 1.5, 1)
    moon.disc(0, 0, 0.8, "#a6a8b3")
    for _ in range(9):
        angle, radius = rng.uniform(-2.3, -0.85), rng.uniform(0.55, 0.74)
        moon.disc(radius * math.cos(angle), radius * math.sin(angle), rng.uniform(0.02, 0.05), "#86889a", flat=0.55)
    rocket = canvas.frame(rng.uniform(0.42, 0.56), 0.4, 0.2)
    rocket.poly([(-0.14, 0.5), (0.14, 0.5), (0, 1)], "#ffb13b")
    rocket.poly([(-0.08, 0.5), (0.08, 0.5), (0, 0.78)], "#fff0a8")
    rocket.poly([(-0.2, 0.1), (-0.42, 0.55), (-0.18, 0.48)], "#d8433b")
    rocket.poly([(0.2, 0.1), (0.42, 0.55), (0.18, 0.48)], "#d8433b")
    rocket.poly(
        [(0, -0.75), (0.16, -0.45), (0.22, -0.1), (0.17, 0.5), (-0.17, 0.5), (-0.22, -0.1), (-0.16, -0.45)], "#eef1f6"
    )
    rocket.poly([(0, -0.75), (0.16, -0.45), (-0.16, -0.45)], "#d8433b")
    rocket.disc(0, -0.15, 0.11, "#3b6fb5")


def _farm(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#7ec8f2", "#e3f5fd", bottom=0.6)
    _cloud(canvas.frame(rng.uniform(0.05, 0.3), 0.12, 0.22))
    _cloud(canvas.frame(rng.uniform(0.6, 0.9), 0.17, 0.2))
    canvas.waves(0.5, 0.03, 1, rng.random(), "#a8d36e")
    canvas.waves(0.57, 0.02, 1.4, rng.random(), "#8cc152")
    canvas.rect(0, 0.68, 1, 1, "#c79a4b")
    for k in range(-7, 8):
        canvas.poly(
            [(0.5 + 0.06 * k, 0.68), (0.5 + 0.06 * (k + 0.5), 0.68), (0.5 + 0.2 * (k + 0.5), 1), (0.5 + 0.2 * k, 1)],
            "#7fae3f",
        )
    barn = canvas.frame(rng.uniform(0.55, 0.66), 0.68, 0.36)
    barn.rect(0.62, -0.95, 0.84, 0, "#cdd4da", corner=0.02)
    barn.disc(0.73, -0.95, 0.11, "#9fabb5")
    barn.poly([(-0.5, 0), (-0.5, -0.55), (-0.36, -0.82), (0, -1), (0.36, -0.82), (0.5, -0.55), (0.5, 0)], "#b8322a")
    barn.line([(-0.56, -0.52), (-0.38, -0.84), (0, -1.03), (0.38, -0.84), (0.56, -0.52)], "#6d2520", 0.07)
    barn.rect(-0.22, -0.42, 0.22, 0, "#fdf7ee")
    barn.rect(-0.18, -0.38, 0.18, 0, "#9c2720")
    barn.line([(-0.18, -0.38), (0.18, 0)], "#fdf7ee", 0.035)
    barn.line([(0.18, -0.38), (-0.18, 0)], "#fdf7ee", 0.035)
    barn.rect(-0.1, -0.76, 0.1, -0.56, "#fdf7ee")
    for x in (0.02, 0.14, 0.26, 0.38):
        canvas.rect(x, 0.6, x + 0.016, 0.72, "#fffdf5")
    for y in (0.63, 0.68):
        canvas.rect(0, y, 0.42, y + 0.014, "#fffdf5")
    bale = canvas.frame(rng.uniform(0.12, 0.3), 0.88, 0.11)
    for r, colour in ((0.8, "#d9a93a"), (0.55, "#f0c75e"), (0.3, "#d9a93a")):
        bale.disc(0, 0, r, colour)


def _harbor(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#f59f80", "#fbd0a6", "#fdeccb", bottom=0.55)
    canvas.waves(0.45, 0.02, 0.8, rng.random(), "#7d8aa8")
    canvas.rect(0, 0.5, 1, 1, "#2f7f9e")
    for y, colour in ((0.56, "#368aa8"), (0.66, "#2b7693"), (0.78, "#266a86"), (0.9, "#205d77")):
        canvas.waves(y, 0.008, 6, rng.random(), colour)
    tower = canvas.frame(rng.uniform(0.08, 0.14), 0.54, 0.44)
    tower.poly([(-0.3, 0.06), (-0.2, -0.03), (0.24, -0.03), (0.36, 0.06)], "#5b5560")
    for k, colour in enumerate(("#f4f1ea", "#d8433b", "#f4f1ea", "#d8433b")):
        low, high = 0.13 - 0.014 * k, 0.13 - 0.014 * (k + 1)
        tower.poly([(-low, -0.18 * k), (low, -0.18 * k), (high, -0.18 * (k + 1)), (-high, -0.18 * (k + 1))], colour)
    tower.rect(-0.07, -0.84, 0.07, -0.72, "#ffe38a")
    tower.poly([(-0.1, -0.84), (0.1, -0.84), (0, -0.95)], "#8e2b26")
    for x, y, size, hull in (
        (rng.uniform(0.36, 0.46), 0.6, 0.24, "#ffffff"),
        (rng.uniform(0.62, 0.72), 0.66, 0.3, "#2b4c7e"),
        (rng.uniform(0.2, 0.3), 0.8, 0.34, "#b8322a"),
    ):
        _boat(canvas.frame(x, y, size), hull)
    pier = rng.uniform(0.5, 0.58)
    for x in (pier + 0.06, pier + 0.2, pier + 0.34):
        canvas.rect(x, 0.84, x + 0.025, 1, "#4f3a28")
    canvas.poly([(pier, 0.84), (1, 0.8), (1, 0.88), (pier, 0.88)], "#8a6440")
    for k in range(1, 8):
        canvas.line([(pier + k * 0.06, 0.83), (pier + k * 0.06, 0.88)], "#6b4c30", 0.006)


def _cloud(frame: Canvas) -> None:
    for x, y, r in ((-0.3, 0, 0.2), (0, -0.1, 0.28), (0.3, 0, 0.2), (0, 0.06, 0.24)):
        frame.disc(x, y, r, "#ffffff", flat=0.75)


def _pine(frame: Canvas, colour: str, *, snow: bool = False) -> None:
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


def _palm(frame: Canvas, rng: Random) -> None:
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
    for angle in (-2.9, -2.3, -1.7, -1.1, -0.5, 0.1):
        tip: Point = (lean + 0.36 * math.cos(angle), -0.82 + 0.24 * math.sin(angle) + 0.12)
        bow: Point = (lean + 0.2 * math.cos(angle), -0.84 + 0.26 * math.sin(angle) - 0.04)
        frame.poly(
            [(lean, -0.84), bow, tip, ((bow[0] + lean) / 2, (bow[1] - 0.84) / 2 + 0.07)],
            "#2f8f4e" if angle < -1.4 else "#3aa45c",
        )
    for dx in (-0.03, 0.03):
        frame.disc(lean + dx, -0.8, 0.03, "#6b4423")


def _boat(frame: Canvas, hull: str) -> None:
    frame.line([(0, -0.1), (0, -1)], "#6b4c30", 0.03)
    frame.poly([(0.04, -0.98), (0.04, -0.22), (0.46, -0.22)], "#fffdf7")
    frame.poly([(-0.04, -0.85), (-0.04, -0.22), (-0.34, -0.22)], "#f1e4cc")
    frame.poly([(-0.5, -0.16), (0.56, -0.16), (0.36, 0.12), (-0.34, 0.12)], hull)
    frame.poly([(-0.5, -0.16), (0.56, -0.16), (0.52, -0.1), (-0.46, -0.1)], "#00000033")


def _fish(frame: Canvas, rng: Random) -> None:
    turn = rng.choice((-1, 1))
    colour = rng.choice(("#ffd166", "#ff8552", "#f7f7ff"))
    frame.disc(0, 0, 0.5, colour, flat=0.6)
    frame.poly([(-0.35 * turn, 0), (-0.8 * turn, -0.3), (-0.8 * turn, 0.3)], colour)
    frame.disc(0.25 * turn, -0.06, 0.06, "#1d2b3a")


def _football(frame: Canvas) -> None:
    frame.disc(0.06, 0.75, 0.8, "#00000033", flat=0.3)
    frame.disc(0, 0, 0.8, "#ffffff")
    frame.disc(0, 0, 0.26, "#22262b")
    for k in range(5):
        angle = 2 * math.pi * k / 5 - math.pi / 2
        frame.disc(0.64 * math.cos(angle), 0.64 * math.sin(angle), 0.15, "#22262b")


SCENES: tuple[Scene, ...] = (
    Scene("beach", "on a beach", "a sandy beach with a palm tree and a striped umbrella", _beach),
    Scene("mountain", "on a mountain", "snowy mountain peaks behind pine trees", _mountain),
    Scene("street", "on a street", "a city street at night with lit windows and lamps", _street),
    Scene("forest", "in a forest", "a green forest with mushrooms on the ground", _forest),
    Scene("desert", "in a desert", "a hot desert with dunes and cacti", _desert),
    Scene("kitchen", "in a kitchen", "a kitchen with cupboards, a stove and a fridge", _kitchen),
    Scene("bedroom", "in a bedroom", "a bedroom with a wide bed and a lamp", _bedroom),
    Scene("football field", "on a football field", "a football field with a goal and a crowd", _football_field),
    Scene("coral reef", "on a coral reef", "a coral reef with fish and bubbles", _coral_reef),
    Scene("outer space", "in outer space", "outer space with planets and a rocket", _outer_space),
    Scene("farm", "on a farm", "a farm with a red barn and a silo", _farm),
    Scene("harbor", "in a harbor", "a harbor with sailing boats and a lighthouse", _harbor),
)
"""Every place there is; each is drawn equally often."""
