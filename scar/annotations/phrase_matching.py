"""Which object of an image a description is about: one that it names, with a box that is about its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scar.sample import Region

_MIN_IOU = 0.5
"""Least intersection over union of the boxes of an object and of a description of it."""

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")


class NamedBox(NamedTuple):
    """An object as descriptions are compared with it: its name between spaces, and the corners and area of its box."""

    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    area: float
    id: int


def index_by_last_word(regions: Iterable[Region]) -> dict[str, list[NamedBox]]:
    """Objects by the last word of their names, in their order."""
    by_word: dict[str, list[NamedBox]] = defaultdict(list)
    for region in regions:
        box = region.box
        found = NamedBox(f" {region.category} ", box.x0, box.y0, box.x1, box.y1, box.area, region.id)
        by_word[region.category.rpartition(" ")[2]].append(found)
    return by_word


def find_described_object(
    phrase: str, corners: tuple[float, float, float, float], by_word: Mapping[str, Sequence[NamedBox]]
) -> int | None:
    """Id of the object that a description names, with the box that is most like its own; of two, that named first.

    Args:
        phrase: in lower case.
        corners: left, top, right and bottom of what is described, in pixels.
        by_word: see `named`.
    """
    x0, y0, x1, y1 = corners
    words = _WORD.findall(phrase)
    padded = f" {' '.join(words)} "
    area = (x1 - x0) * (y1 - y0)
    best, most = None, _MIN_IOU
    for word in dict.fromkeys(words):
        for name, left, top, right, bottom, other_area, number in by_word.get(word, ()):
            # `Box.iou`, written out: there are some hundred million pairs.
            width = (x1 if x1 < right else right) - (x0 if x0 > left else left)
            if width <= 0:
                continue
            height = (y1 if y1 < bottom else bottom) - (y0 if y0 > top else top)
            if height <= 0:
                continue
            shared = width * height
            union = area + other_area - shared
            if shared >= most * union and (best is None or shared > most * union) and name in padded:
                best, most = number, shared / union
    return best
