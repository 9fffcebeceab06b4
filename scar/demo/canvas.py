"""A drawing surface with relative coordinates and smooth edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw

SCALE = 2
"""Images are drawn this many times too large in both directions, then reduced."""

_MIN_ROUNDED_TURN_COSINE = math.cos(math.radians(9))
"""Cosine of 9 degrees: a line that turns by more gets a circle at the turn, which closes the gap there."""

Point: TypeAlias = tuple[float, float]
Colour: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Canvas:
    """A frame on an image: (0, 0) is the top left corner of the frame, (1, 1) its bottom right corner.

    A colour is anything that PIL takes; with eight hexadecimal digits the last two are the opacity. Radii and line
    widths are fractions of the frame's shorter side.

    Attributes:
        image: the enlarged image, which all frames share.
        pen: draws on the image.
        left: left edge of the frame in pixels of `image`.
        top: top edge of the frame in pixels of `image`.
        width: width of the frame in pixels of `image`.
        height: height of the frame in pixels of `image`.
    """

    image: Image.Image
    pen: ImageDraw.ImageDraw
    left: float
    top: float
    width: float
    height: float

    @classmethod
    def make_blank(cls, width: int, height: int, mode: Literal["RGB", "L"] = "RGB") -> Canvas:
        """Make a canvas for an image of ``width`` x ``height`` pixels; in mode ``"L"`` colours are numbers."""
        image = Image.new(mode, (width * SCALE, height * SCALE))
        pen = ImageDraw.Draw(image, "RGBA" if mode == "RGB" else mode)
        return cls(image, pen, 0, 0, image.width, image.height)

    def to_smooth_image(self) -> Image.Image:
        """The image in its final size, with smooth edges."""
        return self.image.reduce(SCALE)

    def to_sampled_image(self) -> Image.Image:
        """The image in its final size; each pixel has the colour at its centre."""
        return self.image.resize((self.image.width // SCALE, self.image.height // SCALE), Image.Resampling.NEAREST)

    def make_frame(self, x: float, y: float, size: float) -> Canvas:
        """Make a square frame, which stretches no drawing; its top left corner is (x, y), its side ``size`` units."""
        side = size * self.unit
        return Canvas(self.image, self.pen, *self._to_pixel((x, y)), side, side)

    def make_pixel_frame(self, dx: float = 0, dy: float = 0) -> Canvas:
        """Make a frame in pixels of the final image; its (0, 0) is (dx, dy) pixels from the image's top left corner."""
        return Canvas(self.image, self.pen, dx * SCALE, dy * SCALE, SCALE, SCALE)

    @property
    def unit(self) -> float:
        """Shorter side of the frame in pixels of `image`."""
        return min(self.width, self.height)

    def gradient(self, *colours: str, bottom: float = 1) -> None:
        """Fill the whole width from the top down to ``bottom`` with a gradient through the colours."""
        column = Image.new("RGB", (1, len(colours)))
        for row, colour in enumerate(colours):
            column.paste(colour, (0, row, 1, row + 1))
        width, height = round(self.width), round(self.height * bottom)
        ramp = column.resize((1, height), Image.Resampling.BILINEAR, box=(0, 0.5, 1, len(colours) - 0.5))
        self.image.paste(ramp.resize((width, height), Image.Resampling.NEAREST), (round(self.left), round(self.top)))

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, corner: float = 0) -> None:
        """Draw a filled rectangle from (x0, y0) to (x1, y1); ``corner`` is the radius of its corners."""
        box = (*self._to_pixel((x0, y0)), *self._to_pixel((x1, y1)))
        self.pen.rounded_rectangle(box, corner * self.unit, colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, flat: float = 1) -> None:
        """Draw a filled circle around (x, y), or an ellipse that is ``flat`` times as high as wide."""
        px, py = self._to_pixel((x, y))
        rx, ry = radius * self.unit, radius * self.unit * flat
        self.pen.ellipse((px - rx, py - ry, px + rx, py + ry), colour)

    def poly(self, points: Sequence[Point], colour: Colour) -> None:
        """Draw a filled polygon."""
        self.pen.polygon([self._to_pixel(point) for point in points], colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line through the points, with rounded turns."""
        path = [self._to_pixel(point) for point in points]
        pixels = round(width * self.unit)
        self.pen.line(path, colour, pixels)
        for (x0, y0), (x1, y1), (x2, y2) in zip(path, path[1:], path[2:], strict=False):
            before, after = (x1 - x0, y1 - y0), (x2 - x1, y2 - y1)
            dot_product = before[0] * after[0] + before[1] * after[1]
            if math.hypot(*before) * math.hypot(*after) * _MIN_ROUNDED_TURN_COSINE > dot_product:
                self.pen.circle((x1, y1), pixels / 2, colour)

    def waves(self, y: float, swing: float, count: float, phase: float, colour: Colour, bottom: float = 1) -> None:
        """Fill everything between a sine curve and ``bottom``, across the whole frame, such as hills, dunes or water.

        Args:
            y: mean height of the curve.
            swing: amplitude of the curve.
            count: number of waves across the frame.
            phase: shift of the waves, as a share of a wave.
            colour: colour of the area.
            bottom: lower end of the area.
        """
        steps = 32
        crest = [(k / steps, y + swing * math.sin(2 * math.pi * (count * k / steps + phase))) for k in range(steps + 1)]
        self.poly([*crest, (1, bottom), (0, bottom)], colour)

    def _to_pixel(self, point: Point) -> Point:
        """Convert a point of the frame to pixels of `image`."""
        return self.left + point[0] * self.width, self.top + point[1] * self.height
