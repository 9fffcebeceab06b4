"""Arithmetic on masks as runs of pixels: what share of one is inside of, upon or beside another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scar.run_lengths import decode_runs
from scar.sample import Box, Mask

_REACH_SHARE = 0.008
"""How far from a mask's edge another mask touches it, as a share of the image's longer side: annotated edges differ."""

_FOOT_SHARE = 0.25
"""Share of a mask's height, from below, that counts as its foot."""

_CUT_SHARE = 0.02
"""How far from the lower edge of the image a mask may end that this edge cuts off, as a share of the height."""

_VIEW_SHARE = 0.85
"""Least share of the image that the box of a thing covers that fills it."""

_GRID = 24
"""Points along each side of a box at which it is looked up what covers it."""


@dataclass(frozen=True, eq=False)
class MaskRuns:
    """A mask as runs in column-major order: the pixel (x, y) has the position x * height + y.

    Attributes:
        box: bounding box of the region.
        width, height: width and height of the image in pixels.
        starts: (R,) first position of each run, ascending.
        ends: (R,) the position after the last one of each run.
        reach: how far another mask may be from this one and still touch it, in pixels.
    """

    box: Box
    width: int
    height: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    reach: int

    @classmethod
    def from_mask(cls, mask: Mask, box: Box) -> MaskRuns:
        """The runs of a mask; ``box`` is the bounding box of its region."""
        edges = np.cumsum(decode_runs(mask.counts))
        starts, ends = edges[:-1:2], edges[1::2]
        some = min(len(starts), len(ends))
        return cls(
            box, mask.size[1], mask.size[0], starts[:some], ends[:some], max(2, round(_REACH_SHARE * max(mask.size)))
        )

    @cached_property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.ends - self.starts).sum())

    def contain(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,) whether each of (N,) positions is inside the mask."""
        index = np.searchsorted(self.starts, positions, side="right") - 1
        inside: NDArray[np.bool_] = (index >= 0) & (positions < self.ends[np.maximum(index, 0)])
        return inside

    @property
    def is_cut_below(self) -> bool:
        """Whether the lower edge of the image cuts off the region."""
        return self.box.y1 >= (1 - _CUT_SHARE) * self.height

    @property
    def fills_view(self) -> bool:
        """Whether the region's box covers at least `_VIEW_SHARE` of the image, as in a close-up."""
        return self.box.area >= _VIEW_SHARE * self.width * self.height

    def _in_column(self, positions: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether positions are in the same columns as others."""
        same: NDArray[np.bool_] = positions // self.height == others // self.height
        return same

    def share_within(self, other: MaskRuns) -> float:
        """Share of this mask's pixels that are inside the other one; 0 if one of them is empty."""
        if not self.area or not len(other.starts):
            return 0.0
        lengths = other.ends - other.starts
        before = np.concatenate(([0], np.cumsum(lengths)))  # pixels of the other mask before each of its runs

        def count_before(positions: NDArray[np.int64]) -> NDArray[np.int64]:
            run = np.searchsorted(other.starts, positions, side="right") - 1
            known = np.maximum(run, 0)
            return np.where(run < 0, 0, before[known] + np.minimum(positions - other.starts[known], lengths[known]))

        return float((count_before(self.ends) - count_before(self.starts)).sum() / self.area)

    @cached_property
    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the highest and of the lowest pixel of each column in which the mask has pixels."""
        column = (self.ends - 1) // self.height
        last = np.append(column[1:] != column[:-1], True)
        first = np.insert(column[1:] != column[:-1], 0, True)
        return self.starts[first], self.ends[last] - 1

    @cached_property
    def foot(self) -> NDArray[np.int64]:
        """Positions of the lowest pixel of each column that reaches into the foot, the lowest quarter of the mask."""
        lowest = self.columns[1]
        y = lowest % self.height
        low: NDArray[np.int64] = lowest[y >= y.max() - _FOOT_SHARE * (y.max() - (self.columns[0] % self.height).min())]
        return low

    def share_on(self, other: MaskRuns) -> float:
        """Share of the `foot` that is inside of the other mask, or has it below within `reach`."""
        touched = np.zeros(len(self.foot), bool)
        for step in range(self.reach + 1):
            touched |= other.contain(np.minimum(self.foot + step, (self.foot // self.height + 1) * self.height - 1))
        return float(touched.mean()) if len(touched) else 0.0

    def is_flanked(self, other: MaskRuns) -> bool:
        """Whether the other mask is beside the foot on one side at least, a little above its lowest pixel."""
        level = int((self.foot % self.height).max()) - self.reach
        columns = self.foot // self.height
        beside = np.array([columns.min() - 2 * self.reach, columns.max() + 2 * self.reach])
        beside = beside[beside >= 0]
        return level >= 0 and bool(other.contain(beside * self.height + level).any())

    def share_covering(self, box: Box) -> float:
        """Share of a box that the mask covers, at `_GRID` times `_GRID` points of it."""
        steps = (np.arange(_GRID) + 0.5) / _GRID
        x, y = (box.x0 + steps * box.width).astype(np.int64), (box.y0 + steps * box.height).astype(np.int64)
        return float(self.contain((x[:, None] * self.height + np.minimum(y, self.height - 1)).ravel()).mean())

    def share_above(self, other: MaskRuns, share: float) -> float:
        """Share of the `foot` that has the other mask below, within ``share`` of this mask's height or `reach`."""
        if not len(self.foot) or not len(other.starts):
            return 0.0
        ends = (self.foot // self.height + 1) * self.height
        below = np.minimum(self.foot + max(self.reach, round(share * self.box.height)) + 1, ends)
        run = np.searchsorted(other.starts, below, side="left") - 1
        return float(((run >= 0) & (other.ends[np.maximum(run, 0)] > self.foot)).mean())

    def share_touching(self, other: MaskRuns) -> float:
        """Share of this mask's outline that has the other mask within `reach`; 0 for an empty mask."""
        above, below = self.starts - self.reach, self.ends - 1 + self.reach
        above, below = above[self._in_column(above, self.starts)], below[self._in_column(below, self.ends - 1)]
        middle, side = (self.starts + self.ends) // 2, self.reach * self.height
        around = np.concatenate((above, below, middle - side, middle + side))
        around = around[~self.contain(around)]
        return float(other.contain(around).mean()) if len(around) else 0.0
