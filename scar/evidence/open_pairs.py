"""Pairs of regions that may touch or be side by side, as far as their boxes and names show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scar.evidence.depth import find_depth_gaps
from scar.evidence.geometry import measure_gaps
from scar.language.lexicon import is_confusable, resolve_category
from scar.sample import Box, Picture, Region

_MIN_TWIN_SHARE, _MIN_CONFUSED_SHARE = 0.5, 0.75
"""Least intersection of two boxes of one thing relative to their union, with one name and with two confusable ones."""

_MIN_BETWEEN_SHARE = 0.5
"""Least share of the gap between two things that a third one fills if it is between them."""


def find_open_pairs(regions: Sequence[Region], picture: Picture) -> NDArray[np.bool_]:
    """(N, N) array: whether two regions may touch or be side by side.

    Their boxes overlap or have a small gap; they are not clearly at different distances, nor two boxes of one thing.
    """
    x0, y0, x1, y1 = np.array([(r.box.x0, r.box.y0, r.box.x1, r.box.y1) for r in regions]).T
    slack = 0.35 * np.minimum.outer(x1 - x0, x1 - x0)
    reached = (x0[:, None] - slack < x1) & (y0[:, None] - slack < y1)
    is_open: NDArray[np.bool_] = reached & reached.T & ~find_depth_gaps(regions, picture)
    np.fill_diagonal(is_open, False)
    for i, j in zip(*np.nonzero(np.triu(is_open)), strict=True):
        if _is_one_thing(regions[i], regions[j]):
            is_open[i, j] = is_open[j, i] = False
    return is_open


def _is_one_thing(region: Region, other: Region) -> bool:
    """Whether two regions are likely one thing that is annotated twice: boxes much alike, and names too."""
    common = region.box.intersection_area(other.box)
    share = common / (region.box.area + other.box.area - common or 1)
    name, other_name = resolve_category(region.category).name, resolve_category(other.category).name
    if name == other_name:
        return share >= _MIN_TWIN_SHARE
    return share >= _MIN_CONFUSED_SHARE and is_confusable(name, other_name)


def is_between(regions: Sequence[Region], first: Region, second: Region) -> bool:
    """Whether a third thing fills much of the gap between two; a far larger one, such as a table, may bear them."""
    a, b = first.box, second.box
    gap_x, gap_y = measure_gaps(a, b)
    if max(gap_x, gap_y) <= 0:
        return False
    x, y = sorted((a.x0, a.x1, b.x0, b.x1)), sorted((a.y0, a.y1, b.y0, b.y1))
    gap = Box(x[1], y[1], x[2], y[2])  # between the two along one axis, what they have in common along the other
    most = 4 * max(a.area, b.area)
    return any(
        other.box.area < most and gap.intersection_area(other.box) >= _MIN_BETWEEN_SHARE * gap.area > 0
        for other in regions
        if other.id not in (first.id, second.id)
    )
