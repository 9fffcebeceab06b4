"""Find the object of a region description: the description names it, and their boxes overlap enough."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from scar.sample import Region

_MIN_IOU = 0.5
"""Least intersection over union of the box of a description and the box of the object that it describes."""

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")


NamedBox: TypeAlias = tuple[str, float, float, float, float, float, int]
"""A region: its category between spaces; left, top, right and bottom of its box in pixels; its area; its id."""


def index_by_last_word(regions: Iterable[Region]) -> dict[str, list[NamedBox]]:
    """Group the regions of an image by the last word of their categories, in the order of the regions.

    Categories are used as they are. `find_described_object` looks for words in lower case.

    >>> from scar.sample import Box
    >>> index_by_last_word([Region(7, Box(0, 0, 2, 3), "traffic light")])["light"]
    [(' traffic light ', 0, 0, 2, 3, 6, 7)]
    """
    by_word: dict[str, list[NamedBox]] = defaultdict(list)
    for region in regions:
        box = region.box
        named_box = f" {region.category} ", box.x0, box.y0, box.x1, box.y1, box.area, region.id
        by_word[region.category.rpartition(" ")[2]].append(named_box)
    return by_word


def find_described_object(
    phrase: str, corners: tuple[float, float, float, float], by_word: Mapping[str, Sequence[NamedBox]]
) -> int | None:
    """Id of the region that a description names and that overlaps most with its box; None if no region fits.

    A region fits if the description contains its category as whole words, and the intersection over union of their
    boxes is at least `_MIN_IOU`.

    Args:
        phrase: the description in lower case.
        corners: left, top, right and bottom of the description's box in pixels.
        by_word: the regions of the image, from `index_by_last_word`. If two overlap equally, the one that the
            description names first is taken.
    """
    x0, y0, x1, y1 = corners
    words = _WORD.findall(phrase)
    padded = f" {' '.join(words)} "
    area = (x1 - x0) * (y1 - y0)
    best_id, best_iou = None, _MIN_IOU
    for word in dict.fromkeys(words):
        for name, left, top, right, bottom, other_area, number in by_word.get(word, ()):
            # `Box.iou` inlined: there are some hundred million pairs.
            width = (x1 if x1 < right else right) - (x0 if x0 > left else left)
            if width <= 0:
                continue
            height = (y1 if y1 < bottom else bottom) - (y0 if y0 > top else top)
            if height <= 0:
                continue
            shared = width * height
            union = area + other_area - shared
            if shared >= best_iou * union and (best_id is None or shared > best_iou * union) and name in padded:
                best_id, best_iou = number, shared / union
    return best_id
