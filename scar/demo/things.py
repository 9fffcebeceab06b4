"""The things of a drawn picture: their colours and shapes, their positions, and the relations between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from scar.demo.canvas import Canvas, Colour
from scar.demo.shapes import COLOURS, SHAPES
from scar.sample import Box

RIM_PX = 2.5
"""Width of the white rim that separates a thing from the background; the rim belongs to the thing."""

REACH_RADII = 1.12
"""Distance in radii from the centre to the outermost point of the widest shape."""


@dataclass(frozen=True, slots=True)
class DrawnThing:
    """A coloured shape.

    Attributes:
        colour: key of `COLOURS`.
        shape: key of `SHAPES`.
        x: x coordinate of the centre in pixels.
        y: y coordinate of the centre in pixels.
        radius: radius of the outline in pixels.
        tilt: angle of rotation in radians.
    """

    colour: str
    shape: str
    x: float
    y: float
    radius: float
    tilt: float

    @property
    def name(self) -> str:
        """Name of the thing: colour and shape, such as "red star"."""
        return f"{self.colour} {self.shape}"

    def paint(self, canvas: Canvas) -> None:
        """Draw the thing with a rim and a soft shadow."""
        drop = 0.1 * self.radius
        self._fill_outline(canvas, "#00000040", dx=drop, dy=drop + RIM_PX)
        self._stroke_outline(canvas, "#ffffff")
        self._fill_outline(canvas, COLOURS[self.colour])
        # The outline of a ring runs to its hole and back over a seam, which the filling leaves open.
        outline = self._outline_points()
        canvas.make_pixel_frame().line([outline[-1], outline[0]], COLOURS[self.colour], 0.5)

    def paint_label(self, canvas: Canvas, number: int) -> None:
        """Fill the pixels of the thing, rim included, with ``number``."""
        self._stroke_outline(canvas, number)
        self._fill_outline(canvas, number)

    def _fill_outline(self, canvas: Canvas, colour: Colour, dx: float = 0, dy: float = 0) -> None:
        """Fill the outline, moved by (dx, dy) pixels."""
        canvas.make_pixel_frame(dx, dy).poly(self._outline_points(), colour)

    def _stroke_outline(self, canvas: Canvas, colour: Colour) -> None:
        """Draw the rim."""
        outline = self._outline_points()
        canvas.make_pixel_frame().line([*outline, *outline[:2]], colour, 2 * RIM_PX)

    def _outline_points(self) -> list[tuple[float, float]]:
        """Corners of the outline in pixels."""
        cos, sin = self.radius * math.cos(self.tilt), self.radius * math.sin(self.tilt)
        return [(self.x + u * cos - v * sin, self.y + u * sin + v * cos) for u, v in SHAPES[self.shape]]


def arrange_things(width: int, height: int, rng: Random) -> list[DrawnThing]:
    """Arrange three to six things with different names in a picture of ``width`` x ``height`` pixels.

    In a quarter of the pictures the second thing overlaps the first; no other things overlap.
    About half of the things share their shape or colour with an earlier one, so that one word rarely names a thing.
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
    """Yield ``count`` different pairs of colour and shape."""
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
    """Yield the unambiguous relations between boxes that do not overlap.

    A box is above another if it ends before the other begins and they share at least half the width of the narrower
    one; so a box that is above another is not to its left or right. Left and right are defined alike, with heights.

    Args:
        boxes: boxes of the things.

    Yields:
        (subject, predicate, object); subject and object are indices in ``boxes``.
    """
    for a, box in enumerate(boxes):
        for b, other in enumerate(boxes):
            shares_width = min(box.x1, other.x1) - max(box.x0, other.x0) >= min(box.width, other.width) / 2
            shares_height = min(box.y1, other.y1) - max(box.y0, other.y0) >= min(box.height, other.height) / 2
            if shares_width and box.y1 <= other.y0:
                yield from ((a, "above", b), (b, "below", a))
            if shares_height and box.x1 <= other.x0:
                yield from ((a, "to the left of", b), (b, "to the right of", a))
