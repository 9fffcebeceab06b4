"""Paint scenes that people built, such as a street; a viewer recognises each at a glance."""

from __future__ import annotations

import math
from random import Random

from scar.demo.canvas import Canvas
from scar.demo.sprites import draw_boat, draw_cloud, draw_football


def paint_street(canvas: Canvas, rng: Random) -> None:
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
        lamp = canvas.make_frame(x, 0.92, 0.6)
        lamp.line([(0, 0), (0, -0.85), (0.18 * turn, -0.9)], "#14162a", 0.03)
        lamp.disc(0.2 * turn, -0.87, 0.16, "#ffe08a33")
        lamp.disc(0.2 * turn, -0.87, 0.06, "#fff3c4")


def paint_kitchen(canvas: Canvas, rng: Random) -> None:
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
    pot = canvas.make_frame(0.5, 0.61, 0.18)
    pot.rect(-0.4, -0.55, 0.4, 0, "#cf5c36", corner=0.1)
    pot.rect(-0.58, -0.42, 0.58, -0.32, "#a8451f")
    pot.rect(-0.45, -0.63, 0.45, -0.53, "#a8451f")
    pot.disc(0, -0.68, 0.07, "#3b2a22")
    canvas.rect(0.835, 0.3, 1, 0.93, "#e8edf0", corner=0.03)
    canvas.rect(0.835, 0.52, 1, 0.528, "#aab4ba")
    canvas.rect(0.855, 0.4, 0.867, 0.49, "#9aa5ab")
    canvas.rect(0.855, 0.56, 0.867, 0.7, "#9aa5ab")


def paint_bedroom(canvas: Canvas, rng: Random) -> None:
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


def paint_football_field(canvas: Canvas, rng: Random) -> None:
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
    draw_football(canvas.make_frame(rng.uniform(0.2, 0.8), rng.uniform(0.82, 0.94), 0.05))


def paint_farm(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#7ec8f2", "#e3f5fd", bottom=0.6)
    draw_cloud(canvas.make_frame(rng.uniform(0.05, 0.3), 0.12, 0.22))
    draw_cloud(canvas.make_frame(rng.uniform(0.6, 0.9), 0.17, 0.2))
    canvas.waves(0.5, 0.03, 1, rng.random(), "#a8d36e")
    canvas.waves(0.57, 0.02, 1.4, rng.random(), "#8cc152")
    canvas.rect(0, 0.68, 1, 1, "#c79a4b")
    for k in range(-7, 8):
        canvas.poly(
            [(0.5 + 0.06 * k, 0.68), (0.5 + 0.06 * (k + 0.5), 0.68), (0.5 + 0.2 * (k + 0.5), 1), (0.5 + 0.2 * k, 1)],
            "#7fae3f",
        )
    barn = canvas.make_frame(rng.uniform(0.55, 0.66), 0.68, 0.36)
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
    bale = canvas.make_frame(rng.uniform(0.12, 0.3), 0.88, 0.11)
    for r, colour in ((0.8, "#d9a93a"), (0.55, "#f0c75e"), (0.3, "#d9a93a")):
        bale.disc(0, 0, r, colour)


def paint_harbor(canvas: Canvas, rng: Random) -> None:
    canvas.gradient("#f59f80", "#fbd0a6", "#fdeccb", bottom=0.55)
    canvas.waves(0.45, 0.02, 0.8, rng.random(), "#7d8aa8")
    canvas.rect(0, 0.5, 1, 1, "#2f7f9e")
    for y, colour in ((0.56, "#368aa8"), (0.66, "#2b7693"), (0.78, "#266a86"), (0.9, "#205d77")):
        canvas.waves(y, 0.008, 6, rng.random(), colour)
    tower = canvas.make_frame(rng.uniform(0.08, 0.14), 0.54, 0.44)
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
        draw_boat(canvas.make_frame(x, y, size), hull)
    pier = rng.uniform(0.5, 0.58)
    for x in (pier + 0.06, pier + 0.2, pier + 0.34):
        canvas.rect(x, 0.84, x + 0.025, 1, "#4f3a28")
    canvas.poly([(pier, 0.84), (1, 0.8), (1, 0.88), (pier, 0.88)], "#8a6440")
    for k in range(1, 8):
        canvas.line([(pier + k * 0.06, 0.83), (pier + k * 0.06, 0.88)], "#6b4c30", 0.006)
