"""Count positions of the gold caption in the rows: a model that breaks ties by order could profit from them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from scar.audit.row_blocks import RowBlock
from scar.sample import Split


class PositionCounts:
    """Counts of the positions at which the rows of one file list a caption; rows are added block by block.

    Args:
        split: split of the file; the rows of the two splits have different columns.
    """

    def __init__(self, split: Split) -> None:
        self._split = split
        self._counts: Counter[str] = Counter()

    def add_rows(self, rows: RowBlock) -> None:
        """Count the positions of the gold captions of eval rows, or of the published negatives of train rows."""
        if self._split == "eval":
            listed, listed_rows, wanted = rows.published_codes, rows.published_rows, rows.texts.codes[: rows.count]
        else:
            listed, listed_rows = rows.texts.codes[rows.count :], rows.caption_rows[rows.count :]
            wanted = rows.published_codes
        matches = np.flatnonzero(listed == wanted[listed_rows])
        rows_with_match, first_matches = np.unique(listed_rows[matches], return_index=True)
        positions = matches[first_matches] - np.searchsorted(listed_rows, rows_with_match)
        self._counts["none"] += rows.count - len(rows_with_match)
        self._counts.update({str(position): int(n) for position, n in enumerate(np.bincount(positions)) if n})

    def to_figures(self) -> dict[str, Any]:
        """Figures of all counted rows.

        Returns:
            For an eval file, ``gold``: share of the rows by position of the gold caption among all ten, from 0. The
            format always puts it at 0, so the order of equal scores must not decide. For a train file, ``negative``:
            share of the rows by position, from 0, of the published negative among the nine of the provenance. ``none``
            is the share of rows in which the caption is not listed.
        """
        counts = +self._counts
        shares = {position: round(counts[position] / counts.total(), 4) for position in sorted(counts)}
        return {"gold" if self._split == "eval" else "negative": shares}
