"""A drawing surface without pixels: positions are shares of a frame, and every edge comes out smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw

SCALE = 2
"""Everything is drawn this many times too large in both directions and then averaged."""

_MIN_ROUNDED_TURN_COSINE = math.cos(math.radians(9))
"""Cosine of the angle from which on a gap would show between two pieces of a line."""

Point: TypeAlias = tuple[float, float]
Colour: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Canvas:
    """A frame on an image: (0, 0) is its top left corner, (1, 1) the bottom right one.

    Colours are anything PIL takes; eight hexadecimal digits paint through. Radii and line widths are shares of the
    frame's shorter side.

    Attributes:
        image: the enlarged image under all frames.
        pen: what draws on it.
        left: where the frame starts, in pixels of `image`; so is `top`.
        top: see `left`.
        width: of the frame, in pixels of `image`; so is `height`.
        height: see `width`.
    """

    image: Image.Image
    pen: ImageDraw.ImageDraw
    left: float
    top: float
    width: float
    height: float

    @classmethod
    def make_blank(cls, width: int, height: int, mode: Literal["RGB", "L"] = "RGB") -> Canvas:
        """Canvas for an image of this many pixels; one of mode ``"L"`` takes numbers for colours."""
        image = Image.new(mode, (width * SCALE, height * SCALE))
        pen = ImageDraw.Draw(image, "RGBA" if mode == "RGB" else mode)
        return cls(image, pen, 0, 0, image.width, image.height)

    def to_smooth_image(self) -> Image.Image:
        """The image in its final size, smooth."""
        return self.image.reduce(SCALE)

    def to_sampled_image(self) -> Image.Image:
        """The image in its final size, each pixel as painted in its middle."""
        return self.image.resize((self.image.width // SCALE, self.image.height // SCALE), Image.Resampling.NEAREST)

    def make_frame(self, x: float, y: float, size: float) -> Canvas:
        """A square frame, so that nothing in it is stretched: its origin is (x, y), its sides are `size` units."""
        side = size * self.unit
        return Canvas(self.image, self.pen, *self._to_pixel((x, y)), side, side)

    def make_pixel_frame(self, dx: float = 0, dy: float = 0) -> Canvas:
        """A frame whose unit is one pixel of the finished image, moved by (dx, dy) pixels."""
        return Canvas(self.image, self.pen, dx * SCALE, dy * SCALE, SCALE, SCALE)

    @property
    def unit(self) -> float:
        """The shorter side in pixels of `image`."""
        return min(self.width, self.height)

    def gradient(self, *colours: str, bottom: float = 1) -> None:
        """Cover the whole width from the top down to `bottom`."""
        column = Image.new("RGB", (1, len(colours)))
        for row, colour in enumerate(colours):
            column.paste(colour, (0, row, 1, row + 1))
        width, height = round(self.width), round(self.height * bottom)
        ramp = column.resize((1, height), Image.Resampling.BILINEAR, box=(0, 0.5, 1, len(colours) - 0.5))
        self.image.paste(ramp.resize((width, height), Image.Resampling.NEAREST), (round(self.left), round(self.top)))

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, corner: float = 0) -> None:
        """A rectangle, its corners rounded with radius `corner`."""
        box = (*self._to_pixel((x0, y0)), *self._to_pixel((x1, y1)))
        self.pen.rounded_rectangle(box, corner * self.unit, colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, flat: float = 1) -> None:
        """A circle, or an ellipse `flat` times as high as it is wide."""
        px, py = self._to_pixel((x, y))
        rx, ry = radius * self.unit, radius * self.unit * flat
        self.pen.ellipse((px - rx, py - ry, px + rx, py + ry), colour)

    def poly(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.pen.polygon([self._to_pixel(point) for point in points], colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line through the points, rounded where it turns."""
        path = [self._to_pixel(point) for point in points]
        across = round(width * self.unit)
        self.pen.line(path, colour, across)
        for (x0, y0), (x1, y1), (x2, y2) in zip(path, path[1:], path[2:], strict=False):
            before, after = (x1 - x0, y1 - y0), (x2 - x1, y2 - y1)
            if (
                math.hypot(*before) * math.hypot(*after) * _MIN_ROUNDED_TURN_COSINE
                > before[0] * after[0] + before[1] * after[1]
            ):
                self.pen.circle((x1, y1), across / 2, colour)

    def waves(self, y: float, swing: float, count: float, phase: float, colour: Colour, bottom: float = 1) -> None:
        """Everything below a sine line across the frame: hills, dunes, water."""
        steps = 32
        crest = [(k / steps, y + swing * math.sin(2 * math.pi * (count * k / steps + phase))) for k in range(steps + 1)]
        self.poly([*crest, (1, bottom), (0, bottom)], colour)

    def _to_pixel(self, point: Point) -> Point:
        return self.left + point[0] * self.width, self.top + point[1] * self.height
