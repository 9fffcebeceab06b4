"""Which object of an image a description is about: one that it names, with a box that is about its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scar.sample import Box, Region

_SAME = 0.5
"""Least intersection over union of the boxes of an object and of a description of it."""

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")


class Named(NamedTuple):
    """An object as descriptions are compared with it: its name between spaces, and its box."""

    name: str
    box: Box
    area: float
    id: int


def named(regions: Iterable[Region]) -> dict[str, list[Named]]:
    """Objects by the last word of their names, in their order."""
    by_word: dict[str, list[Named]] = defaultdict(list)
    for region in regions:
        found = Named(f" {region.category} ", region.box, region.box.area, region.id)
        by_word[region.category.rpartition(" ")[2]].append(found)
    return by_word


def about(phrase: str, box: Box, by_word: Mapping[str, Sequence[Named]]) -> int | None:
    """Id of the object that a description names, with the box that is most like its own; of two, that named first."""
    words = _WORD.findall(phrase)
    padded = f" {' '.join(words)} "
    left, top, right, bottom, area = box.x0, box.y0, box.x1, box.y1, box.area
    best, most = None, _SAME
    for word in dict.fromkeys(words):
        for name, other, other_area, number in by_word.get(word, ()):
            # `Box.iou`, written out: there are some hundred million pairs.
            width = min(right, other.x1) - max(left, other.x0)
            height = min(bottom, other.y1) - max(top, other.y0)
            if width <= 0 or height <= 0:
                continue
            shared = width * height
            union = area + other_area - shared
            if shared >= most * union and (best is None or shared > most * union) and name in padded:
                best, most = number, shared / union
    return best
