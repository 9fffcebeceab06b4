"""The tests of `scar.evidence.geometry` for all pairs of boxes of a picture at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scar.evidence.geometry import (
    MAX_NEUTRAL_OFFSET_SHARE,
    MAX_OVERLAP_SHARE,
    MIN_LEVEL_SHARE,
    MIN_ORDER_OFFSET_SHARE,
)
from scar.language.relation_phrase import ABOVE, BELOW, LEFT, RIGHT
from scar.sample import Box

FAR = 1.5
"""Least gap between two things that are not next to each other, as a multiple of the larger width or height."""

Pairs: TypeAlias = Sequence[Sequence[bool]]
"""(R, R) table as lists, of which single values are read faster than of an array: ``table[i][j]`` is of box i to j."""

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]


class BoxPairs:
    """Tables of the pairs of R boxes.

    Args:
        boxes: the boxes of a picture.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        sides = np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], float).reshape(-1, 4)
        self._low, self._high = sides[:, :2].T, sides[:, 2:].T  # (2, R): along x, along y
        self._size = self._high - self._low

    @cached_property
    def _held(self) -> Mapping[str, _Bools]:
        """(R, R) whether a box clearly is in each direction from another one."""
        low, high = self._low, self._high
        least = np.minimum(self._size[:, :, None], self._size[:, None, :])
        common = np.minimum(high[:, :, None], high[:, None, :]) - np.maximum(low[:, :, None], low[:, None, :])
        is_level = common >= MIN_LEVEL_SHARE * least
        before = low[:, None, :] - high[:, :, None] >= -MAX_OVERLAP_SHARE * least
        after = low[:, :, None] - high[:, None, :] >= -MAX_OVERLAP_SHARE * least
        return {
            LEFT: is_level[1] & before[0],
            RIGHT: is_level[1] & after[0],
            ABOVE: is_level[0] & before[1],
            BELOW: is_level[0] & after[1],
        }

    @cached_property
    def directions(self) -> Mapping[str, Pairs]:
        """By direction, whether a box clearly is there from another one; see `find_directions`."""
        return {direction: table.tolist() for direction, table in self._held.items()}

    @cached_property
    def out_of_direction(self) -> Mapping[str, Pairs]:
        """By direction, whether a box clearly is not there from another one; see `is_out_of_direction`."""
        ends, held = self._low + self._high, self._held
        offset = (ends[:, :, None] - ends[:, None, :]) / 2
        first, second = self._size[:, :, None], self._size[:, None, :]
        least = MIN_ORDER_OFFSET_SHARE * (first + second) / 2
        is_neutral = np.abs(offset) <= MAX_NEUTRAL_OFFSET_SHARE * np.maximum(first, second)
        is_neutral[0] &= held[ABOVE] | held[BELOW]
        is_neutral[1] &= held[LEFT] | held[RIGHT]
        found = {
            LEFT: (offset[0] >= least[0]) | is_neutral[0],
            RIGHT: (-offset[0] >= least[0]) | is_neutral[0],
            ABOVE: (offset[1] >= least[1]) | is_neutral[1],
            BELOW: (-offset[1] >= least[1]) | is_neutral[1],
        }
        return {direction: table.tolist() for direction, table in found.items()}

    @cached_property
    def far_apart(self) -> Pairs:
        """Whether two things clearly are not next to each other: `is_apart`, with `FAR` times the larger one."""
        low, high, size = self._low, self._high, self._size
        gaps = np.maximum(low[:, :, None], low[:, None, :]) - np.minimum(high[:, :, None], high[:, None, :])
        found: Pairs = (gaps >= FAR * np.maximum(size[:, :, None], size[:, None, :])).any(axis=0).tolist()
        return found
