"""Which things of a picture clearly are at different distances, by how large they look and how large they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from scar.language.lexicon import resolve_category
from scar.language.word_tables import read_word_table
from scar.sample import Box, Picture, Region

_MIN_RATIO = 1.1
"""Least ratio of the nearest distance of one thing and the farthest of another one that tells them apart."""

_FRAME_SHARE = 0.01
"""A box that comes this close to the frame, as a share of the picture's side, is cut off by it."""


def find_depth_gaps(regions: Sequence[Region], picture: Picture) -> NDArray[np.bool_]:
    """(N, N) array: whether two regions of a picture clearly are at different distances from the viewer.

    A thing that is 2 m long and covers 100 pixels is twice as far as one of 1 m that covers as many. Things whose size
    `sizes.toml` lacks may be anywhere; one that the frame cuts off may be as near as can be.
    """
    nearest, farthest = np.array([_estimate_distances(region, picture) for region in regions]).reshape(-1, 2).T
    behind: NDArray[np.bool_] = nearest[:, None] > _MIN_RATIO * farthest
    return behind | behind.T


def is_other_depth(region: Region, other: Region, picture: Picture) -> bool:
    """Whether two regions clearly are at different distances; see `find_depth_gaps`."""
    nearest, farthest = _estimate_distances(region, picture)
    other_nearest, other_farthest = _estimate_distances(other, picture)
    return nearest > _MIN_RATIO * other_farthest or other_nearest > _MIN_RATIO * farthest


def is_cut_off(box: Box, picture: Picture) -> bool:
    """Whether the frame of the picture cuts a box off."""
    x, y = _FRAME_SHARE * picture.width, _FRAME_SHARE * picture.height
    return box.x0 <= x or box.y0 <= y or box.x1 >= picture.width - x or box.y1 >= picture.height - y


def _estimate_distances(region: Region, picture: Picture) -> tuple[float, float]:
    """The nearest and the farthest distance of a thing, in metres for each pixel of its longer side."""
    thing, pixels = resolve_category(region.category), max(region.box.width, region.box.height)
    known = _read_sizes().get(thing.name) or _read_sizes().get(f"kind:{thing.kind}")
    if known is None or not pixels:
        return 0.0, np.inf
    least, most = known
    return 0.0 if is_cut_off(region.box, picture) else least / pixels, most / pixels


@cache
def _read_sizes() -> Mapping[str, tuple[float, float]]:
    """The least and the largest size by thing or kind."""
    rows = read_word_table("sizes")["size"]
    return {name: (float(row["least"]), float(row["most"])) for row in rows for name in row["things"]}
