"""Paint scenes of nature, such as a beach; a viewer recognises each at a glance."""

from __future__ import annotations

import math
from random import Random

from scar.demo.canvas import Canvas
from scar.demo.sprites import draw_boat, draw_cloud, draw_fish, draw_palm, draw_pine


def paint_beach(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#4fb4ec", "#d5f1fb", bottom=0.45)
    sun = rng.uniform(0.35, 0.6)
    canvas.disc(sun, 0.14, 0.13, "#fff6c255")
    canvas.disc(sun, 0.14, 0.085, "#fff1a0")
    draw_cloud(canvas.make_frame(rng.uniform(0.7, 0.8), 0.16, 0.2))
    canvas.rect(0, 0.4, 1, 1, "#1c8fc4")
    canvas.waves(0.47, 0.006, 5, rng.random(), "#2ba4d2")
    canvas.waves(0.55, 0.008, 4, rng.random(), "#4fc0dc")
    shore = rng.random()
    canvas.waves(0.63, 0.018, 1.3, shore, "#ffffff")
    canvas.waves(0.65, 0.018, 1.3, shore, "#e9c98d")
    canvas.waves(0.68, 0.02, 1.3, shore, "#f6dfa6")
    draw_boat(canvas.make_frame(rng.uniform(0.55, 0.85), 0.42, 0.12), "#ffffff")
    draw_palm(canvas.make_frame(rng.uniform(0.08, 0.18), 0.92, 0.75), rng)
    umbrella = canvas.make_frame(rng.uniform(0.74, 0.86), 0.93, 0.3)
    umbrella.line([(0, 0), (0.12, -0.8)], "#8d6e4a", 0.05)
    for k, colour in enumerate(("#f25f5c", "#ffe08a", "#f25f5c", "#ffe08a", "#f25f5c")):
        edge = [
            (0.12 + 0.6 * math.cos(math.pi * t / 10), -0.66 - 0.42 * math.sin(math.pi * t / 10))
            for t in (2 * k, 2 * k + 1, 2 * k + 2)
        ]
        umbrella.poly([(0.12, -1.08), *edge, (0.12, -0.66)], colour)


def paint_mountain(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#6fa8dc", "#dfeefa")
    draw_cloud(canvas.make_frame(rng.uniform(0.1, 0.3), 0.14, 0.22))
    draw_cloud(canvas.make_frame(rng.uniform(0.7, 0.9), 0.1, 0.18))
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
        draw_pine(
            canvas.make_frame(x + rng.uniform(-0.03, 0.03), rng.uniform(0.82, 0.95), rng.uniform(0.24, 0.36)),
            "#2d6a57",
            snow=True,
        )


def paint_forest(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#cfeec2", "#8fcf8b", "#4d9b5a")
    for k in range(9):
        draw_pine(canvas.make_frame(k / 8 + rng.uniform(-0.04, 0.04), 0.7, rng.uniform(0.6, 0.75)), "#79bd7e")
    canvas.waves(0.68, 0.015, 2, rng.random(), "#5da35f")
    for k in range(6):
        draw_pine(canvas.make_frame(k / 5 + rng.uniform(-0.05, 0.05), 0.8, rng.uniform(0.65, 0.8)), "#3f8f54")
    canvas.waves(0.78, 0.015, 1.5, rng.random(), "#3f8a4a")
    for x in (0.02, 0.3, 0.68, 0.97):
        tree = canvas.make_frame(x + rng.uniform(-0.05, 0.05), rng.uniform(0.9, 0.97), rng.uniform(0.75, 0.9))
        tree.poly([(-0.05, 0), (-0.03, -0.6), (0.03, -0.6), (0.06, 0)], "#6b4a2f")
        for dx, dy, r, colour in (
            (-0.14, -0.55, 0.16, "#2a6e3f"),
            (0.14, -0.57, 0.16, "#2a6e3f"),
            (0, -0.72, 0.2, "#347d48"),
        ):
            tree.disc(dx, dy, r, colour)
    canvas.waves(0.93, 0.015, 2, rng.random(), "#2f6e3a")
    for _ in range(4):
        mushroom = canvas.make_frame(rng.random(), rng.uniform(0.94, 0.98), 0.07)
        mushroom.rect(-0.15, -0.5, 0.15, 0.1, "#f5ead6", corner=0.1)
        mushroom.poly(
            [(0.5 * math.cos(math.pi * t / 8), -0.35 - 0.5 * math.sin(math.pi * t / 8)) for t in range(9)], "#d6453d"
        )
        mushroom.disc(0.05, -0.6, 0.09, "#ffffff")


def paint_desert(canvas: Canvas, rng: Random) -> None:
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
        cactus = canvas.make_frame(x, y, size)
        for arm in (
            [(0, 0), (0, -0.9)],
            [(0, -0.35), (-0.24, -0.38), (-0.24, -0.65)],
            [(0, -0.45), (0.24, -0.48), (0.24, -0.78)],
        ):
            cactus.line(arm, "#3f7d4b", 0.14)
            cactus.disc(arm[-1][0], arm[-1][1], 0.07, "#3f7d4b")
        cactus.line([(0.02, -0.05), (0.02, -0.88)], "#5a9a60", 0.03)


def paint_coral_reef(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#5fd4ea", "#1b8fc2", "#0b4f86")
    for _ in range(5):
        x = rng.uniform(0, 0.9)
        canvas.poly([(x, 0), (x + rng.uniform(0.05, 0.1), 0), (x + 0.3, 1), (x + 0.05, 1)], "#ffffff18")
    canvas.waves(0.86, 0.025, 1.2, rng.random(), "#d9c08a")
    canvas.waves(0.93, 0.02, 1.7, rng.random(), "#c9ac70")
    for x in (0.1, 0.36, 0.66, 0.9):
        x += rng.uniform(-0.06, 0.06)
        kind = rng.randrange(3)
        coral = canvas.make_frame(x, rng.uniform(0.9, 0.97), rng.uniform(0.26, 0.4))
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
        draw_fish(canvas.make_frame(rng.random(), rng.uniform(0.1, 0.75), rng.uniform(0.08, 0.12)), rng)
    for _ in range(10):
        canvas.disc(rng.random(), rng.uniform(0.02, 0.8), rng.uniform(0.006, 0.016), "#ffffff66")


def paint_outer_space(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#060818", "#141338", "#2a1a4f")
    for _ in range(4):
        canvas.disc(rng.random(), rng.random(), rng.uniform(0.15, 0.3), "#7b4fb512", flat=0.6)
    for _ in range(70):
        canvas.disc(
            rng.random(), rng.random(), rng.choice((0.003, 0.004, 0.006)), rng.choice(("#ffffff", "#ffe9b0", "#bcd7ff"))
        )
    saturn = canvas.make_frame(rng.uniform(0.74, 0.84), rng.uniform(0.2, 0.28), 0.16)
    saturn.disc(0, 0, 0.68, "#e2b072")
    for y, colour in ((-0.25, "#cf9858"), (0.05, "#f0c78d"), (0.3, "#cf9858")):
        half = math.sqrt(0.66**2 - y**2)
        saturn.rect(-half, y - 0.06, half, y + 0.06, colour)
    ring = [
        (1.25 * math.cos(math.pi * t / 20), 0.1 * math.cos(math.pi * t / 20) + 0.34 * math.sin(math.pi * t / 20))
        for t in range(-4, 25)
    ]
    saturn.line(ring, "#f3dfb8", 0.12)
    earth = canvas.make_frame(rng.uniform(0.1, 0.2), rng.uniform(0.18, 0.3), 0.1)
    earth.disc(0, 0, 1, "#2f7fd8")
    for x, y, r in ((-0.35, -0.3, 0.36), (0.3, 0.25, 0.4), (0.35, -0.5, 0.2)):
        earth.disc(x, y, r, "#4cb46a", flat=0.8)
    moon = canvas.make_frame(0.5, 1.5, 1)
    moon.disc(0, 0, 0.8, "#a6a8b3")
    for _ in range(9):
        angle, radius = rng.uniform(-2.3, -0.85), rng.uniform(0.55, 0.74)
        moon.disc(radius * math.cos(angle), radius * math.sin(angle), rng.uniform(0.02, 0.05), "#86889a", flat=0.55)
    rocket = canvas.make_frame(rng.uniform(0.42, 0.56), 0.4, 0.2)
    rocket.poly([(-0.14, 0.5), (0.14, 0.5), (0, 1)], "#ffb13b")
    rocket.poly([(-0.08, 0.5), (0.08, 0.5), (0, 0.78)], "#fff0a8")
    rocket.poly([(-0.2, 0.1), (-0.42, 0.55), (-0.18, 0.48)], "#d8433b")
    rocket.poly([(0.2, 0.1), (0.42, 0.55), (0.18, 0.48)], "#d8433b")
    rocket.poly(
        [(0, -0.75), (0.16, -0.45), (0.22, -0.1), (0.17, 0.5), (-0.17, 0.5), (-0.22, -0.1), (-0.16, -0.45)], "#eef1f6"
    )
    rocket.poly([(0, -0.75), (0.16, -0.45), (-0.16, -0.45)], "#d8433b")
    rocket.disc(0, -0.15, 0.11, "#3b6fb5")
