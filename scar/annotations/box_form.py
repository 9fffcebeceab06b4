"""What the four numbers of a box mean: a layout, and the unit of its numbers.

A box is meant to be x, y, width and height in pixels (`XYWH`). Converters also write corners, centers or y before x,
and shares of the image instead of pixels: 0 to 1 (YOLO, TensorFlow), percent (Label Studio) or thousandths (Gemini,
Qwen-VL). `scar.annotations.box_form_finder` finds out which; ``boxes`` of a recipe says it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias, get_args

Layout: TypeAlias = Literal["xywh", "corners", "center", "yxhw", "yx-corners"]
Unit: TypeAlias = Literal["pixels", "shares", "percent", "thousandths"]

FULL_SIDES: Mapping[Unit, int] = {"shares": 1, "percent": 100, "thousandths": 1000}
"""What a whole side of an image is in each unit but pixels."""

_LAYOUT_WORDS: Mapping[Layout, str] = {
    "xywh": "x, y, width, height",
    "corners": "the corners x0, y0, x1, y1",
    "center": "the center, width and height",
    "yxhw": "y, x, height, width",
    "yx-corners": "the corners y0, x0, y1, x1",
}

_UNIT_WORDS: Mapping[Unit, str] = {
    "pixels": "",
    "shares": " as shares of the image",
    "percent": " in percent of the image",
    "thousandths": " in thousandths of the image",
}

_UNIT_NAMES: Mapping[Unit, str] = {
    "pixels": "",
    "shares": "_fraction",
    "percent": "_percent",
    "thousandths": "_permille",
}

Numbers: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class BoxForm:
    """What the four numbers of a box mean.

    Attributes:
        layout: ``xywh`` is the top left corner, width and height; ``corners`` the top left and the bottom right corner;
            ``center`` the center, width and height; ``yxhw`` and ``yx-corners`` are the first two with y before x.
        unit: pixels, or shares of the image's width and height: 0 to 1, to 100 or to 1000.
    """

    layout: Layout = "xywh"
    unit: Unit = "pixels"

    @property
    def name(self) -> str:
        """The form's name, such as ``box_corners`` or ``box_xywh_fraction``; a build counts converted boxes by it."""
        return f"box_{self.layout.replace('-', '_')}{_UNIT_NAMES[self.unit]}"

    @property
    def option(self) -> str:
        """The value of ``boxes`` in a recipe that says this form, such as ``corners`` or ``xywh-percent``."""
        return self.layout + ("" if self.unit == "pixels" else f"-{self.unit}")

    @property
    def words(self) -> str:
        """The form in words, such as "the corners x0, y0, x1, y1 in percent of the image"."""
        return _LAYOUT_WORDS[self.layout] + _UNIT_WORDS[self.unit]

    @property
    def full_side(self) -> int | None:
        """What a whole side of an image is in the unit; None for pixels."""
        return FULL_SIDES.get(self.unit)

    def to_xywh(self, numbers: Numbers, width: int, height: int) -> Numbers:
        """Convert the numbers of a box to x, y, width and height in pixels of a ``width`` x ``height`` image."""
        if self.layout == "xywh" and self.unit == "pixels":
            return numbers
        first, second, third, fourth = numbers
        if self.layout in ("yxhw", "yx-corners"):
            first, second, third, fourth = second, first, fourth, third
        if full := self.full_side:
            first, second, third, fourth = (
                *(first * width / full, second * height / full),
                *(third * width / full, fourth * height / full),
            )
        if self.layout in ("corners", "yx-corners"):
            return first, second, third - first, fourth - second
        if self.layout == "center":
            return first - third / 2, second - fourth / 2, third, fourth
        return first, second, third, fourth


XYWH = BoxForm()

BOX_FORMS: Mapping[str, BoxForm] = {
    form.option: form for form in (BoxForm(*parts) for parts in product(get_args(Layout), get_args(Unit)))
} | {unit: BoxForm("xywh", unit) for unit in FULL_SIDES}
"""All forms by the value of ``boxes`` that says them; a unit alone is ``xywh`` in it."""


def replace_none(first: float | None, second: float | None, third: float | None, fourth: float | None) -> Numbers:
    """The four numbers of a box, with NaN for each None. A record has None for what JSON cannot hold, such as NaN."""
    one, two, three, four = (math.nan if value is None else value for value in (first, second, third, fourth))
    return one, two, three, four
