"""Where captions stand in the rows: who breaks ties by order must not profit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from scar.audit.row_blocks import RowBlock
from scar.sample import Split


class PositionCounts:
    """Counts over the rows of a file.

    Args:
        split: whose format the rows have.
    """

    def __init__(self, split: Split) -> None:
        self._split = split
        self._position_counts: Counter[str] = Counter()

    def add_rows(self, rows: RowBlock) -> None:
        """Count where the gold caption stands among those shown; of train rows where the negative stands among all."""
        if self._split == "eval":
            lists, owners, wanted = rows.published_codes, rows.published_rows, rows.texts.codes[: rows.count]
        else:
            lists, owners, wanted = (
                rows.texts.codes[rows.count :],
                rows.caption_rows[rows.count :],
                rows.published_codes,
            )
        found = np.flatnonzero(lists == wanted[owners])
        holders, firsts = np.unique(owners[found], return_index=True)
        places = found[firsts] - np.searchsorted(owners, holders)
        self._position_counts["none"] += rows.count - len(holders)
        self._position_counts.update(
            {str(place): int(count) for place, count in enumerate(np.bincount(places)) if count}
        )

    def to_figures(self) -> dict[str, Any]:
        """What was counted.

        Returns:
            ``gold``: share of the rows by place, from 0 (by format it is always 0, so a model must not be ranked by the
            order of equal scores); or ``negative``: share of the train rows by the place of their negative among all.
        """
        counts = +self._position_counts
        shares = {place: round(counts[place] / counts.total(), 4) for place in sorted(counts)}
        return {"gold" if self._split == "eval" else "negative": shares}
