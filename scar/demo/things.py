"""What stands in a picture: which things, where, and what is true between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from scar.demo.canvas import Canvas, Colour
from scar.demo.shapes import COLOURS, SHAPES
from scar.sample import Box

RIM_PX = 2.5
"""Width in pixels of the white rim that sets a thing off from any background; it belongs to the thing."""

REACH_RADII = 1.12
"""How far the widest shape reaches from its centre, in radii."""


@dataclass(frozen=True, slots=True)
class DrawnThing:
    """A coloured shape; position and radius in pixels, tilt in radians."""

    colour: str
    shape: str
    x: float
    y: float
    radius: float
    tilt: float

    @property
    def name(self) -> str:
        return f"{self.colour} {self.shape}"

    def paint(self, canvas: Canvas) -> None:
        """Draw it with a rim and a soft shadow."""
        drop = 0.1 * self.radius
        self._fill_outline(canvas, "#00000040", dx=drop, dy=drop + RIM_PX)
        self._stroke_outline(canvas, "#ffffff")
        self._fill_outline(canvas, COLOURS[self.colour])
        # A ring's outline runs to its hole and back over one seam, which the filling leaves open.
        outline = self._outline_points()
        canvas.make_pixel_frame().line([outline[-1], outline[0]], COLOURS[self.colour], 0.5)

    def paint_label(self, canvas: Canvas, number: int) -> None:
        """Mark its pixels, rim included, with `number`."""
        self._stroke_outline(canvas, number)
        self._fill_outline(canvas, number)

    def _fill_outline(self, canvas: Canvas, colour: Colour, dx: float = 0, dy: float = 0) -> None:
        canvas.make_pixel_frame(dx, dy).poly(self._outline_points(), colour)

    def _stroke_outline(self, canvas: Canvas, colour: Colour) -> None:
        outline = self._outline_points()
        canvas.make_pixel_frame().line([*outline, *outline[:2]], colour, 2 * RIM_PX)

    def _outline_points(self) -> list[tuple[float, float]]:
        cos, sin = self.radius * math.cos(self.tilt), self.radius * math.sin(self.tilt)
        return [(self.x + u * cos - v * sin, self.y + u * sin + v * cos) for u, v in SHAPES[self.shape]]


def arrange_things(width: int, height: int, rng: Random) -> list[DrawnThing]:
    """Three to six things of different names; in one picture of four the second stands partly before the first.

    Half of them share the shape or the colour with an earlier one, so that no single word tells which is meant.
    """
    things: list[DrawnThing] = []
    overlap = rng.random() < 0.25
    for colour, shape in _iter_names(rng.randint(3, 6), rng):
        radius, tilt = rng.uniform(21, 42), rng.uniform(-0.14, 0.14)
        while True:
            if overlap and len(things) == 1:
                angle, distance = rng.uniform(0, 2 * math.pi), 0.8 * (things[0].radius + radius)
                x, y = things[0].x + distance * math.cos(angle), things[0].y + distance * math.sin(angle)
                others: Sequence[DrawnThing] = ()
            else:
                x, y, others = rng.uniform(0, width), rng.uniform(0, height), things
            reach = REACH_RADII * radius + 2 * RIM_PX
            inside = reach < x < width - reach and reach < y < height - reach
            if inside and all(math.dist((x, y), (o.x, o.y)) > reach + REACH_RADII * o.radius + RIM_PX for o in others):
                break
            radius = max(0.99 * radius, 16)
        things.append(DrawnThing(colour, shape, x, y, radius, tilt))
    return things


def _iter_names(count: int, rng: Random) -> Iterator[tuple[str, str]]:
    """Yield pairs of colour and shape, no pair twice."""
    chosen: list[tuple[str, str]] = []
    while len(chosen) < count:
        colour, shape = rng.choice(tuple(COLOURS)), rng.choice(tuple(SHAPES))
        if chosen:
            other, twin = rng.choice(chosen), rng.random()
            colour = other[0] if twin < 0.25 else colour
            shape = other[1] if twin > 0.75 else shape
        if (colour, shape) not in chosen:
            chosen.append((colour, shape))
            yield colour, shape


def iter_relations(boxes: Sequence[Box]) -> Iterator[tuple[int, str, int]]:
    """Yield what is plainly so between things that stand apart: (subject, predicate, object), positions in `boxes`.

    One thing is above another when it ends before the other begins and half of the narrower one's width is shared:
    then nobody would say that it is to the left or to the right.
    """
    for a, one in enumerate(boxes):
        for b, other in enumerate(boxes):
            across = min(one.x1, other.x1) - max(one.x0, other.x0) >= min(one.width, other.width) / 2
            along = min(one.y1, other.y1) - max(one.y0, other.y0) >= min(one.height, other.height) / 2
            if across and one.y1 <= other.y0:
                yield from ((a, "above", b), (b, "below", a))
            if along and one.x1 <= other.x0:
                yield from ((a, "to the left of", b), (b, "to the right of", a))
