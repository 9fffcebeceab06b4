"""Boxes of random things, written in every form, as files have them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from scar.annotations.box_form import BoxForm, Layout, Numbers, Unit
from scar.annotations.box_form_finder import find_box_form

FILE = Path("boxes.json")

_LAYOUTS: dict[Layout, Callable[[float, float, float, float], Numbers]] = {
    "xywh": lambda x, y, w, h: (x, y, w, h),
    "corners": lambda x, y, w, h: (x, y, x + w, y + h),
    "center": lambda x, y, w, h: (x + w / 2, y + h / 2, w, h),
    "yxhw": lambda x, y, w, h: (y, x, h, w),
    "yx-corners": lambda x, y, w, h: (y, x, y + h, x + w),
}
_SIDES: dict[Unit, Callable[[int], float]] = {
    "pixels": lambda side: 1,
    "shares": lambda side: 1 / side,
    "percent": lambda side: 100 / side,
    "thousandths": lambda side: 1000 / side,
}


def write_box(form: BoxForm, box: Numbers, width: int, height: int) -> Numbers:
    """How converters write x, y, width and height of a box in an image."""
    across, down = _SIDES[form.unit](width), _SIDES[form.unit](height)
    x, y, w, h = box
    return _LAYOUTS[form.layout](x * across, y * down, w * across, h * down)


NOTHING: Numbers = (math.nan, math.nan, math.nan, math.nan)


class BoxSample(NamedTuple):
    """A box of a file with what the file says of it."""

    numbers: Numbers
    width: int
    height: int
    outline: Numbers = NOTHING
    area: float = math.nan


def find_form(samples: Sequence[BoxSample], path: Path) -> BoxForm:
    return find_box_form(
        np.array([sample.numbers for sample in samples], np.float64).reshape(-1, 4),
        np.array([(sample.width, sample.height) for sample in samples], np.int64).reshape(-1, 2),
        np.array([sample.outline for sample in samples], np.float64).reshape(-1, 4),
        np.array([sample.area for sample in samples], np.float64),
        path,
    )


def draw_boxes(rng: Random, count: int, width: int, height: int, place: float = 1) -> list[Numbers]:
    """Boxes x, y, width, height anywhere in the image, or in the part at the origin with this share of its sides."""
    boxes = []
    for _ in range(count):
        w, h = rng.uniform(0.05, 0.5) * width * place, rng.uniform(0.05, 0.5) * height * place
        boxes.append((rng.uniform(0, width * place - w), rng.uniform(0, height * place - h), w, h))
    return boxes


def make_samples(boxes: Sequence[Numbers], form: BoxForm, evidence: str, width: int, height: int) -> list[BoxSample]:
    samples = []
    for x, y, w, h in boxes:
        outline = (x, y, x + w, y + h) if evidence == "outline" else NOTHING
        area = {"area": w * h, "mask area": 0.6 * w * h}.get(evidence, math.nan)
        samples.append(BoxSample(write_box(form, (x, y, w, h), width, height), width, height, outline, area))
    return samples
